import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { FakeClock, type Link, type LinkEvents } from '@ring3/kit';
import { NtStatus } from '@ring3/smb-proto';
import { createMemoryStore } from '@ring3/vfs';
import { createSmbServer } from '../create-smb-server.ts';
import type { TcpEnds } from '../links/tcp.ts';
import type { Server } from '../server/server.ts';
import type { ConnectionUse } from '../server/smb-server-options.ts';
import { RawClient } from '../testing/raw-client.ts';

test('an accepted connection passes `carry` with both ends; the returned link is the connection, and an end that it reports ends the connection', async () => {
  let given: { ends: TcpEnds; use: () => ConnectionUse } | undefined;
  // the returned connection has its client in memory
  let client: RawClient | undefined;
  let events: LinkEvents | undefined;
  const carry = (accepted: Link, ends: TcpEnds, use: () => ConnectionUse): Link => {
    given = { ends, use };
    deepStrictEqual(use(), { opens: 0, working: false });
    accepted.close(true);
    let carried: Link | undefined;
    client = new RawClient({ clock: new FakeClock(), accept: (link: Link) => (carried = link) } as unknown as Server);
    const link = carried as unknown as Link;
    const open = link.open.bind(link);
    return Object.assign(link, {
      open: (ownerEvents: LinkEvents) => {
        events = ownerEvents;
        open(ownerEvents);
      },
    });
  };
  await using server = await createSmbServer({
    shares: { share: createMemoryStore() },
    users: { ann: 'secret' },
    signing: 'enabled',
    carry,
  });
  const { port = 0 } = server.address ?? {};
  const connected = once(server.events, 'connect');
  const socket = connect(port, '127.0.0.1');
  await connected;
  deepStrictEqual(given?.ends.server, { host: '127.0.0.1', port });
  strictEqual(given?.ends.client.host, '127.0.0.1');
  await client?.negotiate();
  await client?.logOn('ann', 'secret');
  await client?.connect('share');
  for (const name of ['one', 'two']) strictEqual((await client?.create(name))?.status, NtStatus.Success);
  deepStrictEqual(given?.use(), { opens: 2, working: false });

  const disconnected = once(server.events, 'disconnect');
  events?.end('ended by the embedder');
  const [{ reason }] = (await disconnected) as [{ reason: string }];
  strictEqual(reason, 'ended by the embedder');
  deepStrictEqual(given?.use(), { opens: 0, working: false });
  socket.destroy();
});
