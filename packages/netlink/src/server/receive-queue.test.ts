import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Errno } from '@ring3/linux';
import { charge, ReceiveQueue } from './receive-queue.ts';

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
  held = 832; // the program has received one of the two
  assert.equal(queue.push(small), false);
  held = 0;
  assert.equal(queue.push(small), true);
  assert.deepEqual([queue.take(), queue.take()], [small, -Errno.EAGAIN]); // and ENOBUFS is not reported again
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
