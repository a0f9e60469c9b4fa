import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Link } from '@ring3/kit';
import { listenTcp, type TcpEnds } from './tcp.ts';

interface Accepted extends AsyncDisposable {
  readonly link: Link;
  readonly ends: TcpEnds;
  readonly client: Socket;
  readonly port: number;
}

/** A client that does not read yet, and the link to it. */
async function accepted(host = '127.0.0.1'): Promise<Accepted> {
  let taken: (pair: [Link, TcpEnds]) => void;
  const pair = new Promise<[Link, TcpEnds]>((resolve) => {
    taken = resolve;
  });
  const listener = await listenTcp({ host, port: 0 }, (link, ends) => taken([link, ends]));
  const client = connect(listener.port, '127.0.0.1');
  await once(client, 'connect');
  const [link, ends] = await pair;
  const close = async (): Promise<void> => {
    client.destroy();
    link.close(true);
    await listener.close();
  };
  return { link, ends, client, port: listener.port, [Symbol.asyncDispose]: close };
}

test('both ends of an accepted connection are known', async () => {
  await using there = await accepted();
  deepStrictEqual(there.ends, {
    client: { host: '127.0.0.1', port: there.client.localPort },
    server: { host: '127.0.0.1', port: there.port },
  });
});

test('a client that connects by IPv4 to a socket of both families has its IPv4 address', async () => {
  await using there = await accepted('::');
  const { localPort } = there.client;
  deepStrictEqual(there.ends.client, { host: '127.0.0.1', port: localPort });
  deepStrictEqual(there.ends.server, { host: '127.0.0.1', port: there.port });
  strictEqual(there.link.peer, `127.0.0.1:${localPort}`);
});

test('the number of unsent bytes falls during one long write, while `queued` does not', async () => {
  for (const memory of [{}, { buffer: () => new Uint8Array(65_536) }]) {
    await using there = await accepted();
    const { link, client } = there;
    link.open({ receive: () => {}, end: () => {}, ...memory });
    let sent = false;
    const bytes = new Uint8Array(32 << 20);
    link.send([bytes], () => {
      sent = true;
    });
    const before = link.unsent ?? 0;
    ok(before > 0);
    while (link.unsent === before) {
      client.read();
      await turn();
    }
    deepStrictEqual([sent, link.queued], [false, bytes.length]);
    client.resume();
    while (!sent) await turn();
    strictEqual(link.unsent, 0);
  }
});

test('the end reports whether it was orderly', async () => {
  for (const broken of [false, true]) {
    await using there = await accepted();
    const ended = new Promise<boolean | undefined>((resolve) => there.link.open({ receive: () => {}, end: (_, how) => resolve(how) }));
    if (broken) there.client.resetAndDestroy();
    else there.client.end();
    strictEqual(await ended, broken);
  }
});
