import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  bindUnix,
  close,
  connectUnix as connectSocket,
  Errno,
  openUnix,
  Ready,
  readiness,
  receive,
  SocketType,
  SystemError,
  send,
  sendMessage,
  socketPair,
} from '@ring3/linux';
import { attr, attrs, be32, Frame } from '@ring3/wire';
import { drawFrom } from '@ring3/wire/testing';
import { createClient, lost } from '../../client/client.ts';
import { MessageHeader, MessageType, messages } from '../../message.ts';
import { NetlinkError } from '../../netlink-error.ts';
import { createServer, type NetlinkServer } from '../../server/server.ts';
import { command, subsystem } from '../../server/subsystem.ts';
import { connectUnix } from './connect-unix.ts';
import { listenUnix, type UnixServer } from './listen-unix.ts';
import { magic, UnixAnswer, UnixFlags, UnixKind, UnixRequest, version } from './packets.ts';

const folder = mkdtempSync(join(tmpdir(), 'ring3-links-'));
after(() => rmSync(folder, { recursive: true }));
let sockets = 0;
const freshPath = (): string => join(folder, `${++sockets}.sock`);

const Item = attrs('ITEM', { number: attr(1, be32) });

/** 0x7f01 lists as many items as `number` says; 0x7f02 sends as many events to group 3. */
function makeServer(): NetlinkServer {
  const list = command({
    attributes: Item,
    handle: () => Errno.ENOENT,
    dump: (call) => {
      let next = 0;
      const count = call.attributes.get('number') ?? 0;
      return {
        fill: (block, head) => {
          for (; next < count; next++) if (!block.add({ ...head, type: 0x7f00 }, Item, { number: next })) return false;
          return true;
        },
      };
    },
  });
  const tell = command({
    attributes: Item,
    handle: (call) => {
      for (let i = 0; i < (call.attributes.get('number') ?? 0); i++) server.notify(3, event(i));
      return undefined;
    },
  });
  const server = createServer({ subsystems: [subsystem(0x7f, { 1: list, 2: tell })] });
  return server;
}
function datagram(type: number, flags: number, sequence: number, number: number): Uint8Array {
  const frame = Frame.alloc(28);
  MessageHeader.write(frame, 0, { length: 28, type, flags, sequence, portId: 0 });
  frame.view.setUint16(20, 8, true);
  frame.view.setUint16(22, 1, true);
  frame.view.setUint32(24, number);
  return frame.bytes;
}
const event = (sequence: number): Uint8Array => datagram(0x7f03, 0, sequence, 0);

async function served(run: (path: string, server: NetlinkServer, listener: UnixServer) => Promise<void>): Promise<void> {
  const server = makeServer();
  const path = freshPath();
  const listener = listenUnix(path, { namespace: (name) => (name === '' ? server : undefined) });
  try {
    await run(path, server, listener);
  } finally {
    listener.close();
    server.close();
  }
}
const request = (type: number, number: number, what = 'test') => ({ type, attributes: Item, value: { number }, what });

test('a typed client sends requests and dumps over the socket', () =>
  served(async (path) => {
    const client = createClient(await connectUnix(path));
    assert.equal(client.link.portId, process.pid);
    await assert.rejects(
      client.request(request(0x7f01, 1, 'get one')),
      (error) => error instanceof NetlinkError && error.errno === Errno.ENOENT,
    );
    let next = 0;
    for await (const { frame, at, header } of client.dump(request(0x7f01, 20_000))) {
      assert.equal(header.type, 0x7f00);
      assert.equal(frame.view.getUint32(at + 24), next++);
    }
    assert.equal(next, 20_000);
    client.close();
  }));

test('a second socket of the same process has another port id', () =>
  served(async (path) => {
    const [first, second] = [await connectUnix(path), await connectUnix(path)];
    assert.equal(first.portId, process.pid);
    assert.ok(second.portId > 0x7fffffff);
    first.close();
    second.close();
  }));

test('events reach the members of a group', () =>
  served(async (path) => {
    const [listening, telling] = [createClient(await connectUnix(path)), createClient(await connectUnix(path))];
    const events = listening.events([3]);
    const first = events.next();
    await listening.request(request(0x7f02, 0)); // the group is joined before the response
    await telling.request(request(0x7f02, 2));
    const seen = [(await first).value, (await events.next()).value];
    assert.deepEqual(
      seen.map((each) => (each === lost ? lost : each?.header.sequence)),
      [0, 1],
    );
    await events.return?.();
    listening.close();
    telling.close();
  }));

test('a slow receiver gets a report of lost datagrams, and later events', () =>
  served(async (path) => {
    const [listening, telling] = [await connectUnix(path), createClient(await connectUnix(path))];
    listening.setOption(1, 3);
    listening.setReceiveBuffer(1);
    listening.send(datagram(0, 0x5, 1, 0)); // the options apply before the response
    await readable(listening);
    while (typeof listening.receive() !== 'number');
    await telling.request(request(0x7f02, 5000));
    let answer: Uint8Array | number = 0;
    let count = 0;
    while (answer !== -Errno.ENOBUFS) {
      answer = listening.receive();
      if (answer === -Errno.EAGAIN) await readable(listening);
      else if (typeof answer !== 'number') count++;
    }
    assert.ok(count > 0 && count < 5000);
    await telling.request(request(0x7f02, 1));
    for (answer = listening.receive(); answer === -Errno.EAGAIN; answer = listening.receive()) await readable(listening);
    listening.close();
    telling.close();
  }));

function readable(link: { watch(ready: () => void): () => void }): Promise<void> {
  return new Promise((resolve) => {
    const unwatch = link.watch(() => {
      unwatch();
      resolve();
    });
  });
}

test('an unknown namespace is ENOENT; a path without a listener is ENOENT or ECONNREFUSED, with another `syscall`', () =>
  served(async (path) => {
    const failing = (syscall: string, code: string) => (error: unknown) =>
      error instanceof SystemError && error.syscall === syscall && error.code === code;
    await assert.rejects(connectUnix(path, { namespace: 'red' }), failing('namespace', 'ENOENT'));
    await assert.rejects(connectUnix(freshPath()), failing('connect', 'ENOENT'));
    const dead = freshPath();
    const fd = openUnix(SocketType.SeqPacket);
    bindUnix(fd, dead);
    close(fd);
    await assert.rejects(connectUnix(dead), failing('connect', 'ECONNREFUSED'));
  }));

test('the path is accessible only to its user, in use while a process listens, replaced if none does, and removed at the end', () => {
  const path = freshPath();
  const options = { namespace: () => undefined };
  const dead = openUnix(SocketType.SeqPacket);
  bindUnix(dead, path);
  close(dead);
  const first = listenUnix(path, options);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.throws(() => listenUnix(path, options), /EADDRINUSE/);
  first.close();
  first.close();
  assert.equal(existsSync(path), false);
  assert.throws(() => listenUnix(join(folder, 'x'.repeat(120)), options), /ENAMETOOLONG/);
});

test('a file at the path that is not a socket is kept', () => {
  const path = freshPath();
  writeFileSync(path, 'precious');
  assert.throws(() => listenUnix(path, { namespace: () => undefined }), /EADDRINUSE/);
  assert.equal(readFileSync(path, 'utf8'), 'precious');
  rmSync(path);
});

test('closing a namespace closes its sockets; closing a listener closes all', () =>
  served(async (path, server, listener) => {
    const links = [await connectUnix(path), await connectUnix(path)];
    assert.equal(listener.connections, 2);
    server.close();
    assert.equal(listener.connections, 0);
    for (const link of links) {
      await readable(link);
      assert.ok([-Errno.ECONNRESET, -Errno.EPIPE].includes(link.receive() as number));
      link.close();
    }
  }));

// ---- the other end sends raw packets ----

/** Connects without Hello. */
function bare(path: string): number {
  const fd = openUnix(SocketType.SeqPacket);
  assert.equal(connectSocket(fd, path), 0);
  return fd;
}
/** Returns the next packet of a descriptor, or a number. */
async function packet(fd: number): Promise<Uint8Array | number> {
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const length = receive(fd, buffer);
    if (length !== -Errno.EAGAIN) return length > 0 ? buffer.slice(0, length) : length;
    await new Promise<void>((resolve) => {
      const watch = readiness.watch(fd, Ready.Readable, () => {
        (watch as { close(): void }).close();
        resolve();
      });
    });
  }
}
function packed(kind: number, first = 0, second = 0, flags = 0): Uint8Array {
  const frame = Frame.alloc(UnixRequest.byteLength);
  UnixRequest.write(frame, 0, { magic, kind, flags, processId: 4711, largest: 0, first, second });
  return frame.bytes;
}
/** Sends a request as the shim does: with an end of a socket pair. */
async function ask(fd: number, ...chunks: Uint8Array[]): Promise<UnixAnswer & { body: Uint8Array }> {
  const [here, there] = socketPair(SocketType.SeqPacket) as [number, number];
  assert.ok(sendMessage(fd, chunks, [there]) > 0);
  close(there);
  const answer = await packet(here);
  close(here);
  assert.ok(typeof answer === 'object');
  return { ...UnixAnswer.read(new Frame(answer), 0), body: answer.subarray(UnixAnswer.byteLength) };
}

test('a program that does not use the packets sends and receives datagrams', () =>
  served(async (path) => {
    const fd = bare(path);
    send(fd, datagram(0x7f01, 0x301, 5, 5000));
    let count = 0;
    for (let done = false; !done; ) {
      for (const { header } of messages((await packet(fd)) as Uint8Array)) {
        if (header.type === MessageType.Done) done = true;
        else count++;
        assert.equal(header.portId, process.pid);
      }
    }
    assert.equal(count, 5000);
    close(fd);
  }));

test('an unknown version, magic number or kind is rejected, and so is a second Hello', () =>
  served(async (path) => {
    const fd = bare(path);
    assert.equal((await ask(fd, packed(UnixKind.Name))).error, Errno.ENOTCONN);
    assert.equal((await ask(fd, packed(UnixKind.Hello, version + 1, SocketType.Raw))).error, Errno.EPROTONOSUPPORT);
    assert.equal((await ask(fd, Buffer.from('nothing'))).error, Errno.EPROTO);
    assert.equal((await ask(fd, new Uint8Array(UnixRequest.byteLength))).error, Errno.EPROTO);
    const hello = await ask(fd, packed(UnixKind.Hello, version, SocketType.Raw));
    assert.deepEqual([hello.error, hello.length, hello.body.length], [0, 16, 16]);
    assert.equal((await ask(fd, packed(UnixKind.Hello, version, SocketType.Raw))).error, Errno.EISCONN);
    assert.equal((await ask(fd, packed(99))).error, Errno.EPROTO);
    assert.equal((await ask(fd, packed(UnixKind.SetOption, 1, 8))).error, Errno.EINVAL);
    assert.equal((await ask(fd, packed(UnixKind.SetOption, 6, 1), Uint8Array.of(1, 0, 0, 0))).error, Errno.ENOPROTOOPT);
    assert.equal((await ask(fd, packed(UnixKind.Data, 5, 0, UnixFlags.Addressed), event(1))).error, Errno.ECONNREFUSED);
    assert.equal((await ask(fd, packed(UnixKind.Data, 0, 0, UnixFlags.Addressed))).error, Errno.ENODATA);
    close(fd);
  }));

test('more than one descriptor closes the connection; a descriptor that does not accept the response does not', () =>
  served(async (path, _server, listener) => {
    const strange = bare(path);
    const pair = socketPair(SocketType.SeqPacket) as [number, number];
    sendMessage(strange, packed(UnixKind.Hello, version), pair);
    assert.equal(await packet(strange), 0);
    const fd = bare(path);
    const listening = openUnix(SocketType.SeqPacket); // not connected
    sendMessage(fd, packed(UnixKind.Hello, version), [listening]);
    assert.equal((await ask(fd, packed(UnixKind.Name))).error, 0);
    assert.equal(listener.connections, 1);
    for (const each of [strange, fd, listening, ...pair]) close(each);
  }));

test('random bytes of any length, with or without a descriptor, cause no failure', () =>
  served(async (path) => {
    const draw = drawFrom(1);
    const noise = (length: number): Uint8Array => Uint8Array.from({ length }, () => draw());
    const [, there] = socketPair(SocketType.SeqPacket) as [number, number];
    for (let round = 0; round < 60; round++) {
      const fd = bare(path);
      if (round % 3 === 0) await ask(fd, packed(UnixKind.Hello, version, SocketType.Raw, round % 2 === 0 ? UnixFlags.Push : 0));
      for (let i = 0; i < 10; i++) {
        const bytes = noise(draw() % 200);
        if (round % 2 === 0 && bytes.length >= UnixRequest.byteLength)
          bytes.set(packed(draw() % 12, draw(), draw(), draw() & 3).subarray(0, 16));
        if (i % 2 === 0) send(fd, bytes);
        else sendMessage(fd, bytes, [there]);
      }
      send(fd, noise(100_000 + (draw() % 50_000)));
      close(fd);
    }
    const client = createClient(await connectUnix(path));
    let count = 0;
    for await (const _ of client.dump(request(0x7f01, 3))) count++;
    assert.equal(count, 3);
    client.close();
    close(there);
  }));

test('a program that closes its socket during a dump leaves no state', () =>
  served(async (path, server, listener) => {
    const link = await connectUnix(path);
    const { portId } = link;
    link.send(datagram(0x7f01, 0x301, 5, 1_000_000));
    await readable(link);
    const port = server.port(portId);
    assert.equal(port?.dumping, true);
    link.close();
    const other = createClient(await connectUnix(path));
    while (listener.connections > 1) await other.request(request(0x7f02, 0));
    assert.notEqual(server.port(portId), port); // the number may belong to another descriptor now
    other.close();
  }));

test('of the requests before a program closed its socket, changes are executed and dumps are not built', async () => {
  let filled = 0;
  let changed = 0;
  const dump = command({
    attributes: Item,
    handle: () => Errno.ENOENT,
    dump: () => ({
      fill: () => {
        filled++;
        return true;
      },
    }),
  });
  const change = command({
    attributes: Item,
    handle: () => {
      changed++;
      return undefined;
    },
  });
  const server = createServer({ subsystems: [subsystem(0x7f, { 1: dump, 2: change })] });
  const path = freshPath();
  const listener = listenUnix(path, { namespace: () => server });
  const fds = Array.from({ length: 20 }, () => bare(path));
  for (const fd of fds) {
    for (let i = 0; i < 3; i++) send(fd, datagram(0x7f01, 0x301, i, 1));
    send(fd, datagram(0x7f02, 0x5, 9, 1));
    close(fd);
  }
  const other = createClient(await connectUnix(path));
  while (listener.connections > 1) await other.request(request(0x7f02, 0));
  assert.equal(filled, 0);
  assert.ok(changed >= 20);
  other.close();
  listener.close();
  server.close();
});
