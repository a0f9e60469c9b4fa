import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { array, assert, constantFrom, integer, nat, oneof, property, tuple, uint8Array } from 'fast-check';
import { CompressionAlgorithm, codecOf } from './algorithm.ts';
import type { Codec, Coder } from './coder.ts';

const algorithms = ['Lznt1', 'Lz77', 'Lz77Huffman', 'Lz4'] as const;
const codec = (name: keyof typeof CompressionAlgorithm): Codec => codecOf(CompressionAlgorithm[name]) as Codec;
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

const guard = 0xa5;
/** Memory for a result between two bytes that no coder may change. */
function guarded(size: number): { readonly target: Uint8Array; readonly intact: () => boolean } {
  const memory = new Uint8Array(size + 2).fill(guard);
  return { target: memory.subarray(1, size + 1), intact: () => memory[0] === guard && memory[size + 1] === guard };
}

function run(coder: Coder, step: number): boolean {
  let progress = coder.advance(step);
  while (progress === 'more') progress = coder.advance(step);
  return progress === 'done';
}

function compress(
  name: (typeof algorithms)[number],
  plain: Uint8Array,
  step = 4096,
  space = plain.length * 2 + 1024,
): Uint8Array | undefined {
  const { target, intact } = guarded(space);
  const coder = codec(name).compress(plain, target);
  const done = run(coder, step);
  ok(intact());
  return done ? target.slice(0, coder.written) : undefined;
}

function decompress(name: (typeof algorithms)[number], compressed: Uint8Array, size: number, step = 4096): Uint8Array | undefined {
  const { target, intact } = guarded(size);
  const done = run(codec(name).decompress(compressed, target), step);
  ok(intact());
  return done ? target : undefined;
}

/** The table of code lengths at the begin of a block: byte by position. */
function lengthTable(entries: Readonly<Record<number, number>>): Uint8Array {
  const table = new Uint8Array(256);
  for (const [at, byte] of Object.entries(entries)) table[Number(at)] = byte;
  return table;
}
const alphabetTable = lengthTable({
  48: 0x50,
  ...Object.fromEntries(Array.from({ length: 10 }, (_, i) => [49 + i, 0x55])),
  59: 0x45,
  60: 0x44,
  61: 0x04,
  128: 0x04,
});
const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

const alphabet = ascii('abcdefghijklmnopqrstuvwxyz');
const abc = ascii('abc'.repeat(100));
const notes = ascii(
  'F# F# G A A G F# E D D E F# F# E E F# F# G A A G F# E D D E F# E D D E E F# D E F# G F# D E F# G F# E D E A F# F# G A A G F# E D D E F# E D D\0',
);

/** Examples of MS-XCA 3.1 to 3.3; `exact` if the example is the only result of the rules of the section. */
const examples: readonly {
  readonly section: string;
  readonly name: (typeof algorithms)[number];
  readonly plain: Uint8Array;
  readonly compressed: Uint8Array;
}[] = [
  { section: '3.1', name: 'Lz77', plain: alphabet, compressed: joined(hex('3f 00 00 00'), alphabet) },
  { section: '3.1', name: 'Lz77', plain: abc, compressed: hex('ff ff ff 1f 61 62 63 17 00 0f ff 26 01') },
  {
    section: '3.2',
    name: 'Lz77Huffman',
    plain: alphabet,
    compressed: joined(alphabetTable, hex('d8 52 3e d7 94 11 5b e9 19 5f f9 d6 7c df 8d 04 00 00 00 00')),
  },
  {
    section: '3.2',
    name: 'Lz77Huffman',
    plain: abc,
    compressed: joined(lengthTable({ 48: 0x30, 49: 0x23, 128: 0x02, 143: 0x20 }), hex('a8 dc 00 00 ff 26 01')),
  },
  {
    section: '3.3',
    name: 'Lznt1',
    plain: notes,
    compressed: hex(
      '38 b0 88 46 23 20 00 20 47 20 41 00 10 a2 47 01 a0 45 20 44 00 08 45 01 50 79 00 c0 45 20 05 24 13 88 05 b4 02 4a 44 ef 03 58 02 8c 09 16 01 48 45 00 be 00 9e 00 04 01 18 90 00',
    ),
  },
];

for (const { section, name, plain, compressed } of examples) {
  test(`the example of MS-XCA ${section} for ${name}, ${plain.length} bytes, decompresses`, () => {
    deepStrictEqual(decompress(name, compressed, plain.length), plain);
  });
  if (name !== 'Lznt1') {
    test(`the example of MS-XCA ${section} for ${name}, ${plain.length} bytes, is what the compressor writes`, () => {
      deepStrictEqual(compress(name, plain), compressed);
    });
  }
}

test('LZ4: a literal, a match that repeats it and the last literals, as the block format has them', () => {
  const block = joined(hex('1f'), ascii('a'), hex('01 00 04 50'), ascii('aaaaa'));
  deepStrictEqual(decompress('Lz4', block, 1 + 19 + 4 + 5), ascii('a'.repeat(29)));
});

/** Bytes as files have them, and others. */
const plains = oneof(
  uint8Array({ maxLength: 300 }),
  uint8Array({ minLength: 4000, maxLength: 9000 }),
  array(tuple(nat(255), integer({ min: 1, max: 70_000 })), { maxLength: 6 }).map((runs) =>
    joined(...runs.map(([byte, length]) => new Uint8Array(length).fill(byte))),
  ),
  tuple(uint8Array({ minLength: 1, maxLength: 40 }), integer({ min: 1, max: 4000 })).map(([period, times]) =>
    joined(...Array.from({ length: times }, () => period)),
  ),
  array(constantFrom('the ', 'file ', 'server ', 'of ', 'a ', 'client\n'), { maxLength: 30_000 }).map((words) => ascii(words.join(''))),
  uint8Array({ minLength: 100, maxLength: 70_000, max: 3 }),
);

for (const name of algorithms) {
  test(`${name}: what was compressed decompresses to the same, in steps of any size`, () => {
    assert(
      property(plains, integer({ min: 1, max: 100_000 }), (plain, step) => {
        const compressed = compress(name, plain, step);
        ok(compressed !== undefined);
        deepStrictEqual(decompress(name, compressed, plain.length, step), plain);
      }),
      { numRuns: 60 },
    );
  });

  test(`${name}: a target without enough space fails, and nothing is written outside it`, () => {
    assert(
      property(plains, nat(2000), (plain, space) => {
        const compressed = compress(name, plain, 4096, space);
        if (compressed !== undefined) deepStrictEqual(decompress(name, compressed, plain.length), plain);
      }),
      { numRuns: 60 },
    );
  });

  test(`${name}: a truncated stream fails`, () => {
    const plain = ascii('a sentence that is repeated, and a sentence that is repeated. '.repeat(200));
    const compressed = compress(name, plain) as Uint8Array;
    const needed = name === 'Lz77Huffman' ? compressed.length - 4 : compressed.length - 5; // the marks at the end are not needed
    for (let size = 0; size < needed; size++) strictEqual(decompress(name, compressed.subarray(0, size), plain.length), undefined);
  });

  test(`${name}: a garbled stream, or another size, ends without an access outside the memory`, () => {
    assert(
      property(plains, array(tuple(nat(), nat(255)), { minLength: 1, maxLength: 8 }), nat(5000), (plain, changes, size) => {
        const compressed = compress(name, plain) as Uint8Array;
        for (const [at, byte] of changes) if (compressed.length > 0) compressed[at % compressed.length] = byte;
        decompress(name, compressed, plain.length);
        decompress(name, compressed, size);
      }),
      { numRuns: 80 },
    );
  });

  test(`${name}: random bytes end without an access outside the memory`, () => {
    assert(
      property(uint8Array({ maxLength: 2000 }), nat(20_000), (bytes, size) => {
        const table = new Uint8Array(256).fill(0x99); // a complete code, so that random bits are decoded
        decompress(name, bytes, size);
        decompress(name, joined(table, bytes), size);
      }),
      { numRuns: 200 },
    );
  });

  test(`${name}: a stream of more than the target never exceeds it, and one of less fails`, () => {
    const plain = new Uint8Array(1 << 20);
    const bomb = compress(name, plain) as Uint8Array;
    ok(bomb.length < plain.length / 200 || name === 'Lznt1');
    for (const size of [0, 1, 4095, 4097, 100_000]) decompress(name, bomb, size);
    strictEqual(decompress(name, bomb, plain.length + 1), undefined);
  });

  test(`${name}: each step handles about the bytes that it was given, so that a large message takes many steps`, () => {
    const plain = ascii('0123456789abcdef'.repeat(65_536)).map((byte, i) => byte ^ (i >> 12));
    const { target } = guarded(plain.length);
    const coder = codec(name).compress(plain, target);
    let steps = 1;
    while (coder.advance(65_536) === 'more') steps++;
    strictEqual(steps, 16);
    const back = codec(name).decompress(target.slice(0, coder.written), new Uint8Array(plain.length));
    steps = 1;
    while (back.advance(65_536) === 'more') steps++;
    ok(steps >= 12 && steps <= 16, String(steps));
  });
}

test('LZ77+Huffman: lengths that are no complete code fail (MS-XCA 2.2.4)', () => {
  const broken = joined(lengthTable({ 48: 0x31, 49: 0x23, 128: 0x02, 143: 0x20 }), hex('a8 dc 00 00 ff 26 01'));
  strictEqual(decompress('Lz77Huffman', broken, 300), undefined);
  strictEqual(decompress('Lz77Huffman', new Uint8Array(400), 10), undefined);
});

test('LZ77: a match before the begin of the data fails (MS-XCA 2.4.4)', () => {
  strictEqual(decompress('Lz77', hex('00 00 00 80 08 00'), 5), undefined);
  strictEqual(decompress('Lz77', hex('ff ff ff 7f 61 08 00'), 4), undefined);
});

test('LZNT1: a signature other than 3, and a chunk beyond the end, fail (MS-XCA 2.5.1.2)', () => {
  strictEqual(decompress('Lznt1', hex('03 20 61 62 63 64'), 4), undefined);
  strictEqual(decompress('Lznt1', hex('04 30 61 62 63 64'), 4), undefined);
  deepStrictEqual(decompress('Lznt1', hex('03 30 61 62 63 64 00 00'), 4), ascii('abcd'));
});

test('LZ77+Huffman: codes stay within 15 bits for frequencies that would need more (MS-XCA 2.1.4.2)', () => {
  const parts: Uint8Array[] = [];
  let a = 1;
  let b = 1;
  for (let symbol = 0; symbol < 22; symbol++) {
    parts.push(new Uint8Array(a).map((_, i) => symbol * 11 + (i % 2)));
    [a, b] = [b, a + b];
  }
  const plain = joined(...parts).sort((x, y) => ((x * 7919) % 251) - ((y * 7919) % 251));
  deepStrictEqual(decompress('Lz77Huffman', compress('Lz77Huffman', plain) as Uint8Array, plain.length), plain);
});
