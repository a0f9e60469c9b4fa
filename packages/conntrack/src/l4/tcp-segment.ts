import type { Packet } from '../packet/packet.ts';
import { FlowWords } from '../table/layout.ts';
import { segmentOfFlags } from './tcp-states.ts';

/** `IP_CT_TCP_FLAG_*`, nf_conntrack_tcp.h. */
export const TcpFlag = {
  WindowScale: 0x01,
  SackPermitted: 0x02,
  CloseInit: 0x04,
  Liberal: 0x08,
  DataUnacknowledged: 0x10,
  MaxAckSet: 0x20,
  ChallengeAck: 0x40,
  SimultaneousOpen: 0x80,
} as const;

/** Compares sequence numbers modulo 2^32: RFC 1982. */
export const before = (a: number, b: number): boolean => ((a - b) | 0) < 0;
export const after = (a: number, b: number): boolean => ((b - a) | 0) < 0;

/** One segment of a flow, read into a reused object: signed 32-bit numbers, no allocation. */
export class Segment {
  flow = 0;
  /** Offset of the flow's words. */
  base = 0;
  /** 0 original, 1 reply. */
  direction = 0;
  /** Its index in `segments`: SYN, SYN/ACK, FIN, ACK, RST. */
  kind = 0;
  sequence = 0;
  acknowledged = 0;
  /** The number after its last: SYN and FIN count one each. */
  end = 0;
  /** The announced window, not scaled. */
  window = 0;

  read(packet: Packet, flow: number, direction: number): void {
    const { view, l4At } = packet;
    const word = view.getInt32(l4At + 12, false);
    const flags = (word >>> 16) & 63;
    this.flow = flow;
    this.base = flow * FlowWords;
    this.direction = direction;
    this.kind = segmentOfFlags[flags]!;
    this.sequence = view.getInt32(l4At + 4, false);
    this.acknowledged = view.getInt32(l4At + 8, false);
    this.window = word & 0xffff;
    this.end = (this.sequence + packet.l4Length - (word >>> 28) * 4 + ((flags >>> 1) & 1) + (flags & 1)) | 0;
  }
}

/** The end of the options of a segment, or of their captured part. */
function optionsEnd({ view, l4At, l4There }: Packet): number {
  const header = (view.getUint8(l4At + 12) >>> 4) * 4;
  return l4At + (header < l4There ? header : l4There);
}

/**
 * The offset of the option after the one at `at`, or -1 at the end of the list or if it is malformed. A single byte is a NOP. RFC 9293
 * section 3.1.
 */
function nextOption(view: DataView, at: number, end: number): number {
  if (view.getUint8(at) === 1) return at + 1 < end ? at + 1 : -1;
  const next = at + view.getUint8(at + 1);
  return next < end ? next : -1;
}

/** Whether an option with a length, so not a NOP, is at `at` and ends within the list. */
const isWhole = (view: DataView, at: number, end: number): boolean =>
  at + 2 <= end && view.getUint8(at + 1) >= 2 && at + view.getUint8(at + 1) <= end;

/** Window scale and SACK-permitted of a SYN: flags in the low byte, scale in the next. RFC 7323, RFC 2018. */
export function readOptions(packet: Packet): number {
  const { view } = packet;
  const end = optionsEnd(packet);
  let found = 0;
  for (let at = packet.l4At + 20; at >= 0 && at < end; at = nextOption(view, at, end)) {
    const kind = view.getUint8(at);
    if (kind === 0) break;
    if (kind === 1) continue;
    if (!isWhole(view, at, end)) break;
    const length = view.getUint8(at + 1);
    if (kind === 4 && length === 2) found |= TcpFlag.SackPermitted;
    else if (kind === 3 && length === 3) found |= TcpFlag.WindowScale | (Math.min(view.getUint8(at + 2), 14) << 8);
  }
  return found;
}

/** Whether a segment has options. */
export const hasOptions = ({ view, l4At }: Packet): boolean => view.getUint8(l4At + 12) >>> 4 > 5;

/** The right edge of the highest SACK block above `ack`, or `ack`. RFC 2018. */
export function highestSack(packet: Packet, ack: number): number {
  const { view, l4At } = packet;
  const end = optionsEnd(packet);
  // only timestamps, in the usual layout (RFC 7323 appendix A)
  if (end === l4At + 32 && view.getInt32(l4At + 20, false) === 0x0101080a) return ack;
  for (let at = l4At + 20; at >= 0 && at < end; at = nextOption(view, at, end)) {
    const kind = view.getUint8(at);
    if (kind === 0) break;
    if (kind === 1) continue;
    if (!isWhole(view, at, end)) break;
    const length = view.getUint8(at + 1);
    if (kind !== 5 || length < 10 || (length - 2) % 8 !== 0) continue;
    let highest = ack;
    for (let block = at + 2; block < at + length; block += 8) {
      const edge = view.getInt32(block + 4, false);
      if (after(edge, highest)) highest = edge;
    }
    return highest;
  }
  return ack;
}
