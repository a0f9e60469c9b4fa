import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { close, duplicate } from '../close.ts';
import { Errno } from '../errno.ts';
import {
  accept,
  listen,
  MessageFlag,
  receive,
  SocketLevel,
  SocketOption,
  SocketType,
  send,
  setSocketOption,
  socketOption,
} from './socket.ts';
import { bindUnix, connectUnix, MessageDetails, openUnix, peerCredentials, receiveMessage, sendMessage, socketPair } from './unix.ts';

const folder = mkdtempSync(join(tmpdir(), 'ring3-unix-'));
after(() => rmSync(folder, { recursive: true }));

function pair(type: number = SocketType.SeqPacket): [number, number] {
  const ends = socketPair(type);
  assert.ok(typeof ends === 'object');
  return ends;
}

test('a SEQPACKET keeps its boundaries, and its true length is told when it is cut (unix(7))', () => {
  const [a, b] = pair();
  assert.equal(receive(b, new Uint8Array(8)), -Errno.EAGAIN);
  assert.equal(send(a, Buffer.from('first')), 5);
  assert.equal(send(a, Buffer.from('second')), 6);
  const buffer = Buffer.alloc(4);
  const details = new MessageDetails();
  assert.equal(receiveMessage(b, buffer, details, MessageFlag.Peek), 5);
  assert.equal(details.flags & MessageFlag.Truncated, MessageFlag.Truncated);
  assert.equal(receive(b, buffer), 4);
  assert.equal(receive(b, buffer, MessageFlag.Truncated), 6);
  assert.equal(buffer.toString(), 'seco');
  close(a);
  assert.equal(receive(b, buffer), 0);
  assert.equal(send(b, buffer), -Errno.EPIPE);
  close(b);
});

test('a socket at a path accepts, and knows who connected (SO_PEERCRED)', () => {
  const path = join(folder, 'listen.sock');
  const server = openUnix(SocketType.SeqPacket);
  const client = openUnix(SocketType.SeqPacket);
  assert.equal(connectUnix(client, path), -Errno.ENOENT);
  assert.equal(bindUnix(server, path), 0);
  assert.equal(connectUnix(client, path), -Errno.ECONNREFUSED);
  assert.equal(listen(server), 0);
  assert.equal(accept(server), -Errno.EAGAIN);
  assert.equal(connectUnix(client, path), 0);
  const accepted = accept(server);
  assert.ok(accepted >= 0);
  assert.deepEqual(peerCredentials(accepted), { processId: process.pid, userId: process.getuid?.(), groupId: process.getgid?.() });
  assert.equal(socketOption(accepted, SocketLevel.Socket, SocketOption.Type), SocketType.SeqPacket);
  for (const fd of [server, client, accepted]) close(fd);
});

test('an abstract name begins with a zero byte; a path holds none and fits 107 bytes', () => {
  const name = Buffer.from(`\0ring3-${process.pid}-${Math.random()}`);
  const server = openUnix(SocketType.SeqPacket);
  assert.equal(bindUnix(server, 'with\0zero'), -Errno.EINVAL);
  assert.equal(bindUnix(server, ''), -Errno.EINVAL);
  assert.equal(bindUnix(server, 'x'.repeat(108)), -Errno.ENAMETOOLONG);
  assert.equal(bindUnix(server, name), 0);
  assert.equal(listen(server), 0);
  const client = openUnix(SocketType.SeqPacket);
  assert.equal(connectUnix(client, name), 0);
  close(client);
  close(server);
});

test('descriptors and credentials travel beside the data (SCM_RIGHTS, SCM_CREDENTIALS)', () => {
  const [a, b] = pair();
  const path = join(folder, 'sent');
  writeFileSync(path, 'hello');
  const file = openSync(path, 'r');
  assert.equal(setSocketOption(b, SocketLevel.Socket, SocketOption.PassCredentials, 1), 0);
  assert.equal(sendMessage(a, [Buffer.from('one '), Buffer.from('message')], [file, file]), 11);
  closeSync(file);
  const buffer = Buffer.alloc(64);
  const details = new MessageDetails();
  assert.equal(receiveMessage(b, buffer, details), 11);
  assert.equal(buffer.toString('utf8', 0, 11), 'one message');
  assert.equal(details.descriptors.length, 2);
  assert.equal(readFileSync(details.descriptors[0]!, 'utf8'), 'hello');
  assert.equal(details.credentials?.processId, process.pid);
  details.descriptors.forEach(close);
  assert.equal(receiveMessage(b, buffer, details), -Errno.EAGAIN);
  assert.equal(sendMessage(a, Buffer.from('plain')), 5);
  assert.equal(receiveMessage(b, buffer, details), 5);
  assert.deepEqual(details.descriptors, []);
  close(a);
  close(b);
});

test('a full queue answers EAGAIN; a closed descriptor EBADF', () => {
  const [a, b] = pair();
  let answer = 0;
  while (answer >= 0) answer = send(a, new Uint8Array(1000));
  assert.equal(answer, -Errno.EAGAIN);
  close(b);
  const second = duplicate(a);
  assert.ok(second > a);
  assert.equal(close(a), 0);
  assert.equal(close(a), -Errno.EBADF);
  assert.equal(sendMessage(a, new Uint8Array(1)), -Errno.EBADF);
  close(second);
});
