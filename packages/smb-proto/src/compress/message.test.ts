import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { assert, boolean, constantFrom, integer, nat, property, subarray, tuple, uint8Array } from 'fast-check';
import { type Compression, CompressionAlgorithm, commonCompression, compressionAlgorithms } from './algorithm.ts';
import { MessageCompressor } from './message-compressor.ts';
import { maxSegment, readCompressed } from './message-decompressor.ts';

const { None, Lznt1, Lz77, Lz77Huffman, PatternV1, Lz4 } = CompressionAlgorithm;
const head = new Uint8Array(80).map((_, i) => i * 37);
const limit = maxSegment(8 << 20);
const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const text = (times: number): Uint8Array => new Uint8Array(Buffer.from('The quick brown fox jumps over the lazy dog. '.repeat(times)));

function compress(data: Uint8Array, how: Compression, step = 65_536): Uint8Array | undefined {
  const target = new Uint8Array(head.length + data.length);
  const coder = new MessageCompressor(head, data, target, how);
  let progress = coder.advance(step);
  while (progress === 'more') progress = coder.advance(step);
  return progress === 'done' ? target.slice(0, coder.written) : undefined;
}

function decompress(message: Uint8Array, how: Compression, step = 65_536, max = limit): Uint8Array | undefined {
  const read = readCompressed(message, how, max);
  if (typeof read === 'string') return undefined;
  const target = new Uint8Array(read.size);
  const coder = read.decompress(target);
  let progress = coder.advance(step);
  while (progress === 'more') progress = coder.advance(step);
  return progress === 'done' ? target : undefined;
}

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
const u32 = (bytes: Uint8Array, at: number): number => u16(bytes, at) + u16(bytes, at + 2) * 65_536;

/** Algorithm, flags and length of each payload of a chain. */
function payloads(message: Uint8Array): number[][] {
  const list: number[][] = [];
  for (let at = 8; at < message.length; at += 8 + u32(message, at + 4))
    list.push([u16(message, at), u16(message, at + 2), u32(message, at + 4)]);
  return list;
}

test('an unchained message has its header, the plain beginning, and the rest compressed (2.2.42.1, 3.1.4.4)', () => {
  const message = compress(text(100), { algorithms: [Lz77], chained: false }) as Uint8Array;
  deepStrictEqual([...message.subarray(0, 4)], [0xfc, 0x53, 0x4d, 0x42]);
  deepStrictEqual([u32(message, 4), u16(message, 8), u16(message, 10), u32(message, 12)], [4500, Lz77, 0, head.length]);
  deepStrictEqual(message.subarray(16, 16 + head.length), head);
});

test('a chained message begins with the plain header, and only its first payload has the flag CHAINED (2.2.42.2.1)', () => {
  const data = joined(new Uint8Array(5000), text(100), new Uint8Array(300).fill(7));
  const how = { algorithms: [PatternV1, Lz77], chained: true };
  const message = compress(data, how) as Uint8Array;
  strictEqual(u32(message, 4), head.length + data.length);
  const list = payloads(message);
  deepStrictEqual(
    list.map(([algorithm, flags]) => [algorithm, flags]),
    [
      [None, 1],
      [PatternV1, 0],
      [Lz77, 0],
      [PatternV1, 0],
    ],
  );
  deepStrictEqual([list[0]?.[2], list[1]?.[2], list[3]?.[2]], [head.length, 8, 8]);
  strictEqual(u32(message, 8 + 8 + head.length + 16 + 8), 4500); // OriginalPayloadSize
  deepStrictEqual(decompress(message, how), joined(head, data));
});

test('data that does not become smaller is not compressed (3.1.4.4)', () => {
  const random = new Uint8Array(1 << 20);
  let state = 1;
  for (let i = 0; i < random.length; i++) {
    state = Math.imul(state, 1664525) + 1013904223;
    random[i] = state >>> 24;
  }
  for (const algorithm of [Lznt1, Lz77, Lz77Huffman, Lz4]) {
    for (const chained of [false, true]) strictEqual(compress(random, { algorithms: [algorithm], chained }), undefined);
  }
  const how = { algorithms: [PatternV1, Lz77], chained: true };
  const withZeros = joined(random, new Uint8Array(1000));
  const message = compress(withZeros, how) as Uint8Array;
  deepStrictEqual(
    payloads(message).map(([algorithm]) => algorithm),
    [None, None, PatternV1],
  );
  deepStrictEqual(decompress(message, how), joined(head, withZeros));
});

test('data whose first part does not become smaller is given up after it, and data that does is compressed to its end', () => {
  const data = joined(
    text(10_000),
    new Uint8Array(300_000).map((_, i) => Math.imul(i, 0x9e3779b1) >>> 24),
  );
  for (const algorithm of [Lznt1, Lz77, Lz77Huffman, Lz4]) {
    for (const step of [1000, 32_768, 1 << 20]) {
      const how = { algorithms: [algorithm], chained: false };
      deepStrictEqual(decompress(compress(data, how, step) as Uint8Array, how), joined(head, data));
    }
  }
});

const agreements = tuple(subarray([...compressionAlgorithms], { minLength: 1 }), boolean()).map(([algorithms, chained]) => ({
  algorithms,
  chained,
}));
const bodies = tuple(
  nat(3000),
  constantFrom(0, 0x20, 0xff),
  uint8Array({ maxLength: 3000, max: 40 }),
  constantFrom(1, 20, 60),
  nat(3000),
).map(([front, byte, middle, times, back]) =>
  joined(new Uint8Array(front).fill(byte), ...Array.from({ length: times }, () => middle), new Uint8Array(back).fill(byte)),
);

test('a message decompresses to what it was, whatever was negotiated', () => {
  assert(
    property(bodies, agreements, integer({ min: 1, max: 100_000 }), (data, how, step) => {
      const message = compress(data, how, step);
      if (message === undefined) return;
      ok(message.length < head.length + data.length);
      deepStrictEqual(decompress(message, how, step), joined(head, data));
    }),
  );
});

test('a garbled or truncated message is rejected, or has the announced size', () => {
  assert(
    property(bodies, agreements, nat(), nat(255), nat(), (data, how, at, byte, cut) => {
      const message = compress(data, how);
      if (message === undefined) return;
      message[4 + (at % Math.min(160, message.length - 4))] = byte;
      const read = readCompressed(message, how, limit);
      if (typeof read !== 'string') ok(read.size <= limit);
      decompress(message, how);
      decompress(message.subarray(0, cut % message.length), how);
    }),
  );
});

const unchained = (segment: number, algorithm: number, flags: number, offset: number, rest: Uint8Array): Uint8Array => {
  const message = new Uint8Array(16 + rest.length);
  const view = new DataView(message.buffer);
  view.setUint32(0, 0x424d53fc, true);
  view.setUint32(4, segment, true);
  view.setUint16(8, algorithm, true);
  view.setUint16(10, flags, true);
  view.setUint32(12, offset, true);
  message.set(rest, 16);
  return message;
};

test('a message is rejected as 3.3.5.2.1.2 says', () => {
  const plainOnly = { algorithms: [Lz77], chained: false };
  const rows: readonly (readonly [string, Uint8Array, Compression])[] = [
    ['shorter than the header', unchained(1, Lz77, 0, 0, text(1)).subarray(0, 15), plainOnly],
    ['an algorithm that was not negotiated', unchained(1, Lznt1, 0, 0, text(1)), plainOnly],
    ['Pattern_V1 outside a chain', unchained(1, PatternV1, 0, 0, text(1)), { algorithms: [PatternV1, Lz77], chained: true }],
    ['no algorithm', unchained(1, None, 0, 0, text(1)), plainOnly],
    ['more than the maximum', unchained(limit + 1, Lz77, 0, 0, text(1)), plainOnly],
    ['more than the maximum with its plain beginning', unchained(limit, Lz77, 0, 10, text(1)), plainOnly],
    ['a beginning beyond the end', unchained(1, Lz77, 0, 46, text(1)), plainOnly],
    ['a chain that was not negotiated', unchained(1, Lz77, 1, 0, text(1)), plainOnly],
    ['unknown flags', unchained(1, Lz77, 2, 0, text(1)), { algorithms: [Lz77], chained: true }],
  ];
  for (const [what, message, how] of rows) strictEqual(typeof readCompressed(message, how, limit), 'string', what);
});

/** A chain of payloads: algorithm and bytes of each. */
const chain = (size: number, ...parts: readonly (readonly [number, readonly number[], number?])[]): Uint8Array => {
  const bytes: number[] = [0xfc, 0x53, 0x4d, 0x42, size & 255, (size >> 8) & 255, (size >> 16) & 255, size >>> 24];
  parts.forEach(([algorithm, payload, length = payload.length], i) => {
    bytes.push(algorithm, 0, i === 0 ? 1 : 0, 0, length & 255, (length >> 8) & 255, (length >> 16) & 255, length >>> 24, ...payload);
  });
  while (bytes.length < 16) bytes.push(0);
  return Uint8Array.from(bytes);
};
const eight = [1, 2, 3, 4, 5, 6, 7, 8];
const pattern = (byte: number, times: number): number[] => [
  byte,
  0,
  0,
  0,
  times & 255,
  (times >> 8) & 255,
  (times >> 16) & 255,
  times >>> 24,
];

test('a chain is rejected as 3.1.5.3 says', () => {
  const how = { algorithms: [PatternV1, Lz77], chained: true };
  deepStrictEqual(decompress(chain(11, [None, eight], [PatternV1, pattern(9, 3)]), how), Uint8Array.from([...eight, 9, 9, 9]));
  const rows: readonly (readonly [string, Uint8Array])[] = [
    ['less than announced', chain(12, [None, eight], [PatternV1, pattern(9, 3)])],
    ['more than announced', chain(10, [None, eight], [PatternV1, pattern(9, 3)])],
    ['a pattern of 4 GiB', chain(100, [None, eight], [PatternV1, pattern(9, 0xffffffff)])],
    ['a pattern of another length', chain(11, [None, eight], [PatternV1, [...pattern(9, 3), 0]])],
    ['a length beyond the end', chain(8, [None, eight, 9])],
    ['an algorithm that was not negotiated', chain(8, [Lznt1, [4, 0, 0, 0, 3, 0x30, 1, 2, 3, 4]])],
    ['an unknown algorithm', chain(8, [77, eight])],
    ['no OriginalPayloadSize', chain(8, [None, eight.slice(0, 5)], [Lz77, [3, 0, 0]])],
    ['an OriginalPayloadSize above the announced size', chain(8, [Lz77, [9, 0, 0, 0, 0, 0, 0, 0, ...eight, 9]])],
    ['a header that is cut', chain(8, [None, eight]).subarray(0, 20)],
  ];
  for (const [what, message] of rows) strictEqual(decompress(message, how), undefined, what);
});

test('a chain whose later payloads have bits in their flags decompresses: 3.1.5.3 does not check them', () => {
  const message = chain(11, [None, eight], [PatternV1, pattern(9, 3)]);
  message[8 + 16 + 2] = 0x40;
  deepStrictEqual(decompress(message, { algorithms: [PatternV1, Lz77], chained: true }), Uint8Array.from([...eight, 9, 9, 9]));
});

test('a chain of many empty payloads takes steps in proportion to their number', () => {
  const message = chain(0, ...Array.from({ length: 4000 }, () => [None, []] as const));
  const read = readCompressed(message, { algorithms: [Lz77], chained: true }, limit);
  ok(typeof read !== 'string');
  const coder = read.decompress(new Uint8Array(0));
  let steps = 1;
  while (coder.advance(65_536) === 'more') steps++;
  ok(steps >= 15, String(steps));
});

test('what both sides support has the order of the client, without repetition (3.3.5.4)', () => {
  deepStrictEqual(commonCompression([9, Lz77Huffman, None, Lz77, Lz77Huffman], true), { algorithms: [Lz77Huffman, Lz77], chained: true });
  strictEqual(commonCompression([9, 77], true), undefined);
  strictEqual(commonCompression([None], false), undefined);
});
