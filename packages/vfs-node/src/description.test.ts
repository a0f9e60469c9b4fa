import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readDescription, writeDescription } from './description.ts';

test('attributes and time of birth come back as they were, each or none of them, over all years of a FILETIME', () => {
  const attributes = fc.option(fc.nat(0xffffffff), { nil: undefined });
  const birth = fc.option(fc.bigInt(-11_644_473_600_000_000_000n, 1_833_029_933_770_955_161_500n), { nil: undefined });
  fc.assert(
    fc.property(attributes, birth, fc.bigInt(), (a, b, changed) => {
      assert.deepEqual(readDescription(writeDescription({ attributes: a, birth: b }), changed), { changed, attributes: a, birth: b });
    }),
  );
});

test('bytes of any other length say nothing', () => {
  for (const bytes of [undefined, new Uint8Array(0), new Uint8Array(23), new Uint8Array(25)]) {
    assert.deepEqual(readDescription(bytes, 1n), { changed: 1n, attributes: undefined, birth: undefined });
  }
});
