import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseAddress, printAddress } from './address.ts';

test('addresses are printed as inet_ntop prints them (RFC 5952)', () => {
  for (const text of [
    '10.0.0.1',
    '::',
    '::1',
    'fe80::1',
    '2001:db8::1:0:0:1',
    '1:0:2:3:4:5:6:7',
    '::ffff:1.2.3.4',
    '::1.2.3.4',
    '1::',
    '::2:0:0:1:0',
  ])
    strictEqual(printAddress(parseAddress(text) as Uint8Array), text);
  strictEqual(printAddress(parseAddress('0:0:0:0:0:0:0:0001') as Uint8Array), '::1');
  strictEqual(printAddress(parseAddress('1:0:0:2:0:0:0:3') as Uint8Array), '1:0:0:2::3');
});

test('a printed address is read back, and invalid text is rejected', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.array(fc.constantFrom(0, 0, 1, 255), { minLength: 16, maxLength: 16 }),
  );
  fc.assert(
    fc.property(bytes, (address) => deepStrictEqual([...(parseAddress(printAddress(Uint8Array.from(address))) ?? [])], [...address])),
  );
  for (const text of ['', '1.2.3', '256.1.1.1', 'fe80::1%eth0', '1::2::3', 'host', ' 1.2.3.4']) strictEqual(parseAddress(text), undefined);
});
