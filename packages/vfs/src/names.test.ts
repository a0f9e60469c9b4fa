import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkName, foldName, fromWireName, nameFromBytes, nameToBytes, sameName, toWireName, upcase } from './names.ts';

test('upper case is one unit for one, whatever the language (MS-UCODEREF 3.1.5.3)', () => {
  assert.equal(upcase('straße'), 'STRAßE');
  assert.equal(upcase('ıİiI'), 'ıİII');
  assert.equal(upcase('ſµŉǆǅ'), 'ſµŉǄǅ');
  assert.equal(upcase('ÿžⱥȺ'), 'ŸŽⱥⱥ');
  assert.equal(upcase('όσος ὀδυσσεύς'), 'ΌΣΟΣ ὈΔΥΣΣΕΎΣ');
  assert.equal(upcase('жёлтый.текст'), 'ЖЁЛТЫЙ.ТЕКСТ');
  assert.equal(upcase('ａｂｃⓐⅳ'), 'ＡＢＣⒶⅣ');
  assert.equal(upcase('\u{10428}😀'), '\u{10428}😀'); // Deseret: beyond the BMP nothing folds
});

test('folding keeps the length, and folding twice is folding once', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (name) => {
      const folded = foldName(name);
      assert.equal(folded.length, name.length);
      assert.equal(foldName(folded), folded);
      assert.equal(upcase(upcase(name)), upcase(name));
    }),
  );
  assert.ok(sameName('Read.Me', 'rEAD.mE'));
  assert.ok(!sameName('straße', 'STRASSE'));
});

test('a very long name folds like a short one', () => {
  assert.equal(foldName('a'.repeat(100_000)), 'A'.repeat(100_000));
});

test('no name: empty, dots, NUL, a slash', () => {
  for (const name of ['', '.', '..', 'a\0b', '\0', 'a/b', '/', '😀\0', '😀/x', '\ud800\0'])
    assert.equal(checkName(name), 'EINVAL', JSON.stringify(name));
  for (const name of [
    'a',
    '...',
    ' ',
    'a.',
    'a:b',
    '😀',
    'a\ud800',
    '\udc00b',
    '\udc00\ud800',
    'e\u0301',
    '\uf022',
    '\\',
    'con',
    'x'.repeat(1000),
  ])
    assert.equal(checkName(name), undefined, name);
});

test('names that Windows cannot express are shown in the private use area (KB 117258)', () => {
  assert.equal(toWireName('a:b'), 'a\uf022b');
  assert.equal(toWireName('"*<>?\\|'), '\uf020\uf021\uf023\uf024\uf025\uf026\uf027');
  assert.equal(toWireName('\x01\x1f'), '\uf001\uf01f');
  assert.equal(toWireName('end. '), 'end.\uf028');
  assert.equal(toWireName('end .'), 'end \uf029');
  assert.equal(toWireName('.hidden file'), '.hidden file');
});

test('a mapped name has only characters of Windows, maps back, and is found by its mapped form', () => {
  const name = fc.string({
    unit: fc.oneof(fc.constantFrom(...' .:*?"<>|\\ab\x01\x1f'), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 })),
    minLength: 1,
  });
  fc.assert(
    fc.property(name, (stored) => {
      fc.pre(checkName(stored) === undefined && !/[\uf001-\uf029]/.test(stored));
      const shown = toWireName(stored);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
      assert.doesNotMatch(shown, /[\x00-\x1f"*:<>?\\|/]|[ .]$/);
      assert.equal(fromWireName(shown), stored);
      assert.equal(foldName(shown), foldName(stored));
    }),
  );
});

test('bytes that are not UTF-8 are mapped too, and every name of a host maps back to its bytes', () => {
  assert.equal(nameFromBytes(Buffer.from('6cc3a4', 'hex')), 'lä');
  assert.equal(nameFromBytes(Buffer.from('6ce4', 'hex')), 'l\uf0e4');
  assert.equal(nameFromBytes(Buffer.from('61eda08062', 'hex')), 'a\ud800b'); // half a surrogate pair
  assert.equal(nameFromBytes(Buffer.from('edb080eda080', 'hex')), '\udc00\ud800');
  assert.equal(nameFromBytes(Buffer.from('eda080edb080', 'hex')), '\ud800\uf0ed\uf0b0\uf080'); // a pair in six bytes is not one in four
  assert.equal(nameFromBytes(Buffer.from('ef82a2', 'hex')), '\uf0ef\uf082\uf0a2'); // U+F0A2 itself
  assert.equal(nameFromBytes(Buffer.from('efbfbd', 'hex')), '\ufffd');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.string({ unit: 'binary' }).map((text) => new Uint8Array(Buffer.from(text))),
        fc.array(fc.constantFrom(0xed, 0xa0, 0xb0, 0x80, 0xef, 0x82, 0x61)).map((bytes) => new Uint8Array(bytes)),
      ),
      (bytes) => {
        const name = nameFromBytes(bytes);
        assert.deepEqual(new Uint8Array(nameToBytes(name)), new Uint8Array(bytes));
      },
    ),
  );
});

test('every name of 16-bit units maps to bytes and back, but for the units that stand for bytes (MS-FSCC 2.1.5)', () => {
  const units = fc.constantFrom(0x61, 0xe4, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0x20ac, 0xf022, 0xffff);
  fc.assert(
    fc.property(fc.array(units, { minLength: 1, maxLength: 8 }), (name) => {
      const text = String.fromCharCode(...name);
      assert.equal(nameFromBytes(nameToBytes(text)), text);
    }),
  );
});
