import { Family, Protocol } from './engine.ts';
import type { Flows } from './flows.ts';
import { Status } from './table/layout.ts';
import { invert, sameTuple, type Tuple } from './tuple.ts';

/** The translation of one end of a flow, `CTA_NAT_*`. An end without any of it is kept, unless the reply tuple is already in use. */
export interface TranslationRange {
  /** Four or sixteen bytes. The last address is the first one if it is missing. */
  readonly firstAddress?: Uint8Array;
  readonly lastAddress?: Uint8Array;
  /** A port, or the id of ICMP. */
  readonly firstPort?: number;
  readonly lastPort?: number;
}

/** The translations of a flow. */
export interface Translation {
  readonly source: TranslationRange;
  readonly destination: TranslationRange;
}

/** Protocols whose ports may be chosen. GRE keeps its keys; other protocols have no ports. */
const withPorts: ReadonlySet<number> = new Set([Protocol.Tcp, Protocol.Udp, Protocol.UdpLite, Protocol.Sctp]);
/** Maximum number of ports tried for one flow. */
const maxAttempts = 128;

/**
 * Computes the address translation of a ctnetlink request. ring3 does not translate packets: the reply tuple describes the packets after
 * the translation. Measured.
 * @param isTaken whether a tuple is in use by another flow
 * @param reply the reply before translation, which may differ from the mirror of the original
 * @returns the reply, and the status bits of the translations
 */
export function translate(
  flows: Flows,
  reply: Tuple,
  { source, destination }: Translation,
  isTaken: IsTaken,
): { reply: Tuple; status: number } {
  let status: number = Status.SrcNatDone | Status.DstNatDone;
  const before = invert(reply);
  const between = translateEnd(flows, before, 'destination', destination, isTaken);
  if (!sameTuple(before, between)) status |= Status.DstNat;
  const after = translateEnd(flows, between, 'source', source, isTaken);
  if (!sameTuple(between, after)) status |= Status.SrcNat;
  return { reply: invert(after), status };
}

type IsTaken = (tuple: Tuple) => boolean;
type End = 'source' | 'destination';
const portOf = { source: 'sourcePort', destination: 'destinationPort' } as const;

function translateEnd(flows: Flows, tuple: Tuple, end: End, range: TranslationRange, isTaken: IsTaken): Tuple {
  const moved = { ...tuple, [end]: addressFor(flows, tuple, end, range) };
  const icmp = isIcmp(tuple.protocol);
  // ICMP has one id for both ends
  const field = icmp ? 'sourcePort' : portOf[end];
  const [first, last] = portsFor(range, moved[field], icmp);
  const chosen = range.firstPort !== undefined;
  const choosable = icmp || withPorts.has(tuple.protocol);
  if (chosen && choosable) {
    const inside = moved[field] >= first && moved[field] <= last;
    if (inside && (first === last || !isTaken(invert(moved)))) return moved;
  } else if (!isTaken(invert(moved))) return moved;
  if (!choosable || (!chosen && !icmp && end === 'destination')) return moved;
  const count = last - first + 1;
  // a destination port is searched from the first port on, a source port from a random one
  const start = end === 'destination' ? 0 : (flows.context.random32() >>> 0) % count;
  let candidate: Tuple = moved;
  for (let i = 0; i < Math.min(count, maxAttempts); i++) {
    candidate = { ...moved, [field]: first + ((start + i) % count) };
    if (!isTaken(invert(candidate))) break;
  }
  return candidate;
}

const isIcmp = (protocol: number): boolean => protocol === Protocol.Icmp || protocol === Protocol.Icmpv6;

/** The ports to choose from: the given ones, or those of the same class as the current port. */
function portsFor({ firstPort, lastPort = firstPort }: TranslationRange, port: number, icmp: boolean): readonly [number, number] {
  if (firstPort !== undefined && lastPort !== undefined) return [Math.min(firstPort, lastPort), Math.max(firstPort, lastPort)];
  if (icmp) return [0, 0xffff];
  if (port < 512) return [1, 511];
  return port < 1024 ? [600, 1023] : [1024, 0xffff];
}

/** The address: the only one of the range, or one derived from the flow's ends, always the same for the same ends. */
function addressFor(flows: Flows, tuple: Tuple, end: End, { firstAddress, lastAddress = firstAddress }: TranslationRange): Uint8Array {
  if (firstAddress === undefined || lastAddress === undefined) return tuple[end];
  const size = tuple.family === Family.Ipv4 ? 4 : 16;
  if (firstAddress.byteLength !== size || lastAddress.byteLength !== size) return tuple[end];
  const address = firstAddress.slice();
  // only the last word of the address varies
  const from = lastWord(firstAddress);
  const count = lastWord(lastAddress) - from + 1;
  const sameNetwork = firstAddress.subarray(0, size - 4).every((byte, i) => byte === lastAddress[i]);
  if (count <= 1 || !sameNetwork) return address;
  const picked = (flows.table.scramble(lastWord(tuple.source), lastWord(tuple.destination)) >>> 0) % count;
  new DataView(address.buffer).setUint32(size - 4, from + picked);
  return address;
}

const lastWord = (address: Uint8Array): number =>
  new DataView(address.buffer, address.byteOffset, address.byteLength).getUint32(address.byteLength - 4);
