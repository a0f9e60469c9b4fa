import { deepStrictEqual, strictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { contentOf, DerError, DerTag, readDer, readDerList, readObjectIdentifier, writeDer, writeObjectIdentifier } from './der.ts';
import { decodeNegToken } from './spnego-tokens.ts';

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

test('an element is read as it was written, whatever its length (X.690 8.1.3)', () => {
  for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536]) {
    const content = new Uint8Array(length).fill(7);
    const whole = writeDer(DerTag.OctetString, content);
    const element = readDer(Buffer.concat([whole, hex('ff')]));
    deepStrictEqual([element.tag, element.content.length, element.whole.length], [DerTag.OctetString, length, whole.length]);
  }
  deepStrictEqual([...readDer(hex('0484000000017f')).content], [0x7f], 'a length in more bytes than needed, as Windows writes some');
});

test('a truncated, indefinite or too long element is invalid', () => {
  for (const bad of ['', '04', '0402aa', '0481', '0482ff', '048500000000017f', '0480aa0000', '1f8100', '04847fffffff00']) {
    throws(() => readDer(hex(bad)), DerError, bad);
  }
  throws(() => readDerList(hex('040004000400'), 2), DerError);
  throws(() => contentOf(readDer(hex('0400')), DerTag.Sequence), DerError);
});

test('object identifiers are read as they are written (X.690 8.19)', () => {
  const arc = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  const under = (root: number) =>
    fc.tuple(fc.constant(root), fc.integer({ min: 0, max: root === 2 ? 500 : 39 }), fc.array(arc, { maxLength: 8 }));
  fc.assert(
    fc.property(fc.oneof(under(0), under(1), under(2)), ([root, second, rest]) => {
      const dotted = [root, second, ...rest].join('.');
      strictEqual(readObjectIdentifier(readDer(writeObjectIdentifier(dotted))), dotted);
    }),
  );
  strictEqual(readObjectIdentifier(readDer(hex('060a2b06010401823702020a'))), '1.3.6.1.4.1.311.2.2.10');
  for (const bad of ['0600', '060181', `0641${'01'.repeat(65)}`]) throws(() => readObjectIdentifier(readDer(hex(bad))), DerError, bad);
});

test('a token with thousands of elements is none, and no more of them are read than SPNEGO has', () => {
  const mechanism = '060a2b06010401823702020a';
  const many = writeDer(DerTag.Sequence, ...Array.from({ length: 1000 }, () => hex(mechanism)));
  const hostile = [
    hex('3000'.repeat(8192)),
    hex('3080'.repeat(8192)),
    hex('230301'.repeat(5000)),
    writeDer(DerTag.Application, hex('06062b0601050502'), writeDer(DerTag.Context, hex('3000'.repeat(8000)))),
    writeDer(DerTag.Context, writeDer(DerTag.Sequence, writeDer(DerTag.Context, many))),
    writeDer(DerTag.Context + 1, writeDer(DerTag.Sequence, hex('a000'.repeat(8000)))),
  ];
  for (const token of hostile) strictEqual(typeof decodeNegToken(token), 'string');
  const inside = writeDer(
    DerTag.Context + 1,
    writeDer(DerTag.Sequence, writeDer(DerTag.Context + 2, writeDer(DerTag.OctetString, hex('3000'.repeat(8000))))),
  );
  strictEqual(
    (decodeNegToken(inside) as { responseToken: Uint8Array }).responseToken.length,
    16_000,
    'what is inside a token is not parsed',
  );
});
