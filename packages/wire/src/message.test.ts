import { deepStrictEqual, strictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import {
  buffer,
  constant,
  DecodeError,
  EncodeError,
  Frame,
  id53,
  items,
  linked,
  message,
  nextOffset,
  part,
  payload,
  raw,
  sequence,
  struct,
  u8,
  u16,
  u32,
  utf16,
} from './index.ts';
import { checkDeclaration } from './testing.ts';

/** SMB2 TREE_CONNECT Request, MS-SMB2 2.2.9. */
const TreeConnectRequest = message(
  'TreeConnectRequest',
  struct('TreeConnectRequest.fixed', { structureSize: constant(u16, 9), flags: u16, pathOffset: u16, pathLength: u16 }),
  { path: utf16('pathOffset', 'pathLength') },
  { before: 64 },
);
/** SMB2 WRITE Request, MS-SMB2 2.2.21, without channel information. */
const WriteRequest = message(
  'WriteRequest',
  struct('WriteRequest.fixed', { structureSize: constant(u16, 49), dataOffset: u16, length: u32, fileId: id53, flags: u32 }),
  { data: payload('dataOffset', 'length') },
  { before: 64 },
);
const Context = message('Context', struct('Context.fixed', { next: nextOffset, length: u8 }), { data: part({ length: 'length' }, raw) });
const Contexts = message(
  'Contexts',
  struct('Contexts.fixed', { offset: u32, length: u32, count: u16, namesOffset: u16, namesLength: u16 }),
  {
    numbers: items({ count: 'count' }, struct('n', { n: u16 })),
    contexts: part({ offset: 'offset', length: 'length' }, linked(Context, 8), { align: 8, zeroWhenEmpty: true }),
    rows: buffer('namesOffset', 'namesLength'),
  },
);

test('handlers see values, never offsets or lengths', () => {
  const { head } = TreeConnectRequest.encode({ flags: 0, path: '\\\\server\\share' });
  strictEqual(head.length, 64 + 8 + 28);
  deepStrictEqual(TreeConnectRequest.read(new Frame(head), 0), { structureSize: 9, flags: 0, path: '\\\\server\\share' });
});

test('a part that reaches outside its window is refused, whatever the frame holds behind it', () => {
  const { head } = TreeConnectRequest.encode({ flags: 0, path: 'abcd' });
  const frame = new Frame(new Uint8Array([...head, ...new Uint8Array(100)]));
  strictEqual(TreeConnectRequest.read(frame, 0, head.length).path, 'abcd');
  throws(() => TreeConnectRequest.read(frame, 0, head.length - 2), DecodeError);
  frame.view.setUint16(64 + 6, 0xfffe, true);
  throws(() => TreeConnectRequest.read(frame, 0, head.length), DecodeError);
});

test('a part that points into the fixed part is refused', () => {
  const { head } = TreeConnectRequest.encode({ flags: 0, path: 'abcd' });
  for (const offset of [0, 63, 71]) {
    const frame = new Frame(head.slice());
    frame.view.setUint16(64 + 4, offset, true);
    throws(() => TreeConnectRequest.read(frame, 0), DecodeError);
  }
});

test('bulk data is a list of views going in and separate chunks going out', () => {
  const chunks = [new Uint8Array([1, 2, 3]), new Uint8Array([4, 5])];
  const { head, rest } = WriteRequest.encode({ fileId: 5, flags: 0, data: chunks });
  strictEqual(rest[0], chunks[0]);
  const frame = new Frame(head, rest);
  const { data } = WriteRequest.read(frame, 0);
  strictEqual(data.length, 2);
  strictEqual(data[0]?.buffer, chunks[0]?.buffer);
  deepStrictEqual(Buffer.concat(data), Buffer.from([1, 2, 3, 4, 5]));
});

test('an odd StructureSize means at least one byte behind the fixed part', () => {
  strictEqual(TreeConnectRequest.encode({ flags: 0, path: '' }).head.length, 73);
});

test('an empty part may be written with offset zero, and a list keeps its alignment', () => {
  const none = new Frame(Contexts.encode({ numbers: [], contexts: [], rows: new Uint8Array(0) }).head);
  strictEqual(none.view.getUint32(0, true), 0);
  const some = Contexts.encode({
    numbers: [{ n: 7 }],
    contexts: [{ data: new Uint8Array(4) }, { data: new Uint8Array(1) }],
    rows: new Uint8Array(3),
  });
  const frame = new Frame(some.head);
  strictEqual(frame.view.getUint32(0, true) % 8, 0);
  strictEqual(frame.view.getUint32(frame.view.getUint32(0, true), true), 16);
  deepStrictEqual(
    Contexts.read(frame, 0).contexts.map(({ data }) => data.length),
    [4, 1],
  );
});

test('a list whose elements point outside, backwards or at themselves is refused', () => {
  const made = Contexts.encode({
    numbers: [],
    contexts: [{ data: new Uint8Array(4) }, { data: new Uint8Array(1) }],
    rows: new Uint8Array(0),
  }).head;
  for (const next of [1, 3, 8, 12, 1000, 0xffffffff, 0xfffffff8]) {
    const frame = new Frame(made.slice());
    frame.view.setUint32(frame.view.getUint32(0, true), next, true);
    throws(() => Contexts.read(frame, 0), DecodeError, `next ${next}`);
  }
});

test('a count beyond what is there is refused', () => {
  const frame = new Frame(Contexts.encode({ numbers: [{ n: 1 }], contexts: [], rows: new Uint8Array(0) }).head);
  for (const count of [2, 4096, 65535]) {
    frame.view.setUint16(8, count, true);
    throws(() => Contexts.read(frame, 0), DecodeError);
  }
});

test('a part too long for the field that counts it is refused when written', () => {
  throws(() => TreeConnectRequest.encode({ flags: 0, path: 'x'.repeat(40000) }), EncodeError);
});

test('a sequence of self-sizing elements ends with its window', () => {
  const codec = sequence(struct('n', { n: u16 }));
  deepStrictEqual(codec.read(new Frame(new Uint8Array([1, 0, 2, 0])), 0, 4), [{ n: 1 }, { n: 2 }]);
  throws(() => codec.read(new Frame(new Uint8Array([1, 0, 2])), 0, 3), DecodeError);
});

/** A counted list, followed by bytes that only the end of the list locates (as in MS-SMB2 2.2.3.1.1). */
const CountedThenBytes = message('CountedThenBytes', struct('CountedThenBytes.fixed', { count: u16, length: u16 }), {
  numbers: items({ count: 'count' }, struct('n', { n: u16 })),
  salt: part({ length: 'length' }, raw),
});

for (const declaration of [TreeConnectRequest, WriteRequest, Contexts, CountedThenBytes]) {
  test(`${declaration.name} survives the round trip and every truncation`, () => checkDeclaration(declaration as never));
}
