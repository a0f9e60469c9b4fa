import { deepStrictEqual, strictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import {
  constant,
  DecodeError,
  Frame,
  flags,
  fromHex,
  guid,
  id53,
  inline,
  reserved,
  struct,
  type TypeOf,
  toHex,
  u8,
  u16,
  u32,
  u64,
} from './index.ts';
import { checkDeclaration } from './testing.ts';

/** SMB2 CLOSE Response, MS-SMB2 2.2.16. */
const CloseResponse = struct('CloseResponse', {
  structureSize: constant(u16, 60),
  flags: flags(u16, { PostQueryAttributes: 1 }),
  reserved: reserved(u32),
  creationTime: u64,
  fileId: id53,
  kind: u8,
  id: guid,
});

test('a struct concatenates its fields in wire order, little-endian', () => {
  strictEqual(CloseResponse.byteLength, 41);
  deepStrictEqual(CloseResponse.offset, { structureSize: 0, flags: 2, reserved: 4, creationTime: 8, fileId: 16, kind: 24, id: 25 });
  const frame = Frame.alloc(CloseResponse.byteLength);
  CloseResponse.write(frame, 0, { flags: 1, creationTime: 2n, fileId: 0x100000002, kind: 7, id: new Uint8Array(16).fill(9) });
  strictEqual(toHex(frame.bytes), `3c000100000000000200000000000000020000000100000007${'09'.repeat(16)}`);
  const value: TypeOf<typeof CloseResponse> = CloseResponse.read(frame, 0);
  deepStrictEqual(value, CloseResponse.readInterpreted(frame, 0));
  strictEqual(value.fileId, 0x100000002);
});

test('a constant that is another value is refused, with structure, field and offset', () => {
  const frame = Frame.alloc(60);
  for (const read of [CloseResponse.read, CloseResponse.readInterpreted]) {
    throws(
      () => read(frame, 3),
      (error) =>
        error instanceof DecodeError && error.structure === 'CloseResponse' && error.field === 'structureSize' && error.offset === 3,
    );
  }
});

test('an id of all ones reads as -1 and writes all ones; one at or above 2^53 equals no safe number', () => {
  const Id = struct('Id', { id: id53 });
  const ones = new Frame(fromHex('ffffffffffffffff'));
  strictEqual(Id.read(ones, 0).id, -1);
  const frame = Frame.alloc(8);
  Id.write(frame, 0, { id: -1 });
  strictEqual(toHex(frame.bytes), 'ffffffffffffffff');
  strictEqual(Number.isSafeInteger(Id.read(new Frame(fromHex('0100000000002000')), 0).id), false);
});

test('structures nest as fields', () => {
  const Pair = struct('Pair', { a: u16, b: u16 });
  const Outer = struct('Outer', { first: inline(Pair), last: u8 });
  strictEqual(Outer.byteLength, 5);
  deepStrictEqual(Outer.read(new Frame(fromHex('0100020003')), 0), { first: { a: 1, b: 2 }, last: 3 });
  checkDeclaration(Outer as never);
});

test('a struct survives the round trip, and each prefix of it fails with a DecodeError', () => checkDeclaration(CloseResponse as never));
