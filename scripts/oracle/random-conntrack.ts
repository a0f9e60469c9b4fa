import { Block, MessageFlags } from '@ring3/netlink';
import { ConntrackCommand, ConntrackMessage, ExpectCommand, ExpectMessage, messageType, Subsystem } from '@ring3/nfnetlink';
import { type Attrs, type AttrTable, toHex } from '@ring3/wire';
import fc from 'fast-check';
import type { Step, Vector } from './format.ts';

const rarely = <T>(usual: fc.Arbitrary<T>, seldom: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ arbitrary: usual, weight: 14 }, { arbitrary: seldom, weight: 1 });
const maybe = <T>(arbitrary: fc.Arbitrary<T>, percent = 30): fc.Arbitrary<T | undefined> =>
  fc.oneof({ arbitrary, weight: percent }, { arbitrary: fc.constant(undefined), weight: 100 - percent });

const v4 = [Uint8Array.of(10, 0, 0, 1), Uint8Array.of(10, 0, 0, 2)] as const;
const v6 = [1, 2].map((last) => Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last));

/** The endpoints of one of few flows, so that requests refer to the same flows. */
interface Ends {
  readonly family: number;
  readonly protocol: number;
  readonly port: number;
  /** The ICMP type of both directions; default: that of an echo, or of its reply. */
  readonly icmpType?: number | undefined;
}

/** ICMP types, few of which have replies. */
const icmpTypes = rarely(fc.constant(undefined), fc.constantFrom(3, 11, 13, 19, 128, 135, 139, 255));

const ends: fc.Arbitrary<Ends> = fc.record({
  icmpType: icmpTypes,
  family: rarely(fc.constantFrom(2, 2, 10), fc.constantFrom(0, 7)),
  protocol: rarely(fc.constantFrom(6, 6, 17, 17, 1, 58, 132), fc.constantFrom(33, 41, 47, 136, 255, 0)),
  port: fc.constantFrom(1000, 1001),
});

/** A tuple of these ends, as the original or the reply direction. */
function tuple({ family, protocol, port, icmpType }: Ends, reply: boolean, zone?: number): Record<string, unknown> {
  const [a, b] = family === 10 ? (v6 as [Uint8Array, Uint8Array]) : v4;
  const [source, destination] = reply ? [b, a] : [a, b];
  const ip = family === 10 ? { v6Source: source, v6Destination: destination } : { v4Source: source, v4Destination: destination };
  const ports = { sourcePort: reply ? 53 : port, destinationPort: reply ? port : 53 };
  const icmp = { icmpId: port, icmpType: icmpType ?? (reply ? 0 : 8), icmpCode: 0 };
  const icmpv6 = { icmpv6Id: port, icmpv6Type: icmpType ?? (reply ? 129 : 128), icmpv6Code: 0 };
  const key = protocol === 1 ? icmp : protocol === 58 ? icmpv6 : protocol === 41 || protocol === 0 || protocol === 255 ? {} : ports;
  return { ip, proto: { number: protocol, ...key }, ...(zone === undefined ? {} : { zone }) };
}

/** Removes one attribute from a tuple. */
function broken(whole: Record<string, unknown>, what: number): Record<string, unknown> {
  const { ip, proto } = whole as { ip: Record<string, unknown>; proto: Record<string, unknown> };
  const without = (record: Record<string, unknown>, at: number): Record<string, unknown> =>
    Object.fromEntries(Object.entries(record).filter((_, i) => i !== at));
  if (what === 0) return { proto };
  if (what === 1) return { ip };
  return what < 4 ? { ip: without(ip, what - 2), proto } : { ip, proto: without(proto, what - 4) };
}

const tcpFlags = fc.record({ flags: fc.constantFrom(0, 1, 2, 8, 10, 0xff), mask: fc.constantFrom(0, 1, 10, 0xff) });
const tcp = fc.record({
  state: maybe(fc.integer({ min: 0, max: 10 }), 80),
  scaleOriginal: maybe(fc.constantFrom(0, 7, 14, 20)),
  scaleReply: maybe(fc.constantFrom(0, 7, 14, 20)),
  flagsOriginal: maybe(tcpFlags),
  flagsReply: maybe(tcpFlags),
});
const sctp = fc.record({
  state: maybe(fc.integer({ min: 0, max: 9 }), 80),
  tagOriginal: maybe(fc.constantFrom(1, 0xdeadbeef), 80),
  tagReply: maybe(fc.constantFrom(2, 0xfeedface), 80),
});

const word = fc.constantFrom(0, 1, 0xffffffff);
const sequenceAdjustment = fc.record({ correctionPosition: maybe(word, 95), offsetBefore: maybe(word, 95), offsetAfter: maybe(word, 95) });
const synproxy = fc.record({ initialSequence: maybe(word, 95), initialTimestamp: maybe(word, 95), timestampOffset: maybe(word, 95) });
/** One address and one port, so that nothing is left to choose. */
const nat = fc.record({ address: maybe(fc.constantFrom(3, 4), 70), port: maybe(fc.constantFrom(7, 80), 30) }).map(({ address, port }) => ({
  v4First: address === undefined ? undefined : Uint8Array.of(10, 0, 0, address),
  v6First: address === undefined ? undefined : Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, address),
  ports: port === undefined ? undefined : { first: port },
}));

const details = fc.record({
  seqAdjOrig: maybe(sequenceAdjustment, 5),
  seqAdjReply: maybe(sequenceAdjustment, 5),
  synproxy: maybe(synproxy, 5),
  natSrc: maybe(nat, 6),
  natDst: maybe(nat, 6),
  status: maybe(fc.constantFrom(0, 8, 0xa, 0xe, 0xc, 0x40e, 0x2008, 0x208, 9, 0x1000e, 0x188)),
  protoinfo: maybe(fc.record({ tcp: maybe(tcp, 70), sctp: maybe(sctp, 30) })),
  help: maybe(
    fc.record({
      name: maybe(fc.constantFrom('ftp', 'ftp', 'irc', 'tftp', 'sip', 'none', ''), 90),
      info: maybe(fc.constant(Uint8Array.of(1, 2))),
    }),
    15,
  ),
  mark: maybe(fc.constantFrom(0, 1, 7, 0xffffffff)),
  markMask: maybe(fc.constantFrom(0, 1, 0xff, 0xffffffff), 15),
  labels: maybe(fc.constantFrom(new Uint8Array(16), Uint8Array.of(1, 0, 0, 0), Uint8Array.of(1, 0, 0)), 5),
  zone: maybe(fc.constantFrom(0, 9), 12),
});

/** Raw attributes of wrong lengths after the others. */
const noise = maybe(
  fc.array(
    fc.record({ type: fc.constantFrom(1, 2, 3, 4, 5, 7, 8, 12, 14, 18, 21, 22, 24, 25, 26, 60), bytes: fc.uint8Array({ maxLength: 9 }) }),
    { minLength: 1, maxLength: 2 },
  ),
  8,
);

function message<A extends AttrTable>(
  type: number,
  flags: number,
  family: number,
  table: Attrs<A>,
  value: Record<string, unknown>,
): string {
  const block = new Block();
  block.add({ type, flags: MessageFlags.Request | flags, sequence: 1, portId: 0, family }, table, value as never);
  return toHex(block.bytes());
}

const flow = fc.record({
  ends,
  orig: rarely(fc.constant(-1), fc.integer({ min: 0, max: 8 })),
  give: fc.constantFrom(0, 0, 0, 0, 1, 2),
  zone: maybe(fc.constantFrom(0, 9), 6),
});
type FlowChoice = { ends: Ends; orig: number; give: number; zone: number | undefined };

/** The tuples of a request: both, one of them, or an invalid one. */
function tuples(choice: FlowChoice, both: boolean): Record<string, unknown> {
  const orig = tuple(choice.ends, false, choice.zone);
  const reply = tuple(choice.ends, true, choice.zone);
  const tupleOrig = choice.orig < 0 ? orig : broken(orig, choice.orig);
  if (choice.give === 1) return { tupleReply: reply };
  return both && choice.give !== 2 ? { tupleOrig, tupleReply: reply } : { tupleOrig };
}

const ack = MessageFlags.Ack;
const newFlow = fc
  .record({
    flow,
    details,
    timeout: maybe(fc.constantFrom(100, 5000, 0x7fffffff, 0xffffffff), 92),
    flags: fc.constantFrom(0x600, 0x600, 0x400, 0x400, 0, 0x200),
    noise,
  })
  .map(({ flow: choice, details: more, timeout, flags, noise: unknown }) =>
    message(messageType(Subsystem.Ctnetlink, ConntrackCommand.New), ack | flags, choice.ends.family, ConntrackMessage, {
      ...tuples(choice, true),
      ...more,
      timeout,
      unknown,
    }),
  );
const oneFlow = fc
  .record({
    flow,
    command: fc.constantFrom(ConntrackCommand.Get, ConntrackCommand.Get, ConntrackCommand.Delete, ConntrackCommand.GetCtrZero),
    zone: maybe(fc.constantFrom(0, 9), 12),
    id: maybe(fc.constant(1), 5),
    noise,
  })
  .map(({ flow: choice, command, zone, id, noise: unknown }) =>
    message(messageType(Subsystem.Ctnetlink, command), ack, choice.ends.family, ConntrackMessage, {
      ...tuples(choice, false),
      zone,
      id,
      unknown,
    }),
  );
const listFlows = fc
  .record({
    family: fc.constantFrom(0, 0, 2, 10, 7),
    command: fc.constantFrom(
      ConntrackCommand.Get,
      ConntrackCommand.Get,
      ConntrackCommand.GetCtrZero,
      ConntrackCommand.GetDying,
      ConntrackCommand.GetUnconfirmed,
      ConntrackCommand.GetStats,
    ),
    mark: maybe(fc.constantFrom(0, 1, 7)),
    markMask: maybe(fc.constantFrom(0, 1, 0xff)),
    status: maybe(fc.constantFrom(0, 8, 0xe, 4), 15),
    statusMask: maybe(fc.constantFrom(0, 8, 0xe, 4), 10),
    zone: maybe(fc.constantFrom(0, 9), 10),
    filter: maybe(
      fc.record({
        originalFlags: maybe(fc.constantFrom(0, 1, 3, 8, 0x18, 0x38, 0x3b, 0xff, 0x1000), 80),
        replyFlags: maybe(fc.constantFrom(0, 1, 0x20)),
      }),
      15,
    ),
    ends,
    tuples: fc.constantFrom(0, 0, 1, 2, 3),
  })
  .map(({ family, command, ends: of, tuples: which, ...rest }) => {
    // by IPv6 addresses the kernel lists what does not match: docs/interop.md
    const byAddress = of.family === 10 ? ~3 : ~0;
    const { filter: asked } = rest;
    const filter = {
      ...rest,
      filter: asked && {
        originalFlags: asked.originalFlags === undefined ? undefined : asked.originalFlags & byAddress,
        replyFlags: asked.replyFlags === undefined ? undefined : asked.replyFlags & byAddress,
      },
      ...(which & 1 ? { tupleOrig: tuple(of, false) } : {}),
      ...(which & 2 ? { tupleReply: tuple(of, true) } : {}),
    };
    return message(messageType(Subsystem.Ctnetlink, command), 0x300, family, ConntrackMessage, filter);
  });
const flush = fc
  .record({ family: fc.constantFrom(0, 2, 10), mark: maybe(fc.constantFrom(1, 7)), markMask: maybe(fc.constantFrom(1, 0xff), 20) })
  .map(({ family, ...filter }) =>
    message(messageType(Subsystem.Ctnetlink, ConntrackCommand.Delete), ack, family, ConntrackMessage, filter),
  );

const expectation = fc
  .record({
    ends: fc.record({ family: fc.constant(2), protocol: fc.constant(6), port: fc.constantFrom(1000, 1001) }),
    to: fc.constantFrom(3000, 3001),
    wild: fc.boolean(),
    left: rarely(fc.constant(-1), fc.integer({ min: 0, max: 2 })),
    timeout: maybe(fc.constantFrom(60, 100)),
    flags: maybe(fc.constantFrom(0, 1, 2)),
    classIndex: maybe(fc.constantFrom(0, 1)),
    helpName: maybe(fc.constantFrom('ftp', 'irc', 'none'), 15),
    how: fc.constantFrom(0x600, 0x600, 0x400, 0),
  })
  .map(({ ends: of, to, wild, left, timeout, flags, classIndex, helpName, how }) => {
    const [a, b] = v4;
    const expected = { ip: { v4Source: b, v4Destination: a }, proto: { number: 6, sourcePort: 0, destinationPort: to } };
    const mask = {
      ip: { v4Source: wild ? new Uint8Array(4) : new Uint8Array(4).fill(255), v4Destination: new Uint8Array(4).fill(255) },
      proto: { number: 6, sourcePort: 0, destinationPort: 0xffff },
    };
    const three = Object.entries({ tuple: expected, mask, master: tuple(of, false) }).filter((_, i) => i !== left);
    return message(messageType(Subsystem.CtnetlinkExp, ExpectCommand.New), ack | how, 2, ExpectMessage, {
      ...Object.fromEntries(three),
      timeout,
      flags,
      classIndex,
      helpName,
    });
  });
const oneExpectation = fc
  .record({
    to: fc.constantFrom(3000, 3001),
    command: fc.constantFrom(ExpectCommand.Get, ExpectCommand.Delete),
    give: fc.constantFrom('tuple', 'tuple', 'master', 'nothing'),
    port: fc.constantFrom(1000, 1001),
    dump: fc.constantFrom(0, 0, 0x300),
  })
  .map(({ to, command, give, port, dump }) => {
    const [a, b] = v4;
    const expected = { ip: { v4Source: b, v4Destination: a }, proto: { number: 6, sourcePort: 0, destinationPort: to } };
    const value =
      give === 'tuple' ? { tuple: expected } : give === 'master' ? { master: tuple({ family: 2, protocol: 6, port }, false) } : {};
    return message(messageType(Subsystem.CtnetlinkExp, command), ack | dump, 2, ExpectMessage, value);
  });

const sends = fc.oneof(
  { arbitrary: newFlow, weight: 10 },
  { arbitrary: oneFlow, weight: 5 },
  { arbitrary: listFlows, weight: 3 },
  { arbitrary: flush, weight: 1 },
  { arbitrary: expectation, weight: 2 },
  { arbitrary: oneExpectation, weight: 2 },
);

/** A TCP flow with the ftp helper, as a master for expectations. */
const withHelper = message(messageType(Subsystem.Ctnetlink, ConntrackCommand.New), ack | 0x600, 2, ConntrackMessage, {
  tupleOrig: tuple({ family: 2, protocol: 6, port: 1000 }, false),
  tupleReply: tuple({ family: 2, protocol: 6, port: 1000 }, true),
  timeout: 1000,
  status: 0xe,
  protoinfo: { tcp: { state: 3 } },
  help: { name: 'ftp' },
});

/** Random valid and invalid requests to ctnetlink, with a listener for events. */
export const randomConntrackVector: fc.Arbitrary<Vector> = fc
  .record({ sends: fc.array(sends, { minLength: 1, maxLength: 10 }), helper: fc.boolean(), acct: fc.boolean() })
  .map(({ sends: list, helper, acct }) => {
    const steps: Step[] = [{ op: 'join', sock: 'events', groups: [1, 2, 3, 4, 5, 6] }];
    if (acct) steps.push({ op: 'sysctl', set: { 'net.netfilter.nf_conntrack_acct': 1 }, get: [], values: {} });
    for (const send of helper ? [withHelper, ...list] : list) {
      steps.push({ op: 'nl', send, replies: [] }, { op: 'nl', sock: 'events', replies: [] });
    }
    return { name: 'random conntrack requests', steps };
  });
