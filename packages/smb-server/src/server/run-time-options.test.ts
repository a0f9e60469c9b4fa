import { deepStrictEqual, ok, strictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { Dialect } from '@ring3/smb-proto';
import fc from 'fast-check';
import { changeLimits, defaultLimits, type Limits } from '../values/limits.ts';
import { changeOptions, type RunTimeOptions, runTimeDefaults } from './run-time-options.ts';

const refused: readonly unknown[] = [
  { name: '' },
  { name: 'SIXTEEN-LETTERS-' },
  { name: 'A B' },
  { name: 'a\\b' },
  { name: null },
  { workgroup: '' },
  { workgroup: ' HOME' },
  { workgroup: 'A/B' },
  { workgroup: 'a\0' },
  { comment: '' },
  { comment: 'x'.repeat(257) },
  { comment: 'two\nlines' },
  { comment: 7 },
  { comment: 7n },
  { comment: Symbol('x') },
  { limits: { opens: 7n } },
  { signing: '' },
  { signing: 'disabled' },
  { encryption: true },
  { guest: 'yes' },
  { anonymous: 1 },
  { dialects: { min: Dialect.Smb311, max: Dialect.Smb21 } },
  { dialects: { min: 0x0301 } },
  { dialects: { max: Dialect.Wildcard } },
  { dialects: null },
  { dialects: '3.1.1' },
  { limits: 5 },
  { encryption: 'required', dialects: { max: Dialect.Smb21 } },
  { limits: { connections: 0 } },
  { limits: { idleMs: -1 } },
  { limits: { opens: Number.NaN } },
  { limits: { maxCredits: Number.POSITIVE_INFINITY } },
  { limits: { sessions: '10' } },
  { limits: { maxRead: 65535 } },
  { limits: { maxWrite: 0xffffff } },
  { limits: { nothing: 1 } },
  { limits: { constructor: 1 } },
  { limits: null },
  { port: 445 },
  { toString: 'x' },
];

for (const changes of refused) {
  test(`${inspect(changes)} is rejected, also together with valid options`, () => {
    const both = { workgroup: 'HOME', ...(changes as object) } as RunTimeOptions;
    throws(() => changeOptions(runTimeDefaults, both), RangeError);
  });
}

test('omitted options do not change, in limits and dialects too', () => {
  const first = changeOptions(runTimeDefaults, { name: 'tower', limits: { opens: 7 }, dialects: { min: Dialect.Smb30 } });
  const second = changeOptions(first, { comment: 'The tower', limits: { idleMs: 5 }, dialects: { max: Dialect.Smb302 } });
  deepStrictEqual(second, {
    ...runTimeDefaults,
    name: 'TOWER',
    comment: 'The tower',
    limits: { ...defaultLimits, opens: 7, idleMs: 5 },
    dialects: { min: Dialect.Smb30, max: Dialect.Smb302 },
  });
  deepStrictEqual(changeOptions(second, runTimeDefaults), runTimeDefaults);
});

test('the old object is not modified, and both are frozen', () => {
  const changed = changeOptions(runTimeDefaults, { guest: true, limits: { opens: 7 } });
  strictEqual(runTimeDefaults.guest, false);
  strictEqual(runTimeDefaults.limits.opens, defaultLimits.opens);
  ok(Object.isFrozen(changed) && Object.isFrozen(changed.limits) && Object.isFrozen(changed.dialects));
});

test('a limit is an integer within its bounds, and nothing else', () => {
  const names = Object.keys(defaultLimits) as (keyof Limits)[];
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.oneof(fc.double(), fc.integer(), fc.nat(100_000)), (name, value) => {
      let changed: Limits | undefined;
      try {
        changed = changeLimits(defaultLimits, { [name]: value });
      } catch (error) {
        ok(error instanceof RangeError && error.message.startsWith(`${name}: `));
      }
      if (changed !== undefined) deepStrictEqual(changed, { ...defaultLimits, [name]: value });
      if (!Number.isInteger(value) || value < 0) strictEqual(changed, undefined);
    }),
  );
});

test('every default is within its own bounds', () => {
  deepStrictEqual(changeLimits(defaultLimits, defaultLimits), defaultLimits);
});
