import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Errno } from '@ring3/linux';
import { charge, eventCharge, linkCharge, ReceiveQueue } from './receive-queue.ts';

test('the charge of a datagram is that measured on Linux 6.18, at each step between sizes', () => {
  const steps = [
    [20, 832],
    [256, 832],
    [257, 1280],
    [704, 1280],
    [705, 2304],
    [1728, 2304],
    [1729, 4352],
    [3776, 4352],
    [3777, 8448],
    [7872, 8448],
    [7873, 16_640],
    [16_064, 16_640],
    [16_065, 33_024],
    [32_448, 33_024],
    [32_449, 65_792],
  ] as const;
  for (const [length, charged] of steps) assert.equal(charge(length), charged, `${length} bytes`);
});

test('the number of datagrams that fit is that measured on Linux 6.18: the last one within the limit, and one of any size in an empty queue', () => {
  const fitting = (limit: number, length: number): number => {
    const queue = new ReceiveQueue();
    queue.limit = limit;
    let count = 0;
    while (queue.push(new Uint8Array(length))) count++;
    return count;
  };
  const measured = [
    [2304, 40, 2],
    [2304, 320, 1],
    [2304, 20_020, 1],
    [3000, 40, 3],
    [6000, 40, 7],
    [6000, 320, 4],
    [6000, 1020, 2],
    [10_000, 40, 12],
    [10_000, 3020, 2],
    [4_000_000, 40, 4807],
    [4_000_000, 3776, 919],
  ] as const;
  for (const [limit, length, count] of measured) assert.equal(fitting(limit, length), count, `${length} bytes in ${limit}`);
});

test('after a loss no datagram is accepted until all were received, here and at the link', () => {
  let held = 0;
  const queue = new ReceiveQueue(() => held);
  queue.limit = 2304;
  const small = new Uint8Array(20);
  assert.deepEqual(
    [1, 2, 3].map(() => queue.push(small)),
    [true, true, false],
  );
  assert.equal(queue.take(), -Errno.ENOBUFS);
  assert.deepEqual([queue.take(), queue.take(), queue.take()], [small, small, -Errno.EAGAIN]);
  held = linkCharge(20); // the program has received one of the two
  assert.equal(queue.push(small), false);
  held = 0;
  assert.equal(queue.push(small), true);
  assert.deepEqual([queue.take(), queue.take()], [small, -Errno.EAGAIN]); // and ENOBUFS is not reported again
});

test('the size of a datagram in SIOCOUTQ of an AF_UNIX socket is that measured on Linux 6.18, at each step', () => {
  const steps = [
    [1, 768],
    [192, 768],
    [193, 1280],
    [704, 1280],
    [705, 2304],
    [16_064, 16_640],
    [16_065, 20_736],
    [20_160, 20_736],
    [20_161, 24_832],
    [36_545, 41_216],
  ] as const;
  for (const [length, size] of steps) assert.equal(linkCharge(length), size, `${length} bytes`);
});

test('166 events fit into the buffer of a fresh socket (measured on Linux 6.18), also if they wait in the socket of a program under exec', () => {
  for (const move of [false, true]) {
    let held = 0;
    const queue = new ReceiveQueue(() => held);
    const event = new Uint8Array(136);
    let count = 0;
    for (; queue.push(event, eventCharge); count++) {
      if (!move) continue;
      queue.take();
      held += linkCharge(event.length);
    }
    assert.equal(count, 166);
    if (!move) continue;
    assert.equal(queue.take(), -Errno.ENOBUFS);
    held = 0;
    assert.equal(queue.push(event, eventCharge), true);
  }
});

test('a datagram that the program has received from its socket makes space', () => {
  let held = 0;
  const queue = new ReceiveQueue(() => held);
  queue.limit = 3 * eventCharge;
  queue.silent = true;
  const event = new Uint8Array(136);
  for (let i = 0; i < 3; i++) {
    assert.equal(queue.push(event, eventCharge), true);
    queue.take();
    held += linkCharge(event.length);
  }
  assert.equal(queue.push(event, eventCharge), false);
  for (let i = 0; i < 1000; i++) {
    held -= linkCharge(event.length);
    assert.equal(queue.push(event, eventCharge), true);
    queue.take();
    held += linkCharge(event.length);
    assert.equal(queue.push(event, eventCharge), false);
  }
});

test('with NETLINK_NO_ENOBUFS a datagram is taken as soon as it fits, also after a loss (measured on Linux 6.18)', () => {
  const queue = new ReceiveQueue();
  queue.limit = 2304;
  queue.silent = true;
  const small = new Uint8Array(20);
  assert.deepEqual(
    [1, 2, 3].map(() => queue.push(small)),
    [true, true, false],
  );
  assert.equal(queue.accepts(20), false);
  assert.deepEqual(queue.take(), small);
  assert.equal(queue.accepts(20), true);
  assert.equal(queue.push(small), true);
});
