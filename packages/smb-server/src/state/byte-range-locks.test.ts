import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteRangeLocks, type LockRange, leavesLockSpace, rangesOverlap } from './byte-range-locks.ts';

const range = (offset: bigint | number, length: bigint | number, exclusive = true): LockRange => ({
  offset: BigInt(offset),
  length: BigInt(length),
  exclusive,
});
const top = (1n << 64n) - 1n;

test('a range that ends at the largest 64-bit offset can be locked, one byte more is an invalid lock range (MS-FSA 2.1.5.8)', () => {
  assert.equal(leavesLockSpace(range(top, 1)), false);
  assert.equal(leavesLockSpace(range(1, top)), false);
  assert.equal(leavesLockSpace(range(top, 2)), true);
  assert.equal(leavesLockSpace(range(2, top)), true);
  assert.equal(leavesLockSpace(range(top, top)), true);
});

test('a range without bytes is a valid lock range at any offset (MS-FSA 2.1.5.8)', () => {
  assert.equal(leavesLockSpace(range(top, 0)), false);
});

test('the range of no bytes at offset zero conflicts with no lock (MS-FSA 2.1.4.10)', () => {
  const locks = new ByteRangeLocks();
  assert.ok(locks.take(1, [range(0, 0)]));
  assert.ok(locks.take(2, [range(0, 0)]));
  assert.ok(locks.take(3, [range(0, top)]));
  assert.ok(locks.take(4, [range(0, 0)]));
  assert.equal(locks.forbids(3, true, 0, 10), false);
});

test('a range without bytes conflicts with a lock around it, not with one next to it (MS-FSA 2.1.4.10)', () => {
  assert.ok(rangesOverlap(range(5, 0), range(0, 10)));
  assert.ok(rangesOverlap(range(10, 10), range(11, 0)));
  assert.ok(!rangesOverlap(range(5, 0), range(5, 10)));
  assert.ok(!rangesOverlap(range(5, 0), range(0, 5)));
  assert.ok(!rangesOverlap(range(5, 0), range(5, 0)));
});

test('exclusive locks exclude each other, also by the same open (MS-FSA 2.1.4.10)', () => {
  const locks = new ByteRangeLocks();
  assert.ok(locks.take(1, [range(0, 10)]));
  assert.ok(!locks.take(1, [range(9, 1)]));
  assert.ok(!locks.take(2, [range(9, 1)]));
  assert.ok(locks.take(2, [range(10, 1)]));
});

test('a shared lock may overlap an exclusive one of the same open, but not the reverse (MS-FSA 2.1.4.10)', () => {
  const locks = new ByteRangeLocks();
  assert.ok(locks.take(1, [range(0, 10)]));
  assert.ok(locks.take(1, [range(0, 10, false)]));
  assert.ok(!locks.take(2, [range(0, 10, false)]));
  const shared = new ByteRangeLocks();
  assert.ok(shared.take(1, [range(0, 10, false)]));
  assert.ok(shared.take(2, [range(0, 10, false)]));
  assert.ok(!shared.take(1, [range(0, 10)]));
});

test('an unlock needs exactly the range of a lock of the same open; the exclusive one is released first (MS-FSA 2.1.5.9)', () => {
  const locks = new ByteRangeLocks();
  locks.take(1, [range(0, 10)]);
  locks.take(1, [range(0, 10, false)]);
  assert.ok(!locks.release(1, 0n, 9n));
  assert.ok(!locks.release(1, 1n, 9n));
  assert.ok(!locks.release(2, 0n, 10n));
  assert.ok(locks.release(1, 0n, 10n));
  assert.equal(locks.forbids(2, false, 0, 1), false, 'what is left is shared');
  assert.equal(locks.forbids(2, true, 0, 1), true);
  assert.ok(locks.release(1, 0n, 10n));
  assert.ok(!locks.release(1, 0n, 10n));
});

test('an array of locks is taken as a whole or not at all (MS-SMB2 3.3.5.14.2)', () => {
  const locks = new ByteRangeLocks();
  locks.take(2, [range(20, 1)]);
  assert.ok(!locks.take(1, [range(0, 1), range(10, 1), range(20, 1)]));
  assert.equal(locks.size, 1);
  assert.ok(!locks.take(1, [range(0, 2), range(1, 2)]), 'elements exclude each other too');
  assert.equal(locks.size, 1);
});

test('an exclusive lock keeps others from reading and writing, a shared one all opens from writing (MS-FSA 2.1.4.10)', () => {
  const locks = new ByteRangeLocks();
  locks.take(1, [range(0, 10)]);
  locks.take(1, [range(10, 10, false)]);
  const forbidden = [1, 2].map((open) => [0, 10].map((at) => [false, true].map((write) => locks.forbids(open, write, at, 10))));
  assert.deepEqual(forbidden, [
    [
      [false, false],
      [false, true],
    ],
    [
      [true, true],
      [false, true],
    ],
  ]);
});

test('locks at and above 2^53 are exact, and do not conflict with reads or writes', () => {
  const locks = new ByteRangeLocks();
  assert.ok(locks.take(1, [range(2n ** 53n + 1n, 1)]));
  assert.ok(locks.take(2, [range(2n ** 53n, 1)]));
  assert.ok(!locks.take(2, [range(2n ** 53n + 1n, 1)]));
  assert.equal(locks.forbids(3, true, Number.MAX_SAFE_INTEGER - 1, 1), false);
  assert.ok(locks.take(1, [range(2n ** 53n - 2n, 1)]));
  assert.equal(locks.forbids(3, false, Number.MAX_SAFE_INTEGER - 1, 1), true);
});

/** The half-bytes that a range covers: a range without bytes is the point before its offset. */
const points = ({ offset, length }: LockRange, base: bigint): Set<number> => {
  const at = Number(offset - base) * 2;
  if (length === 0n) return new Set(offset === 0n ? [] : [at - 1]);
  return new Set(Array.from({ length: Number(length) * 2 - 1 }, (_, i) => at + i));
};
const meet = (a: LockRange, b: LockRange, base: bigint): boolean => {
  if (a.length === 0n && b.length === 0n) return false;
  const those = points(b, base);
  return [...points(a, base)].some((point) => those.has(point));
};

test('any sequence of locks, unlocks, closes, reads and writes gives the results of a list of covered points', () => {
  const places = fc.constantFrom(0n, 1000n, 2n ** 53n - 6n);
  const step = fc.record({
    open: fc.integer({ min: 1, max: 3 }),
    what: fc.constantFrom('lock', 'lock', 'lock', 'unlock', 'unlock', 'close', 'read', 'write'),
    ranges: fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 5 }), fc.boolean()), {
      minLength: 1,
      maxLength: 2,
    }),
  });
  fc.assert(
    fc.property(places, fc.array(step, { maxLength: 30 }), (base, steps) => {
      const locks = new ByteRangeLocks();
      let model: (LockRange & { open: number })[] = [];
      for (const { open, what, ranges } of steps) {
        const asked = ranges.map(([at, length, exclusive]) => range(base + BigInt(at), length, exclusive));
        const first = asked[0] as LockRange;
        if (what === 'lock') {
          const wanted = [...model];
          const granted = asked.every((one) => {
            const free = !wanted.some((held) => meet(held, one, base) && (one.exclusive || (held.exclusive && held.open !== open)));
            wanted.push({ ...one, open });
            return free;
          });
          assert.equal(locks.take(open, asked), granted);
          if (granted) model = wanted;
        } else if (what === 'unlock') {
          const same = model.filter((held) => held.open === open && held.offset === first.offset && held.length === first.length);
          const gone = same.find(({ exclusive }) => exclusive) ?? same[0];
          assert.equal(locks.release(open, first.offset, first.length), gone !== undefined);
          model = model.filter((held) => held !== gone);
        } else if (what === 'close') {
          const left = model.filter((held) => held.open !== open);
          assert.equal(locks.releaseAll(open), model.length - left.length);
          model = left;
        } else {
          const write = what === 'write';
          const length = base > 2n ** 52n ? 0 : Number(first.length);
          const io = range(first.offset, length);
          const forbidden = length > 0 && model.some((held) => meet(held, io, base) && (held.exclusive ? held.open !== open : write));
          assert.equal(locks.forbids(open, write, Number(first.offset), length), forbidden);
        }
        assert.equal(locks.size, model.length);
      }
    }),
  );
});
