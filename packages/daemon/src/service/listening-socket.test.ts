import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { bindTcp, close, Domain, listen, openUnix, SocketType, socket } from '@ring3/linux';
import { createSmbServer } from '@ring3/smb-server';
import { createMemoryStore } from '@ring3/vfs';
import { boundSocket, type ListeningSocket, passedSocket } from './listening-socket.ts';

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const connecting = async (port: number): Promise<Socket | string> => {
  const client = createConnection(port, '127.0.0.1');
  try {
    await once(client, 'connect');
    return client;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? '';
  }
};

const serve = (held: ListeningSocket) => createSmbServer({ shares: { stuff: createMemoryStore() }, listen: held });
const passed = (fd: number, name = 'smb') => ({ fd, name });

test('a bound port serves, refuses connections without a server, and serves again', async () => {
  const port = await freePort();
  using held = await boundSocket('localhost', port);
  ok(held.isFor('localhost', port) && !held.isFor('localhost', port + 1) && !held.isFor('127.0.0.1', port));
  for (let round = 0; round < 3; round++) {
    strictEqual(await connecting(port), 'ECONNREFUSED');
    const server = await serve(held);
    deepStrictEqual(server.address, { host: '127.0.0.1', port });
    const client = await connecting(port);
    ok(typeof client === 'object');
    client.resume(); // to hear of its end
    await Promise.all([once(client, 'close'), server.close()]);
  }
});

test('a port that is held refuses from the moment on when its server drains', async () => {
  const port = await freePort();
  using held = await boundSocket('127.0.0.1', port);
  await using server = await serve(held);
  const drained = server.drain(1000);
  strictEqual(await connecting(port), 'ECONNREFUSED');
  await drained;
});

test('a passed socket serves any requested host and port; clients wait while no server runs', async () => {
  const port = await freePort();
  const given = bindTcp({ host: '127.0.0.1', port });
  listen(given);
  using held = passedSocket([passed(given)]) as ListeningSocket;
  ok(held.isFor('elsewhere', 445));
  throws(() => closeSync(given), { code: 'EBADF' }); // ours now, under a number that children do not get
  await (await serve(held)).close();
  const waiting = await connecting(port);
  ok(typeof waiting === 'object');
  await using server = await serve(held);
  waiting.write(Buffer.from('00000001ff', 'hex')); // a frame that is no SMB: the server reads it, and ends the connection
  waiting.resume();
  await once(waiting, 'close');
  strictEqual(server.address?.port, port);
});

test('a missing passed socket is not an error; more than one is', () => {
  strictEqual(passedSocket([]), undefined);
  throws(() => passedSocket([passed(3, 'a'), passed(4, 'b')]), /2 sockets \(a, b\), ring3 serves one/);
});

const file = () => openSync('/dev/null', 'r');
const listening = (domain: number): number => {
  const fd = socket(domain, SocketType.Stream);
  listen(fd);
  return fd;
};
for (const [what, make, why] of [
  ['a file', file, /is not a socket \(ENOTSOCK\)/],
  ['a unix socket', () => openUnix(SocketType.Stream), /is not a TCP socket: ListenStream= takes a port/],
  ['a datagram socket', () => socket(Domain.Inet, SocketType.Dgram), /not ListenDatagram=/],
  ['a socket that does not listen', () => socket(Domain.Inet6, SocketType.Stream), /does not listen: .*Accept=no/],
] as const) {
  test(`a passed descriptor that is ${what} is refused in one line that says what to do`, () => {
    const fd = make();
    ok(fd >= 0);
    throws(
      () => passedSocket([passed(fd, 'given')]),
      (error: Error) => {
        match(error.message, why);
        match(error.message, new RegExp(`^descriptor ${fd} \\(given\\) that the service manager passed `));
        return !error.message.includes('\n');
      },
    );
    strictEqual(close(fd), 0);
  });
}

test('a descriptor that is not there is refused, a listening IPv6 socket is taken', () => {
  throws(() => passedSocket([passed(9999)]), /is not a socket \(EBADF\)/);
  passedSocket([passed(listening(Domain.Inet6))])?.[Symbol.dispose]();
});

test('a port that cannot be held says why', async () => {
  const port = await freePort();
  using first = await boundSocket('127.0.0.1', port);
  await using _server = await serve(first);
  await rejects(boundSocket('127.0.0.1', port), /another program listens there/);
  await rejects(boundSocket('192.0.2.1', port), /192\.0\.2\.1 is not an address of this machine/); // RFC 5737: nobody's
});
