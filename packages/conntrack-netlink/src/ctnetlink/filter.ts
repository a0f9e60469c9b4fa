import {
  Family,
  type Flows,
  FlowWords,
  icmpHasReply,
  icmpv6HasReply,
  Mark,
  readTuple,
  StatusWord,
  type Tuple,
  ZoneAndFlags,
} from '@ring3/conntrack';
import { type AttributeSet, Errno, isRefusal } from '@ring3/netlink';
import { type ConntrackMessage, FilterAttributes, TupleAttributes, TupleIp, TupleProto } from '@ring3/nfnetlink';
import { littleEndianHost, NLA_F_NESTED } from '@ring3/wire';

type ConntrackAttributes = AttributeSet<(typeof ConntrackMessage)['table']>;

/** Whether a flow is selected. */
export type FlowFilter = (flows: Flows, flow: number) => boolean;

/** CTA_FILTER_FLAG: the compared parts of a tuple. */
const FilterBit = {
  Source: 1 << 0,
  Destination: 1 << 1,
  Zone: 1 << 2,
  Protocol: 1 << 3,
  SourcePort: 1 << 4,
  DestinationPort: 1 << 5,
  IcmpType: 1 << 6,
  IcmpCode: 1 << 7,
  IcmpId: 1 << 8,
  Icmpv6Type: 1 << 9,
  Icmpv6Code: 1 << 10,
  Icmpv6Id: 1 << 11,
} as const;
const knownBits = 0xfff;
/** Parts of a protocol's key, which require the protocol. */
const keyBits = 0xff0;

/**
 * The filter of a dump or flush: family, mark, status, zone, parts of the tuples.
 * @param family AF_INET, AF_INET6, or 0 for both
 * @param tupleFamily the family of the tuples in the request, if it differs
 * @returns the filter, a positive errno, or undefined if all flows are selected
 */
export function filterOf(attributes: ConntrackAttributes, family: number, tupleFamily: number = family): FlowFilter | number | undefined {
  const limited = family !== 0 || (['mark', 'status', 'zone', 'filter'] as const).some((field) => attributes.has(field));
  if (!limited) return undefined;
  const tests: FlowFilter[] = [];
  if (family !== 0) tests.push((flows, flow) => ((flows.table.words[flow * FlowWords + 3]! >>> 8) & 255) === family);
  const mark = attributes.get('mark');
  if (mark === undefined && attributes.has('markMask')) return Errno.EINVAL;
  if (mark !== undefined) tests.push(masked(Mark, mark, attributes.get('markMask') ?? 0xffffffff));
  const status = attributes.get('status');
  if (status === undefined && attributes.has('statusMask')) return Errno.EINVAL;
  if (status !== undefined) {
    const mask = attributes.get('statusMask') ?? status;
    if (mask === 0) return Errno.EINVAL;
    tests.push(masked(StatusWord, status, mask));
  }
  const zone = attributes.get('zone');
  if (zone !== undefined) tests.push((flows, flow) => (flows.table.word(flow, ZoneAndFlags) & 0xffff) === zone);
  const refused = filterTuples(attributes, tupleFamily, tests);
  if (refused !== 0) return refused;
  return (flows, flow) => tests.every((test) => test(flows, flow));
}

const masked =
  (offset: number, value: number, mask: number): FlowFilter =>
  (flows, flow) =>
    ((flows.table.word(flow, offset) & mask) ^ value) === 0;

/** CTA_FILTER. @returns 0 or a positive errno */
function filterTuples(attributes: ConntrackAttributes, family: number, tests: FlowFilter[]): number {
  if (!attributes.has('filter')) return 0;
  if (!isStrict(attributes)) return Errno.EINVAL;
  const found = attributes.within('filter', FilterAttributes);
  if (isRefusal(found)) return found.errno;
  for (const [field, bits, direction] of [
    ['tupleOrig', found.get('originalFlags') ?? 0, 0],
    ['tupleReply', found.get('replyFlags') ?? 0, 1],
  ] as const) {
    if ((bits & ~knownBits) !== 0) return Errno.EINVAL;
    if (bits === 0) continue;
    if (!attributes.has(field)) return Errno.EINVAL;
    if (family !== Family.Ipv4 && family !== Family.Ipv6) return Errno.EOPNOTSUPP;
    if ((bits & keyBits) !== 0 && (bits & FilterBit.Protocol) === 0) return Errno.EINVAL;
    const wanted = partsOf(attributes, field, family, bits);
    if (typeof wanted === 'number') return wanted;
    tests.push((flows, flow) => matches(readTuple(flows.table, flow, direction), wanted));
  }
  return 0;
}

/** CTA_FILTER is validated strictly, unlike older attributes: it must have NLA_F_NESTED, and no unknown attribute or wrong length. */
function isStrict(attributes: ConntrackAttributes): boolean {
  const { frame } = attributes;
  const payload = attributes.bytes('filter') as Uint8Array;
  const at = payload.byteOffset - frame.bytes.byteOffset;
  let strict = (frame.view.getUint16(at - 2, littleEndianHost) & NLA_F_NESTED) !== 0;
  const { bytes } = FilterAttributes.walk(frame, at, payload.length, (type, _at, length) => {
    strict &&= FilterAttributes.rows.has(type) && length === 4;
  });
  return strict && bytes === 0;
}

/** Parts of a tuple; undefined matches anything. */
type Parts = { readonly [K in keyof Tuple]?: Tuple[K] | undefined } & {
  readonly type?: number | undefined;
  readonly code?: number | undefined;
};

function partsOf(attributes: ConntrackAttributes, field: 'tupleOrig' | 'tupleReply', family: number, bits: number): Parts | number {
  const tuple = attributes.within(field, TupleAttributes);
  if (isRefusal(tuple)) return tuple.errno;
  const ip = tuple.within('ip', TupleIp);
  if (isRefusal(ip)) return ip.errno;
  const proto = tuple.within('proto', TupleProto);
  if (isRefusal(proto)) return proto.errno;
  const v4 = family === Family.Ipv4;
  const missing: number[] = [];
  const part = <T>(bit: number, value: T | undefined): T | undefined => {
    if ((bits & bit) === 0) return undefined;
    if (value === undefined) missing.push(bit);
    return value;
  };
  const parts: Parts = {
    source: part(FilterBit.Source, ip.get(v4 ? 'v4Source' : 'v6Source')),
    destination: part(FilterBit.Destination, ip.get(v4 ? 'v4Destination' : 'v6Destination')),
    zone: (bits & FilterBit.Zone) === 0 ? undefined : tuple.get('zone'),
    protocol: part(FilterBit.Protocol, proto.get('number')),
    sourcePort:
      part(FilterBit.SourcePort, proto.get('sourcePort')) ??
      part(FilterBit.IcmpId, proto.get('icmpId')) ??
      part(FilterBit.Icmpv6Id, proto.get('icmpv6Id')),
    destinationPort: part(FilterBit.DestinationPort, proto.get('destinationPort')),
    type: part(FilterBit.IcmpType, proto.get('icmpType')) ?? part(FilterBit.Icmpv6Type, proto.get('icmpv6Type')),
    code: part(FilterBit.IcmpCode, proto.get('icmpCode')) ?? part(FilterBit.Icmpv6Code, proto.get('icmpv6Code')),
  };
  // a type without a reply type has no flows
  const icmpType = (bits & FilterBit.IcmpType) === 0 ? undefined : proto.get('icmpType');
  const icmpv6Type = (bits & FilterBit.Icmpv6Type) === 0 ? undefined : proto.get('icmpv6Type');
  if (icmpType !== undefined && !icmpHasReply(icmpType)) return Errno.EINVAL;
  if (icmpv6Type !== undefined && !icmpv6HasReply(icmpv6Type)) return Errno.EINVAL;
  const ofPorts = FilterBit.SourcePort | FilterBit.DestinationPort | FilterBit.IcmpType | FilterBit.IcmpCode | FilterBit.IcmpId;
  return missing.some((bit) => (bit & ofPorts) === 0) ? Errno.EINVAL : parts;
}

function matches(tuple: Tuple, wanted: Parts): boolean {
  const same = (found: number, value: number | undefined): boolean => value === undefined || found === value;
  const equal = (found: Uint8Array, value: Uint8Array | undefined): boolean =>
    value === undefined || found.every((byte, i) => byte === value[i]);
  return (
    equal(tuple.source, wanted.source) &&
    equal(tuple.destination, wanted.destination) &&
    same(tuple.zone ?? 0, wanted.zone) &&
    same(tuple.protocol, wanted.protocol) &&
    same(tuple.sourcePort, wanted.sourcePort) &&
    same(tuple.destinationPort, wanted.destinationPort) &&
    same(tuple.destinationPort >>> 8, wanted.type) &&
    same(tuple.destinationPort & 255, wanted.code)
  );
}
