import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readDescription, writeDescription } from './description.ts';

test('attributes, time of birth and a set change time survive a round trip, in any combination, over the range of FILETIME', () => {
  const attributes = fc.option(fc.nat(0xffffffff), { nil: undefined });
  const time = fc.bigInt(-11_644_473_600_000_000_000n, 1_833_029_933_770_955_161_500n);
  const birth = fc.option(time, { nil: undefined });
  const setChanged = fc.option(fc.record({ reported: time, host: time }, { noNullPrototype: true }), { nil: undefined });
  fc.assert(
    fc.property(fc.record({ attributes, birth, setChanged }, { noNullPrototype: true }), (description) => {
      assert.deepEqual(readDescription(writeDescription(description)), description);
    }),
  );
});

test('bytes of any other length are ignored', () => {
  for (const bytes of [undefined, new Uint8Array(0), new Uint8Array(19), new Uint8Array(21), new Uint8Array(45)]) {
    assert.deepEqual(readDescription(bytes), { attributes: undefined, birth: undefined, setChanged: undefined });
  }
});
