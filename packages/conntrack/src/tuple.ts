import { Family, Protocol } from './engine.ts';
import { invertIcmp } from './l4/icmp-types.ts';
import { invertIcmpv6 } from './l4/icmpv6-types.ts';
import type { FlowTable } from './table/flow-table.ts';
import { FlowWords, OrigTuple, ReplyTuple, TupleWords } from './table/layout.ts';

/** One direction of a flow: the addresses and ports of its packets. */
export interface Tuple {
  /** AF_INET 2 or AF_INET6 10. */
  readonly family: number;
  readonly protocol: number;
  /** Four or sixteen bytes. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** Two 16-bit halves: source and destination port (GRE: keys); ICMP: id, and type × 256 + code. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** The conntrack zone; default: 0. */
  readonly zone?: number;
}

/** The key of replies to packets with this key. */
export function invertPorts(protocol: number, ports: number): number {
  if (protocol === Protocol.Icmp) return invertIcmp(ports);
  if (protocol === Protocol.Icmpv6) return invertIcmpv6(ports);
  return (ports << 16) | (ports >>> 16);
}

/** The tuple of replies to `tuple`. */
export function invert(tuple: Tuple): Tuple {
  const ports = invertPorts(tuple.protocol, (tuple.sourcePort << 16) | tuple.destinationPort);
  return { ...tuple, source: tuple.destination, destination: tuple.source, sourcePort: ports >>> 16, destinationPort: ports & 0xffff };
}

/** The part of a key after the ports. */
export const metaOf = (family: number, protocol: number, zone: number): number => protocol | (family << 8) | (zone << 16);

/** Reads one direction of a flow: 0 original, 1 reply. */
export function readTuple(table: FlowTable, flow: number, direction: number): Tuple {
  const words = table.words;
  const at = flow * FlowWords + (direction === 0 ? OrigTuple : ReplyTuple);
  const meta = words[at + 3]!;
  const family = (meta >>> 8) & 255;
  const ports = words[at + 2]!;
  const address = (which: number): Uint8Array => {
    const bytes = new Uint8Array(family === Family.Ipv4 ? 4 : 16);
    const view = new DataView(bytes.buffer);
    if (family === Family.Ipv4) view.setInt32(0, words[at + which]!);
    else for (let i = 0; i < 4; i++) view.setInt32(i * 4, table.wide[flow * 16 + direction * 8 + which * 4 + i]!);
    return bytes;
  };
  return {
    family,
    protocol: meta & 255,
    source: address(0),
    destination: address(1),
    sourcePort: ports >>> 16,
    destinationPort: ports & 0xffff,
    zone: meta >>> 16,
  };
}

/** Writes one direction of a flow. */
export function writeTuple(table: FlowTable, flow: number, direction: number, tuple: Tuple): void {
  const words = table.words;
  const at = flow * FlowWords + direction * TupleWords;
  for (const [which, bytes] of [tuple.source, tuple.destination].entries()) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    words[at + which] = view.getInt32(bytes.byteLength - 4);
    if (tuple.family === Family.Ipv6)
      for (let i = 0; i < 4; i++) table.wide[flow * 16 + direction * 8 + which * 4 + i] = view.getInt32(i * 4);
  }
  words[at + 2] = (tuple.sourcePort << 16) | tuple.destinationPort;
  words[at + 3] = metaOf(tuple.family, tuple.protocol, tuple.zone ?? 0);
}

/** Whether two tuples are equal. */
export function sameTuple(a: Tuple, b: Tuple): boolean {
  return (
    a.family === b.family &&
    a.protocol === b.protocol &&
    a.sourcePort === b.sourcePort &&
    a.destinationPort === b.destinationPort &&
    (a.zone ?? 0) === (b.zone ?? 0) &&
    a.source.every((byte, i) => byte === b.source[i]) &&
    a.destination.every((byte, i) => byte === b.destination[i])
  );
}
