import assert from 'node:assert/strict';
import { test } from 'node:test';
import { close } from '../close.ts';
import { receive, SocketType, send } from './socket.ts';
import { socketPair } from './unix.ts';
import { unread } from './unread.ts';

test('what the peer has not received is counted, and nothing when it has (unix(7), SIOCOUTQ)', () => {
  const pair = socketPair(SocketType.SeqPacket);
  assert.ok(typeof pair === 'object');
  const [a, b] = pair;
  assert.equal(unread(a), 0);
  send(a, new Uint8Array(1000));
  assert.ok(unread(a) >= 1000);
  receive(b, new Uint8Array(1000));
  assert.equal(unread(a), 0);
  close(a);
  close(b);
});
