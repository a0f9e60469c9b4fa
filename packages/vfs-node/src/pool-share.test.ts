import { deepStrictEqual, rejects, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { PoolShare } from './pool-share.ts';

test('eight calls of a device run concurrently; the others start in order, each after a call ends or fails', async () => {
  const share = new PoolShare();
  const started: number[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const calls = Array.from({ length: 11 }, (_, i) =>
    share.run(() => {
      started.push(i);
      return new Promise<number>((resolve, reject) => {
        ends[i] = (error) => (error === undefined ? resolve(i) : reject(error));
      });
    }),
  );
  strictEqual(started.length, 8);
  ends[3]?.();
  strictEqual(await calls[3], 3);
  deepStrictEqual(started.slice(8), [8]);
  ends[0]?.(new Error('failed'));
  await rejects(() => calls[0] as Promise<number>, /failed/);
  deepStrictEqual(started.slice(8), [8, 9]);
  ends[9]?.();
  await calls[9];
  for (const end of ends) end();
  ends[10]?.();
  deepStrictEqual(await Promise.all(calls.slice(1)), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test('a device that hangs takes no slot of another', async () => {
  const hangs = new PoolShare();
  for (let i = 0; i < 100; i++) void hangs.run(() => new Promise(() => {}));
  strictEqual(await new PoolShare().run(() => Promise.resolve('done')), 'done');
});
