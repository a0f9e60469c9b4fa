import { deepStrictEqual, strictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import {
  attr,
  attrs,
  be16,
  be32,
  be64,
  binary,
  DecodeError,
  EncodeError,
  Frame,
  flag,
  fromHex,
  many,
  nest,
  nulString,
  toHex,
  u8,
} from './index.ts';
import { checkDeclaration } from './testing.ts';

/** CTA_TIMEOUT_*, uapi/linux/netfilter/nfnetlink_cttimeout.h. */
const Data = attrs('CTA_TIMEOUT_UDP', { unreplied: attr(1, be32), replied: attr(2, be32) });
const Timeout = attrs('CTA_TIMEOUT', {
  name: nulString(1, 31),
  l3Proto: attr(2, be16),
  l4Proto: attr(3, u8),
  use: attr(5, be32),
  data: nest(4, Data),
  big: attr(6, be64),
  present: flag(7),
  list: many(attr(8, be16)),
  opaque: binary(9),
});

const write = (value: Parameters<typeof Timeout.write>[2]): Uint8Array => {
  const frame = Frame.alloc(Timeout.size(value));
  Timeout.write(frame, 0, value);
  return frame.bytes;
};
const read = (hex: string) => Timeout.read(new Frame(fromHex(hex)), 0, fromHex(hex).length);

test("headers are native-endian, values big-endian, order is the table's, nests carry their bit", () => {
  strictEqual(
    toHex(write({ name: 'web', l3Proto: 2, l4Proto: 17, data: { unreplied: 30 }, use: 1 })),
    '08000100' +
      '77656200' +
      '06000200' +
      '00020000' +
      '05000300' +
      '11000000' +
      '08000500' +
      '00000001' +
      '0c000480' +
      '08000100' +
      '0000001e',
  );
});

test('the two top bits of a type are no part of it, and the last of several wins', () => {
  strictEqual(read('06000280000a0000' + '0600024000020000').l3Proto, 2);
});

test('a longer payload is cut to its integer, a shorter one refused', () => {
  strictEqual(read('08000200000a0000').l3Proto, 10);
  throws(() => read('0500020000000000'), DecodeError);
});

test('unknown attributes are kept at every depth, and written again', () => {
  const value = read('0c0004800800630001020304' + '0500640009000000');
  deepStrictEqual(value.unknown, [{ type: 100, bytes: fromHex('09') }]);
  deepStrictEqual(value.data?.unknown, [{ type: 99, bytes: fromHex('01020304') }]);
  strictEqual(toHex(write(value)), '0c0004800800630001020304' + '0500640009000000');
});

test('the stream ends at the first impossible header; what stood before it counts', () => {
  strictEqual(read('06000200000200000300').l3Proto, 2);
  strictEqual(read('060002000002000003000100').l3Proto, 2);
  const frame = new Frame(fromHex('0600020000020000ff000100'));
  strictEqual(Timeout.walk(frame, 0, 12, () => {}).bytes, 4);
});

test('a name keeps any bytes, and ends at its first NUL', () => strictEqual(read('080001006100ff00').name, 'a'));

test('a payload that a length of 16 bits cannot hold is refused', () =>
  throws(() => write({ opaque: new Uint8Array(70000) }), EncodeError));

test('a table of attributes survives the round trip and every truncation', () => checkDeclaration(Timeout as never, 200));
