import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  breaksOfOthers,
  Caching,
  cachingBits,
  cachingLevels,
  type HeldLevel,
  type HeldOplock,
  isLease,
  leaseStates,
  needsAcknowledgment,
  type Operation,
  waitsFor,
} from './caching.ts';
import { type OplockBreakEffect, Oplocks } from './oplocks.ts';

const holding = (level: HeldLevel, owner = 1): Oplocks => {
  const oplocks = new Oplocks();
  if (isLease(level)) assert.equal(oplocks.requestLease(owner, cachingBits[level], true, false, 0).level, level);
  else assert.equal(oplocks.request(owner, level, true, false), level);
  return oplocks;
};
const unheard = (): void => {};
const check = (oplocks: Oplocks, operation: Operation, owner: number): { free: boolean; breaks: OplockBreakEffect[] } => {
  const breaks: OplockBreakEffect[] = [];
  return { free: oplocks.check(operation, owner, (effect) => breaks.push(effect)), breaks };
};

test('the level that each operation of another owner breaks each level to, cell by cell (MS-FSA 2.1.4.12)', () => {
  const golden: Record<Operation, string> = {
    open: 'keep levelII levelII keep keep R RH',
    openDescriptor: 'keep levelII levelII keep keep keep keep',
    shareConflict: 'keep keep keep keep R keep RW',
    overwrite: 'none none none none none none none',
    read: 'keep levelII levelII keep keep R RH',
    write: 'none none none none none none none',
    lock: 'none none none none none none none',
    size: 'none none none none none none none',
    zeroData: 'none none none none none none none',
    rename: 'keep keep levelII keep R keep RW',
    delete: 'keep keep levelII keep R keep RW',
    childChange: 'none none none none none none none',
  };
  for (const [operation, cells] of Object.entries(golden) as [Operation, string][]) {
    for (const [i, cell] of cells.split(' ').entries()) {
      const level = cachingLevels[i] as HeldLevel;
      assert.equal(breaksOfOthers[operation][i], cell);
      const { free, breaks } = check(holding(level), operation, 2);
      assert.equal(free, cell === 'keep' || !waitsFor(operation, level), `${operation} against ${level}`);
      const acknowledge = needsAcknowledgment(level);
      const epoch = isLease(level) ? 2 : 0;
      assert.deepEqual(breaks, cell === 'keep' ? [] : [{ owner: 1, from: level, level: cell, acknowledge, epoch }]);
    }
  }
});

test('an operation waits for write caching, and for handle caching if it needs the handles closed (MS-FSA 2.1.4.12)', () => {
  assert.deepEqual(
    leaseStates.map((state) => waitsFor('write', state)),
    [false, false, true, true],
  );
  assert.deepEqual(
    leaseStates.map((state) => waitsFor('rename', state)),
    [false, true, true, true],
  );
  assert.deepEqual(leaseStates.map(needsAcknowledgment), [false, true, true, true]);
});

test('a lease is not broken by its own opens (MS-FSA 2.1.4.12)', () => {
  for (const state of leaseStates) {
    for (const operation of Object.keys(breaksOfOthers) as Operation[])
      assert.deepEqual(check(holding(state), operation, 1), { free: true, breaks: [] });
  }
});

test('a new lease is granted as far as others allow it (MS-FSA 2.1.5.18)', () => {
  const granted = (oplocks: Oplocks, alone: boolean, locked = false): string[] =>
    leaseStates.map((state) => {
      const { level } = oplocks.requestLease(9, cachingBits[state], alone, locked, 0);
      oplocks.release(9);
      return level;
    });
  assert.deepEqual(granted(new Oplocks(), true), ['R', 'RH', 'RW', 'RWH']);
  assert.deepEqual(granted(new Oplocks(), false), ['R', 'RH', 'R', 'RH']);
  assert.deepEqual(granted(holding('RH'), false), ['R', 'RH', 'R', 'RH']);
  assert.deepEqual(granted(holding('levelII'), false), ['R', 'R', 'R', 'R']);
  assert.deepEqual(granted(holding('RWH'), false), ['none', 'none', 'none', 'none']);
  assert.deepEqual(granted(new Oplocks(), false, true), ['none', 'none', 'none', 'none']);
  assert.deepEqual(granted(new Oplocks(), true, true), ['none', 'none', 'RW', 'RWH']);
});

test('states without read caching, and states that do not exist, are not granted (MS-SMB2 2.2.13.2.8)', () => {
  for (const bits of [0, Caching.Handle, Caching.Write, Caching.Handle | Caching.Write]) {
    const oplocks = new Oplocks();
    assert.deepEqual(oplocks.requestLease(1, bits, true, false, 7), { level: 'none', breaking: false, epoch: 7 });
    assert.equal(oplocks.size, 0);
  }
});

test('a held lease is only raised, and only to all that is requested; each change raises its epoch (MS-SMB2 3.3.5.9.11)', () => {
  const oplocks = holding('R');
  assert.deepEqual(oplocks.requestLease(1, cachingBits.RWH, false, false, 0), { level: 'R', breaking: false, epoch: 1 });
  assert.deepEqual(oplocks.requestLease(1, cachingBits.RH, false, false, 0), { level: 'RH', breaking: false, epoch: 2 });
  assert.deepEqual(oplocks.requestLease(1, cachingBits.R, true, false, 0), { level: 'RH', breaking: false, epoch: 2 });
  assert.deepEqual(oplocks.requestLease(1, cachingBits.RW, true, false, 0), { level: 'RH', breaking: false, epoch: 2 });
  assert.deepEqual(oplocks.requestLease(1, cachingBits.RWH, true, false, 0), { level: 'RWH', breaking: false, epoch: 3 });
});

test('during a break a request gets the old state and the flag (MS-SMB2 3.3.5.9.8)', () => {
  const oplocks = holding('RWH');
  check(oplocks, 'open', 2);
  assert.deepEqual(oplocks.requestLease(1, cachingBits.R, true, false, 0), { level: 'RWH', breaking: true, epoch: 2 });
});

test('a lease that is acknowledged above the level of its break keeps breaking (MS-SMB2 3.3.5.22.2)', () => {
  const oplocks = holding('RWH');
  check(oplocks, 'open', 2);
  assert.equal(oplocks.acknowledge(1, 'RW', unheard), 'tooMuch');
  assert.equal(oplocks.of(1)?.breaking, 'RH');
  assert.equal(oplocks.acknowledge(1, 'R', unheard), 'accepted');
  assert.equal(oplocks.of(1)?.level, 'R');
  assert.equal(oplocks.acknowledge(1, 'R', unheard), 'notBreaking');
});

test('a break that meanwhile has to go further continues step by step, and waiting opens keep waiting (MS-FSA 2.1.5.19)', () => {
  const oplocks = holding('RWH');
  const breaks: string[] = [];
  const notify = ({ from, level, acknowledge }: OplockBreakEffect): void => void breaks.push(`${from} ${level} ${acknowledge}`);
  assert.equal(oplocks.check('open', 2, notify), false);
  assert.equal(oplocks.check('overwrite', 3, notify), false);
  oplocks.acknowledge(1, 'RH', notify);
  assert.equal(oplocks.check('open', 2, notify), false);
  oplocks.acknowledge(1, 'R', notify);
  assert.equal(oplocks.check('open', 2, notify), true);
  assert.deepEqual(breaks, ['RWH RH true', 'RH R true', 'R none false']);
  assert.equal(oplocks.size, 0);
});

test('an exclusive or batch oplock is not broken by its own open, level II is by changes of the data (MS-FSA 2.1.4.12)', () => {
  for (const operation of Object.keys(breaksOfOthers) as Operation[]) {
    for (const level of ['exclusive', 'batch'] as const) assert.deepEqual(check(holding(level), operation, 1), { free: true, breaks: [] });
    const own = check(holding('levelII'), operation, 1).breaks.length;
    assert.equal(own, ['write', 'lock', 'size', 'zeroData'].includes(operation) ? 1 : 0, operation);
  }
});

test('exclusive and batch are granted to the only open, else level II (MS-FSA 2.1.5.18.1, MS-SMB2 3.3.5.9)', () => {
  for (const level of ['exclusive', 'batch'] as const) {
    assert.equal(new Oplocks().request(1, level, true, false), level);
    assert.equal(new Oplocks().request(1, level, false, false), 'levelII');
    assert.equal(holding('levelII', 7).request(1, level, true, false), 'levelII');
  }
});

test('level II is not granted while bytes are locked, or another owner has a higher level (MS-FSA 2.1.5.18.1)', () => {
  assert.equal(new Oplocks().request(1, 'levelII', false, true), 'none');
  assert.equal(holding('batch', 7).request(1, 'levelII', true, false), 'none');
});

test('during a break no holder is notified twice, and all operations wait (MS-FSA 2.1.4.12)', () => {
  const oplocks = holding('batch');
  assert.equal(check(oplocks, 'open', 2).breaks.length, 1);
  assert.deepEqual(check(oplocks, 'overwrite', 3), { free: false, breaks: [] });
});

test('a holder acknowledges the level of the break, or a lower one (MS-SMB2 3.3.5.22.1)', () => {
  for (const level of ['levelII', 'none'] as const) {
    const oplocks = holding('batch');
    check(oplocks, 'open', 2);
    assert.equal(oplocks.acknowledge(1, level, unheard), 'accepted');
    assert.equal(oplocks.of(1)?.level, level === 'none' ? undefined : level);
    assert.deepEqual(check(oplocks, 'open', 2), { free: true, breaks: [] });
  }
});

test('a wrong acknowledgment fails and ends the oplock; one without a break changes nothing (MS-SMB2 3.3.5.22.1)', () => {
  const oplocks = holding('batch');
  assert.equal(oplocks.acknowledge(1, 'none', unheard), 'notBreaking');
  assert.equal(oplocks.of(1)?.level, 'batch');
  check(oplocks, 'overwrite', 2);
  assert.equal(oplocks.acknowledge(1, 'levelII', unheard), 'tooMuch');
  assert.equal(oplocks.size, 0);
  assert.equal(oplocks.acknowledge(1, 'none', unheard), 'notBreaking');
});

test('an overwrite of a file that was broken to level II breaks it once more, and does not wait (MS-FSA 2.1.4.12)', () => {
  const oplocks = holding('batch');
  check(oplocks, 'open', 2);
  assert.equal(check(oplocks, 'overwrite', 3).free, false);
  oplocks.acknowledge(1, 'levelII', unheard);
  assert.deepEqual(check(oplocks, 'overwrite', 3), {
    free: true,
    breaks: [{ owner: 1, from: 'levelII', level: 'none', acknowledge: false, epoch: 0 }],
  });
});

test('an oplock whose holder does not acknowledge ends (MS-SMB2 3.3.6.1)', () => {
  const oplocks = holding('exclusive');
  assert.equal(oplocks.expire(1), false, 'nothing was broken');
  check(oplocks, 'open', 2);
  assert.equal(oplocks.expire(1), true);
  assert.equal(oplocks.size, 0);
});

test('a second break of a lease offers only what the first one left (MS-FSA 2.1.5.19, MS-SMB2 3.3.5.22.2)', () => {
  const oplocks = new Oplocks();
  oplocks.requestLease(1, 7, true, false, 0);
  check(oplocks, 'open', 2);
  assert.deepEqual(check(oplocks, 'rename', 3), { free: false, breaks: [] });
  const breaks: OplockBreakEffect[] = [];
  assert.equal(
    oplocks.acknowledge(1, 'RH', (effect) => breaks.push(effect)),
    'accepted',
  );
  assert.deepEqual(breaks, [{ owner: 1, from: 'RH', level: 'R', acknowledge: true, epoch: 2 }], 'not RW: write caching was given back');
});

test('in any sequence, an oplock or lease with write caching is the only one', () => {
  const step = fc.record({
    owner: fc.integer({ min: 1, max: 4 }),
    what: fc.constantFrom('request', 'request', 'check', 'acknowledge', 'expire', 'release'),
    level: fc.constantFrom<HeldLevel>(...cachingLevels),
    operation: fc.constantFrom(...(Object.keys(breaksOfOthers) as Operation[])),
    alone: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const oplocks = new Oplocks();
      for (const { owner, what, level, operation, alone } of steps) {
        if (what === 'request' && isLease(level)) oplocks.requestLease(owner + 10, cachingBits[level], alone, false, 0);
        else if (what === 'request' && oplocks.of(owner) === undefined) oplocks.request(owner, level as HeldOplock, alone, false);
        else if (what === 'check') {
          for (const { from, acknowledge } of check(oplocks, operation, owner).breaks) assert.equal(acknowledge, needsAcknowledgment(from));
        } else if (what === 'acknowledge') oplocks.acknowledge(owner, level === 'batch' ? 'none' : level, unheard);
        else if (what === 'expire') oplocks.expire(owner);
        else oplocks.release(owner);
        if (oplocks.exclusive !== 0) assert.equal(oplocks.size, 1);
        assert.equal(oplocks.readers, oplocks.exclusive === 0 ? oplocks.size : 0);
      }
    }),
  );
});
