import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer } from 'node:net';
import { test } from 'node:test';
import { close, duplicate } from '../close.ts';
import { Errno } from '../errno.ts';
import { bindTcp, inetName } from './inet.ts';
import { Domain, listen, SocketLevel, SocketOption, shutdown, socketOption } from './socket.ts';

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

test('an IPv6 socket on every address takes IPv4 too, whatever bindv6only says (ipv6(7) IPV6_V6ONLY)', async () => {
  const port = await freePort();
  const fd = bindTcp({ host: '::', port });
  if (fd === -Errno.EAFNOSUPPORT) return; // a machine without IPv6
  assert.equal(listen(fd), 0);
  assert.equal(await connecting(port), 'connect');
  close(fd);
});

/** The result of a connection attempt: 'connect', or the error's code. */
const connecting = (port: number): Promise<string> =>
  new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1');
    socket.once('connect', () => resolve('connect')).once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    socket.once('connect', () => socket.destroy());
  });

test('a bound socket refuses, listens, and refuses again after shutdown(2): its port stays its own all the while', async () => {
  const port = await freePort();
  const fd = bindTcp({ host: '127.0.0.1', port });
  assert.ok(fd >= 0);
  assert.deepEqual(inetName(fd), { family: Domain.Inet, port });
  for (let round = 0; round < 3; round++) {
    assert.equal(await connecting(port), 'ECONNREFUSED');
    const server = createServer().listen({ fd: duplicate(fd) });
    await once(server, 'listening');
    assert.equal(socketOption(fd, SocketLevel.Socket, SocketOption.AcceptConnections), 1);
    assert.equal(await connecting(port), 'connect');
    server.close();
    await once(server, 'close');
    assert.equal(shutdown(fd, 0), 0);
    assert.equal(socketOption(fd, SocketLevel.Socket, SocketOption.AcceptConnections), 0);
  }
  close(fd);
});

test('what is no address of numbers, or none of this machine, is a negative errno; so is a port that somebody listens on', async () => {
  assert.equal(bindTcp({ host: 'localhost', port: 0 }), -Errno.EINVAL);
  assert.equal(bindTcp({ host: '127.0.0.1\0', port: 0 }), -Errno.EINVAL);
  assert.equal(bindTcp({ host: '127.0.0.1', port: 65536 }), -Errno.EINVAL);
  assert.equal(bindTcp({ host: '192.0.2.1', port: 0 }), -Errno.EADDRNOTAVAIL); // RFC 5737: for documentation, not assigned
  const port = await freePort();
  const first = bindTcp({ host: '127.0.0.1', port });
  assert.equal(listen(first), 0);
  assert.equal(bindTcp({ host: '127.0.0.1', port }), -Errno.EADDRINUSE);
  close(first);
  assert.equal(inetName(first), -Errno.EBADF);
});
