import { IpProtocol, Subsystem, TimeoutCommand } from '@ring3/nfnetlink';
import { toHex } from '@ring3/wire';
import fc from 'fast-check';
import type { Vector } from './format.ts';

/** An attribute: header and payload, padded; the length field may be wrong. */
function attribute(type: number, payload: Uint8Array, length = payload.length + 4): Uint8Array {
  const bytes = new Uint8Array((payload.length + 7) & ~3);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, length, true);
  view.setUint16(2, type, true);
  bytes.set(payload, 4);
  return bytes;
}

/** A message: header, nfgenmsg and attributes; the length field may be wrong. */
function message(type: number, flags: number, sequence: number, body: Uint8Array, shorter = 0): Uint8Array {
  const bytes = new Uint8Array((body.length + 23) & ~3);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.max(0, 20 + body.length - shorter), true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  bytes.set(body, 20);
  return bytes;
}

const joined = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const text = (value: string): Uint8Array => new Uint8Array(Buffer.from(value, 'latin1'));
const rarely = <T>(usual: fc.Arbitrary<T>, seldom: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ arbitrary: usual, weight: 12 }, { arbitrary: seldom, weight: 1 });
const raw = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength });

const names = fc
  .oneof(
    { arbitrary: fc.constantFrom('a\0', 'b\0', 'c\0', 'dd\0', '\0', `${'x'.repeat(31)}\0`), weight: 10 },
    {
      arbitrary: fc.constantFrom(
        'a',
        '',
        'b\0\0\0',
        'a\0tail',
        'x'.repeat(31),
        `${'x'.repeat(32)}\0`,
        `${'y'.repeat(31)}\0\0`,
        `a\0${'z'.repeat(40)}`,
      ),
      weight: 1,
    },
  )
  .map(text);
const be16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 255);
const be32 = (value: number): Uint8Array => Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
const families = rarely(fc.constantFrom(2, 2, 10, 0, 7, 65_535).map(be16), raw(4));
const protocols = rarely(
  fc.constantFrom(...Object.values(IpProtocol), 0, 41).map((value) => Uint8Array.of(value)),
  raw(3),
);
const seconds = rarely(
  fc.oneof(fc.integer({ min: 0, max: 500 }), fc.constantFrom(17_179_869, 17_179_870, 0x7fffffff, 0xffffffff)).map(be32),
  raw(7),
);
const timeouts = fc
  .array(
    fc.record({ type: fc.integer({ min: 0, max: 12 }), payload: seconds, bits: rarely(fc.constant(0), fc.constantFrom(0x4000, 0x8000)) }),
    { maxLength: 4 },
  )
  .map((list) => joined(list.map(({ type, payload, bits }) => attribute(type | bits, payload))));

const anyAttribute = fc
  .record({
    kind: fc.constantFrom('name', 'name', 'l3', 'l4', 'data', 'use', 'other'),
    name: names,
    l3: families,
    l4: protocols,
    data: rarely(timeouts, raw(9)),
    use: raw(6),
    other: raw(6),
    otherType: fc.constantFrom(0, 6, 7, 99, 0x3fff),
    bits: rarely(fc.constant(0), fc.constantFrom(0x4000, 0x8000, 0xc000)),
    lie: rarely(fc.constant(undefined as number | undefined), fc.integer({ min: 0, max: 40 })),
  })
  .map((row) => {
    const type = { name: 1, l3: 2, l4: 3, data: 4, use: 5, other: row.otherType }[row.kind];
    return attribute(type | row.bits, row[row.kind as 'name'], row.lie);
  });

/** Mostly consistent attributes: those of a policy, some omitted, others added. */
const attributes = fc
  .record({
    name: names,
    l3: families,
    l4: protocols,
    data: timeouts,
    left: rarely(fc.constant(-1), fc.integer({ min: 0, max: 3 })),
    more: rarely(fc.constant([] as Uint8Array[]), fc.array(anyAttribute, { maxLength: 3 })),
  })
  .map(({ name, l3, l4, data, left, more }) => {
    const usual = [attribute(1, name), attribute(2, l3), attribute(3, l4), attribute(0x8004, data)].filter((_, i) => i !== left);
    return joined([...usual, ...more]);
  });

const commands = (except: readonly number[]): fc.Arbitrary<number> =>
  fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 4, 5).filter((command) => !except.includes(command));

const types = (except: readonly number[]): fc.Arbitrary<number> =>
  rarely(
    commands(except).map((command) => (Subsystem.CtnetlinkTimeout << 8) | command),
    fc.constantFrom(0, 2, 15, 16, 17, (13 << 8) | 1, 0xff01, (8 << 8) | 255),
  );

const flags = fc
  .record({
    request: rarely(fc.constant(1), fc.constant(0)),
    ack: fc.constantFrom(4, 4, 0),
    more: fc.constantFrom(0, 0, 0, 0x100, 0x200, 0x300, 0x400, 0x500, 0x600),
  })
  .map(({ request, ack, more }) => request | ack | more);

const datagrams = (except: readonly number[]): fc.Arbitrary<Uint8Array> =>
  fc
    .record({
      messages: fc.array(
        fc
          .record({
            type: types(except),
            flags,
            sequence: fc.integer({ min: 1, max: 1000 }),
            body: fc.oneof(
              { arbitrary: attributes, weight: 6 },
              { arbitrary: anyAttribute, weight: 3 },
              { arbitrary: fc.constant(new Uint8Array()), weight: 1 },
            ),
            shorter: rarely(fc.constant(0), fc.integer({ min: -40, max: 30 })),
          })
          .map((row) => message(row.type, row.flags, row.sequence, row.body, row.shorter)),
        { minLength: 1, maxLength: 3 },
      ),
      tail: rarely(fc.constant(new Uint8Array()), raw(24)),
      cut: rarely(fc.constant(0), fc.integer({ min: 1, max: 60 })),
    })
    .map(({ messages, tail, cut }) => {
      const whole = joined([...messages, tail]);
      return whole.subarray(0, Math.max(1, whole.length - cut));
    });

/** Many policies at once, so that dumps take several blocks. */
const bulk = fc
  .integer({ min: 20, max: 90 })
  .map((count) =>
    joined(
      Array.from({ length: count }, (_, i) =>
        message(
          TimeoutCommand.New | (Subsystem.CtnetlinkTimeout << 8),
          1,
          i,
          joined([
            attribute(1, text(`bulk${i}\0`)),
            attribute(2, be16(2)),
            attribute(3, Uint8Array.of(i % 2 === 0 ? 6 : 17)),
            attribute(0x8004, new Uint8Array()),
          ]),
        ),
      ),
    ),
  );

const options = fc.record({ ext_ack: fc.constantFrom(1, 1, 0), cap_ack: fc.constantFrom(0, 0, 1) });

/** Arbitrary requests; all responses are received before the next request. */
const orderly: fc.Arbitrary<Vector> = fc
  .record({ opts: options, sends: fc.array(datagrams([]), { minLength: 1, maxLength: 12 }) })
  .map(({ opts, sends }) => ({
    name: 'random requests',
    opts,
    steps: sends.map((send) => ({ op: 'nl' as const, send: toHex(send), replies: [] })),
  }));

/**
 * Dumps that two sockets receive in parts with buffers of several sizes, while policies are created and changed. Nothing is deleted: if the
 * next entry of a dump is deleted, the kernel omits the entries after it, and ring3 does not.
 */
const interleaved: fc.Arbitrary<Vector> = fc
  .record({
    opts: options,
    bulk,
    steps: fc.array(
      fc.record({
        send: fc.option(datagrams([TimeoutCommand.Delete]).map(toHex), { nil: undefined }),
        sock: fc.constantFrom('a', 'b'),
        recv: fc.constantFrom('all' as const, 'none' as const, 1, 2),
        bufsize: fc.constantFrom(1024, 4096, 8192, 32_768, 65_536),
      }),
      { minLength: 1, maxLength: 12 },
    ),
  })
  .map(({ opts, bulk: many, steps }) => ({
    name: 'random lists',
    opts,
    steps: [
      { op: 'nl' as const, send: toHex(many), replies: [] },
      ...steps.map(({ send, ...rest }) => ({ op: 'nl' as const, ...(send === undefined ? {} : { send }), ...rest, replies: [] })),
    ],
  }));

/** Random valid and invalid requests to nfnetlink_cttimeout; their responses are empty until they are recorded. */
export const randomVector: fc.Arbitrary<Vector> = fc.oneof({ arbitrary: orderly, weight: 3 }, { arbitrary: interleaved, weight: 1 });
/** Random datagrams. */
export const randomDatagram: fc.Arbitrary<Uint8Array> = datagrams([]);
