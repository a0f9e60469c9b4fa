import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@ring3/kit';
import { Bench, ok, tester, text } from './contract/bench.ts';
import { vfsContract } from './contract/index.ts';
import { createMemoryStore } from './memory/memory-store.ts';
import { type Fault, withFaults } from './with-faults.ts';

vfsContract('a store without faults', () => withFaults(createMemoryStore(), []));

async function faulty(faults: Fault[], clock = new FakeClock()): Promise<Bench> {
  const vfs = withFaults(createMemoryStore({ clock }), faults, clock);
  return new Bench(vfs, await ok(vfs.root(tester)));
}

test('the nth call fails, and so many after it', async () => {
  const bench = await faulty([{ call: 'write', nth: 2, times: 2, code: 'ENOSPC' }]);
  const file = await bench.file('file');
  const answers = [];
  for (let i = 0; i < 5; i++) answers.push(file.write([Buffer.from(`${i}`)], i));
  assert.deepEqual(answers, [1, 'ENOSPC', 'ENOSPC', 1, 1]);
  assert.equal(await text(file), '0\0\x0034');
});

test('a fault may throw, and may be added and taken away meanwhile', async () => {
  const faults: Fault[] = [];
  const bench = await faulty(faults);
  const file = await bench.file('file', 'x');
  faults.push({ call: 'read', times: Number.POSITIVE_INFINITY, error: new Error('the disk is gone') });
  assert.throws(() => file.read(Buffer.alloc(1), 0), /the disk is gone/);
  assert.throws(() => file.read(Buffer.alloc(1), 0), /the disk is gone/);
  faults.length = 0;
  assert.equal(await text(file), 'x');
  faults.push({ call: 'open', code: 'EMFILE' }, { call: 'close', code: 'EIO' });
  assert.equal(bench.tryOpen('file'), 'EMFILE');
  assert.equal(file.close(), 'EIO');
});

test('a call is delayed by the clock and then performed', async () => {
  const clock = new FakeClock();
  const bench = await faulty([{ call: 'read', delayMs: 5000 }], clock);
  const file = await bench.file('file', 'late');
  const target = Buffer.alloc(4);
  const answer = file.read(target, 0);
  assert.ok(answer instanceof Promise);
  clock.advance(4999);
  await new Promise(setImmediate);
  assert.equal(target.toString(), '\0\0\0\0');
  clock.advance(1);
  assert.equal(await answer, 4);
  assert.equal(target.toString(), 'late');
});

test('an aborted signal ends the wait with ECANCELED, and the call is not done', async () => {
  const clock = new FakeClock();
  const bench = await faulty([{ call: 'write', times: 3, delayMs: 5000 }], clock);
  const file = await ok(bench.tryCreate('file'));
  const controller = new AbortController();
  const answer = file.write([Buffer.from('x')], 0, {}, controller.signal);
  controller.abort();
  assert.equal(await answer, 'ECANCELED');
  assert.equal(await file.write([Buffer.from('x')], 0, {}, controller.signal), 'ECANCELED');
  assert.equal(clock.pending, 0);
  assert.equal((await ok(file.stat())).size, 0);
});
