import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publishedUpcase, youngerUpcase } from './upcase-table.ts';

/** The published table as the specification lays it out: units as they are, and FFFFh with a count for its long stretches of characters without case. */
function compressed(): number[] {
  const upper = Array.from({ length: 0x10000 }, (_, unit) => unit);
  for (const [first, last, step, shift] of publishedUpcase) for (let unit = first; unit <= last; unit += step) upper[unit] = unit + shift;
  const entries: number[] = [];
  let at = 0;
  for (const [skipped, count] of [
    [0x587, 0x17f6],
    [0x2185, 0x34b],
    [0x24ea, 0x746],
    [0x2d26, 0xd21b],
  ] as const) {
    entries.push(...upper.slice(at, skipped), 0xffff, count);
    for (let unit = skipped; unit < skipped + count; unit++) assert.equal(upper[unit], unit);
    at = skipped + count;
  }
  return [...entries, ...upper.slice(at)];
}

test('the table is the recommended up-case table to the byte: 2,918 entries, checksum E619D30Dh (exFAT 7.2.5.1, 7.2.2)', () => {
  const entries = compressed();
  assert.equal(entries.length, 2918);
  let checksum = 0;
  for (const entry of entries) {
    for (const byte of [entry & 0xff, entry >> 8]) checksum = (((checksum & 1) << 31) + (checksum >>> 1) + byte) >>> 0;
  }
  assert.equal(checksum, 0xe619d30d);
});

test('the younger letters follow the rule of the older: simple upper case whose lower case leads back', () => {
  for (const [first, last, step, shift] of youngerUpcase) {
    for (let unit = first; unit <= last; unit += step) {
      const [small, capital] = [String.fromCharCode(unit), String.fromCharCode(unit + shift)];
      assert.equal(small.toUpperCase(), capital);
      assert.equal(capital.toLowerCase(), small);
    }
  }
});
