import { equal } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Dialect, NtStatus } from '@ring3/smb-proto';
import type { Server } from '../server/server.ts';
import { loggingOff } from '../testing/elements.ts';
import { RawClient, testServer } from '../testing/raw-client.ts';

const { Smb202, Smb21, Smb30, Smb302 } = Dialect;
const guid = new Uint8Array(16).fill(9);

async function logOn(
  server: Server,
  dialect: number,
  { clientGuid = guid, user = 'ann', previous = 0 }: { clientGuid?: Uint8Array; user?: string; previous?: number } = {},
) {
  const client = new RawClient(server);
  client.clientGuid = clientGuid;
  await client.negotiate([dialect]);
  const { status } = await client.logOn(user, user === 'ann' ? 'secret' : 'word', previous);
  return { client, status };
}

describe('SESSION_SETUP of a client that is connected with another dialect (MS-SMB2 3.3.5.5.3)', () => {
  for (const [before, after] of [
    [Smb21, Smb302],
    [Smb302, Smb21],
    [Smb30, Smb302],
    [Smb202, Smb21],
  ] as const) {
    test(`${before.toString(16)}, then ${after.toString(16)}: the session is deleted, also if it names the previous one`, async () => {
      const server = testServer();
      const { client } = await logOn(server, before);
      equal((await logOn(server, after)).status, NtStatus.UserSessionDeleted);
      equal((await logOn(server, after, { previous: client.sessionId })).status, NtStatus.UserSessionDeleted);
      equal((await client.connect('share')).status, NtStatus.Success, 'the session that was there stays');
      equal(server.sessions.size, 1);
    });
  }

  test('the same dialect, another client and the zero GUID log on', async () => {
    const server = testServer();
    await logOn(server, Smb302);
    equal((await logOn(server, Smb302)).status, NtStatus.Success);
    equal((await logOn(server, Smb21, { clientGuid: new Uint8Array(16).fill(8) })).status, NtStatus.Success);
    const clientGuid = new Uint8Array(16);
    for (const dialect of [Smb202, Smb21]) equal((await logOn(server, dialect, { clientGuid })).status, NtStatus.Success);
  });

  test('a connection of another user, or without a session, does not count', async () => {
    const server = testServer();
    await logOn(server, Smb21, { user: 'bob' });
    const { client, status } = await logOn(server, Smb302);
    equal(status, NtStatus.Success);
    await client.ask(loggingOff);
    equal((await logOn(server, Smb30)).status, NtStatus.Success);
  });
});
