import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { breaksOfOthers, type HeldLevel, type Operation, oplockLevels } from './oplock-breaks.ts';
import { type OplockBreakEffect, Oplocks } from './oplocks.ts';

const holding = (level: HeldLevel, owner = 1): Oplocks => {
  const oplocks = new Oplocks();
  assert.equal(oplocks.request(owner, owner, level, true, false), level);
  return oplocks;
};
const check = (oplocks: Oplocks, operation: Operation, owner: number): { free: boolean; told: OplockBreakEffect[] } => {
  const told: OplockBreakEffect[] = [];
  return { free: oplocks.check(operation, owner, (effect) => told.push(effect)), told };
};

test('what each operation of another open breaks, cell by cell (MS-FSA 2.1.4.12)', () => {
  const golden: Record<string, string> = {
    open: 'keep levelII levelII',
    overwrite: 'none none none',
    read: 'keep levelII levelII',
    write: 'none none none',
    lock: 'none none none',
    size: 'none none none',
    zeroData: 'none none none',
    rename: 'keep keep levelII',
    delete: 'keep keep levelII',
  };
  for (const [operation, cells] of Object.entries(golden)) {
    for (const [i, cell] of cells.split(' ').entries()) {
      const level = oplockLevels[i] as HeldLevel;
      assert.equal(breaksOfOthers[operation as Operation][i], cell);
      const { free, told } = check(holding(level), operation as Operation, 2);
      const waits = cell !== 'keep' && level !== 'levelII';
      assert.equal(free, !waits, `${operation} against ${level}`);
      assert.deepEqual(told, cell === 'keep' ? [] : [{ openId: 1, level: cell, acknowledge: waits }]);
    }
  }
});

test('an exclusive or batch oplock is not broken by its own open, level II is by changes of the data (MS-FSA 2.1.4.12)', () => {
  for (const operation of Object.keys(breaksOfOthers) as Operation[]) {
    for (const level of ['exclusive', 'batch'] as const) assert.deepEqual(check(holding(level), operation, 1), { free: true, told: [] });
    const own = check(holding('levelII'), operation, 1).told.length;
    assert.equal(own, ['write', 'lock', 'size', 'zeroData'].includes(operation) ? 1 : 0, operation);
  }
});

test('exclusive and batch are granted to an open that is alone, else level II (MS-FSA 2.1.5.18.1, MS-SMB2 3.3.5.9)', () => {
  for (const level of ['exclusive', 'batch'] as const) {
    assert.equal(new Oplocks().request(1, 1, level, true, false), level);
    assert.equal(new Oplocks().request(1, 1, level, false, false), 'levelII');
    assert.equal(holding('levelII', 7).request(1, 1, level, true, false), 'levelII');
  }
});

test('level II is not granted while bytes are locked, or somebody has more (MS-FSA 2.1.5.18.1)', () => {
  assert.equal(new Oplocks().request(1, 1, 'levelII', false, true), 'none');
  assert.equal(holding('batch', 7).request(1, 1, 'levelII', true, false), 'none');
});

test('while a break goes on nobody is told twice, and everybody waits (MS-FSA 2.1.4.12)', () => {
  const oplocks = holding('batch');
  assert.equal(check(oplocks, 'open', 2).told.length, 1);
  assert.deepEqual(check(oplocks, 'overwrite', 3), { free: false, told: [] });
});

test('a holder acknowledges to what it was broken to, or lower (MS-SMB2 3.3.5.22.1)', () => {
  for (const level of ['levelII', 'none'] as const) {
    const oplocks = holding('batch');
    check(oplocks, 'open', 2);
    assert.equal(oplocks.acknowledge(1, level), true);
    assert.equal(oplocks.of(1)?.level, level === 'none' ? undefined : level);
    assert.deepEqual(check(oplocks, 'open', 2), { free: true, told: [] });
  }
});

test('a wrong acknowledgment fails and ends the oplock; one without a break changes nothing (MS-SMB2 3.3.5.22.1)', () => {
  const oplocks = holding('batch');
  assert.equal(oplocks.acknowledge(1, 'none'), undefined);
  assert.equal(oplocks.of(1)?.level, 'batch');
  check(oplocks, 'overwrite', 2);
  assert.equal(oplocks.acknowledge(1, 'levelII'), false);
  assert.equal(oplocks.size, 0);
  assert.equal(oplocks.acknowledge(1, 'none'), undefined);
});

test('who overwrites what was only broken to level II breaks it once more, and does not wait (MS-FSA 2.1.4.12)', () => {
  const oplocks = holding('batch');
  check(oplocks, 'open', 2);
  assert.equal(check(oplocks, 'overwrite', 3).free, false);
  oplocks.acknowledge(1, 'levelII');
  assert.deepEqual(check(oplocks, 'overwrite', 3), { free: true, told: [{ openId: 1, level: 'none', acknowledge: false }] });
});

test('an oplock whose holder does not answer is gone (MS-SMB2 3.3.6.1)', () => {
  const oplocks = holding('exclusive');
  assert.equal(oplocks.expire(1), false, 'nothing was broken');
  check(oplocks, 'open', 2);
  assert.equal(oplocks.expire(1), true);
  assert.equal(oplocks.size, 0);
});

test('whatever happens, an exclusive or batch oplock is the only one', () => {
  const step = fc.record({
    owner: fc.integer({ min: 1, max: 4 }),
    what: fc.constantFrom('request', 'request', 'check', 'acknowledge', 'expire', 'release'),
    level: fc.constantFrom<HeldLevel>('levelII', 'exclusive', 'batch'),
    operation: fc.constantFrom(...(Object.keys(breaksOfOthers) as Operation[])),
    alone: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const oplocks = new Oplocks();
      for (const { owner, what, level, operation, alone } of steps) {
        if (what === 'request' && oplocks.of(owner) === undefined) oplocks.request(owner, owner, level, alone, false);
        else if (what === 'check') {
          const { free, told } = check(oplocks, operation, owner);
          for (const { acknowledge } of told) assert.equal(acknowledge, !free);
        } else if (what === 'acknowledge') oplocks.acknowledge(owner, level === 'batch' ? 'none' : level);
        else if (what === 'expire') oplocks.expire(owner);
        else oplocks.release(owner);
        if (oplocks.exclusive !== 0) assert.equal(oplocks.size, 1);
        assert.equal(oplocks.levelII, oplocks.exclusive === 0 ? oplocks.size : 0);
      }
    }),
  );
});
