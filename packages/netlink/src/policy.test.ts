import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Errno } from '@ring3/linux';
import { attr, attrs, be16, be32, binary, bytes, encode, Frame, flag, nest, nulString, u8 } from '@ring3/wire';
import fc from 'fast-check';
import { AttributeSet, describePolicy, isRefusal, validate, validatePayload } from './policy.ts';

const Inner = attrs('INNER', { number: attr(1, be32) });
const Table = attrs('TABLE', {
  name: nulString(1, 5),
  number: attr(2, be16),
  small: attr(3, u8),
  inner: nest(4, Inner),
  data: binary(5, 4),
  there: flag(6),
  address: { ...attr(7, bytes(16)) },
});

/** One attribute with a payload. */
function stream(type: number, payload: Uint8Array, length = payload.length + 4): Frame {
  const frame = Frame.alloc((payload.length + 7) & ~3);
  frame.view.setUint16(0, length, true);
  frame.view.setUint16(2, type, true);
  frame.bytes.set(payload, 4);
  return frame;
}
const refusal = (type: number, payload: Uint8Array | string): number => {
  const frame = stream(type, typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload);
  const found = validate(Table, frame, 0, frame.length);
  return isRefusal(found) ? found.errno : 0;
};

test('an integer or structure shorter than its type is ERANGE, a longer one is truncated', () => {
  assert.equal(refusal(2, Uint8Array.of(1)), Errno.ERANGE);
  assert.equal(refusal(3, new Uint8Array()), Errno.ERANGE);
  assert.equal(refusal(7, new Uint8Array(15)), Errno.ERANGE);
  assert.equal(refusal(7, new Uint8Array(17)), 0);
  const frame = stream(2, Uint8Array.of(1, 2, 3));
  const found = validate(Table, frame, 0, frame.length);
  assert.ok(found instanceof AttributeSet && found.get('number') === 0x0102);
});

test('a nested attribute of 1 to 3 bytes is ERANGE; an empty one is valid', () => {
  for (const length of [1, 2, 3]) assert.equal(refusal(4, new Uint8Array(length)), Errno.ERANGE);
  assert.equal(refusal(4, new Uint8Array()), 0);
  assert.equal(refusal(4, new Uint8Array(4)), 0);
});

test('a name must have a NUL in the first max + 1 bytes, and at most max bytes without one trailing NUL', () => {
  assert.equal(refusal(1, ''), Errno.EINVAL);
  assert.equal(refusal(1, 'abc'), Errno.EINVAL);
  assert.equal(refusal(1, 'abcde\0'), 0);
  assert.equal(refusal(1, 'abcdef\0'), Errno.EINVAL);
  assert.equal(refusal(1, 'a\0bcd'), 0);
  assert.equal(refusal(1, 'a\0bcdef'), Errno.ERANGE);
  assert.equal(refusal(1, 'a\0bcde\0'), Errno.ERANGE);
  assert.equal(refusal(1, 'a\0bcd\0'), 0);
});

test('raw bytes have a maximum length, a flag has none', () => {
  assert.equal(refusal(5, new Uint8Array(4)), 0);
  assert.equal(refusal(5, new Uint8Array(5)), Errno.ERANGE);
  assert.equal(refusal(6, new Uint8Array(0)), 0);
  assert.equal(refusal(6, new Uint8Array(1)), Errno.ERANGE);
});

test('unknown types are skipped, flag bits of the type are masked, the last of several is used, the rest after an invalid header is returned', () => {
  const frame = new Frame(
    new Uint8Array(
      Buffer.concat([
        stream(99, Uint8Array.of(1)).bytes,
        stream(0xc002, Uint8Array.of(0, 1)).bytes,
        stream(2, Uint8Array.of(0, 2)).bytes,
        Uint8Array.of(3, 0, 1),
      ]),
    ),
  );
  const found = validate(Table, frame, 0, frame.length);
  assert.ok(found instanceof AttributeSet);
  assert.equal(found.get('number'), 2);
  assert.equal(found.has('name'), false);
  assert.equal(found.leftover, 3);
});

test('an attribute that is not validated is accepted with any length', () => {
  const frame = stream(2, Uint8Array.of(1));
  assert.ok(validate(Table, frame, 0, frame.length, { unchecked: ['number'] }) instanceof AttributeSet);
});

test('an attribute that is not allowed in requests is EINVAL with any length', () => {
  const frame = stream(2, Uint8Array.of(1, 2));
  const found = validate(Table, frame, 0, frame.length, { rejected: ['number'] });
  assert.ok(isRefusal(found) && found.errno === Errno.EINVAL && found.attr === undefined);
});

test('the content of a nested attribute is validated by its own table; an absent one is empty', () => {
  const inner = stream(1, Uint8Array.of(0, 0, 0, 9));
  const frame = stream(4, inner.bytes);
  const found = validate(Table, frame, 0, frame.length);
  assert.ok(found instanceof AttributeSet);
  const inside = found.within('inner', Inner);
  assert.ok(inside instanceof AttributeSet && inside.get('number') === 9);
  const absent = (validate(Table, frame, 0, 0) as AttributeSet<(typeof Table)['table']>).within('inner', Inner);
  assert.ok(absent instanceof AttributeSet && !absent.has('number'));
});

test('the policy describes the valid attribute (NLMSGERR_ATTR_POLICY)', () => {
  const hex = (field: keyof typeof Table.table): string | undefined => {
    const found = describePolicy(Table.table[field]);
    return found === undefined ? undefined : Buffer.from(found).toString('hex');
  };
  assert.equal(hex('name'), `0800070005000000${'08000100'}0c000000`);
  assert.equal(hex('number'), '0c00040000000000000000000c000500ffff0000000000000800010003000000');
  assert.equal(hex('small'), '0c00040000000000000000000c000500ff000000000000000800010002000000');
  assert.equal(hex('inner'), '080001000d000000');
  assert.equal(hex('address'), undefined);
});

test('a validated attribute can be decoded, whatever its bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
      const frame = new Frame(noise);
      const found = validate(Table, frame, 0, noise.length);
      if (isRefusal(found)) return;
      for (const field of ['name', 'number', 'small', 'data', 'there', 'address'] as const) found.get(field);
      found.within('inner', Inner);
    }),
  );
});

test('every valid value is accepted', () => {
  const value = {
    name: 'abcde',
    number: 7,
    small: 1,
    inner: { number: 5 },
    data: Uint8Array.of(1),
    there: true as const,
    address: new Uint8Array(16),
  };
  const bytesOf = encode(Table, value, (length) => Frame.alloc(length));
  assert.ok(!isRefusal(validate(Table, new Frame(bytesOf), 0, bytesOf.length)));
  assert.equal(validatePayload(Table.table.number, new Frame(bytesOf), 0, 2), 0);
});
