import type { Flows } from '../flows.ts';
import type { Packet } from '../packet/packet.ts';
import { ProtocolState } from '../table/layout.ts';
import { after, before, hasOptions, highestSack, readOptions, TcpFlag } from './tcp-segment.ts';

// Words of a flow: what each side sent and may send, after van Rooij, "Real Stateful TCP Packet Filtering in IP Filter" (2000).

/** The original direction's; the reply's follows. */
export const Side = 32;
export const SideWords = 4;
/** The sequence number after the highest byte sent. */
export const End = 0;
/** The sequence number after the highest byte that the other side allows. */
export const MaxEnd = 1;
/** The largest announced window, scaled; 0 until a segment of the side was seen. */
export const MaxWindow = 2;
/** The highest number acknowledged. */
export const MaxAck = 3;
/** A byte each: flags and scale of the original, flags and scale of the reply. */
export const Sides = 40;
export const LastSequence = 41;
export const LastAck = 42;
export const LastEnd = 43;
/** The last window in the low 16 bits; above it the options of a SYN that passed as ignored: scale in 4 bits, flags in 8. */
export const LastWindow = 44;

const State = { SynSent: 1, SynRecv: 2 } as const;
const Ack = 3;
// flags in the fourth word of a header
const SynBit = 1 << 17;
const RstBit = 1 << 18;
const AckBit = 1 << 20;
/** Minimum distance below the highest byte at which an acknowledgement is still accepted. */
const ackReach = 66_000;

/** The position of a segment relative to the windows: valid, invalid, or ignored (it passes and changes nothing). */
export const Fit = { Inside: 0, Outside: 1, Aside: 2 } as const;
export type Fit = (typeof Fit)[keyof typeof Fit];

/**
 * Updates both windows with a segment and returns its position. Runs for every segment: its numbers are kept in locals.
 * @param base offset of the flow's words
 * @param kind its index in `segments`
 * @param state the flow's state before the segment
 */
export function followWindow(flows: Flows, packet: Packet, base: number, direction: number, kind: number, state: number): Fit {
  const words = flows.table.words;
  const { view, l4At } = packet;
  const sender = base + Side + direction * SideWords;
  const receiver = base + Side + (1 - direction) * SideWords;
  const word = view.getInt32(l4At + 12, false);
  const window = word & 0xffff;
  let sequence = view.getInt32(l4At + 4, false);
  let end = (sequence + packet.l4Length - (word >>> 28) * 4 + ((word >>> 17) & 1) + ((word >>> 16) & 1)) | 0;
  let ack = view.getInt32(l4At + 8, false);
  const sacks = ((words[base + Sides]! >>> (16 - direction * 16)) & TcpFlag.SackPermitted) !== 0;
  let sack = sacks ? highestSack(packet, ack) : ack;
  if (words[sender + MaxWindow] === 0) {
    if (meetSide(words, packet, base, direction, end, sack)) return Fit.Inside;
  } else if ((word & SynBit) !== 0 && (state === State.SynSent || state === State.SynRecv) && after(end, words[sender + End]!)) {
    startSide(words, packet, base, direction, end, window);
    if (direction === 1 && (word & AckBit) === 0) return Fit.Inside;
  }
  if ((word & AckBit) === 0 || ((word & RstBit) !== 0 && ack === 0)) {
    ack = words[receiver + End]!;
    sack = ack;
  }
  if ((word & RstBit) !== 0 && sequence === 0 && state === State.SynSent) {
    end = words[sender + End]!;
    sequence = end;
  }
  const receiverWindow = words[receiver + MaxWindow]!;
  const aboveLower = receiverWindow === 0 || after(end, (words[sender + End]! - receiverWindow - 1) | 0);
  const belowUpper = before(sequence, (words[sender + MaxEnd]! + 1) | 0);
  const acksBelowUpper = before(sack, (words[receiver + End]! + 1) | 0);
  if (!(aboveLower && belowUpper && acksBelowUpper && after(sack, lowestAck(words, sender, receiver)))) {
    return misplaced(flows, base, direction, end, sack, aboveLower, belowUpper);
  }

  // valid: both windows move
  const shift = direction * 16;
  let sides = words[base + Sides]!;
  const scaled = (word & SynBit) !== 0 ? window : window << ((sides >>> (shift + 8)) & 15);
  const reaching = scaled + ((sack - ack) | 0);
  if (words[sender + MaxWindow]! < reaching) words[sender + MaxWindow] = reaching;
  if (after(end, words[sender + End]!)) {
    words[sender + End] = end;
    sides |= TcpFlag.DataUnacknowledged << shift;
  }
  if ((word & AckBit) !== 0) {
    if (((sides >>> shift) & TcpFlag.MaxAckSet) === 0) {
      words[sender + MaxAck] = ack;
      sides |= TcpFlag.MaxAckSet << shift;
    } else if (after(ack, words[sender + MaxAck]!)) words[sender + MaxAck] = ack;
  }
  const excess = (end - words[sender + MaxEnd]!) | 0;
  if (receiverWindow !== 0 && excess > 0) words[receiver + MaxWindow] = (receiverWindow + excess) | 0;
  const allowed = (sack + scaled) | 0;
  if (after(allowed, (words[receiver + MaxEnd]! - 1) | 0)) words[receiver + MaxEnd] = scaled === 0 ? (allowed + 1) | 0 : allowed;
  if (ack === words[receiver + End]) sides &= ~(TcpFlag.DataUnacknowledged << (16 - shift));
  words[base + Sides] = sides;
  if (kind === Ack) countRepeats(words, base, direction, sequence, ack, end, window);
  return Fit.Inside;
}

/** The first segment of a side. @returns whether it is a SYN without ACK, which needs no further check */
function meetSide(words: Int32Array, packet: Packet, base: number, direction: number, end: number, sack: number): boolean {
  const word = packet.view.getInt32(packet.l4At + 12, false);
  const window = word & 0xffff;
  if ((word & SynBit) !== 0) {
    startSide(words, packet, base, direction, end, window);
    return (word & AckBit) === 0;
  }
  const sender = base + Side + direction * SideWords;
  const receiver = base + Side + (1 - direction) * SideWords;
  const scaled = window << ((words[base + Sides]! >>> (direction * 16 + 8)) & 15);
  words[sender + End] = end;
  words[sender + MaxWindow] = scaled === 0 ? 1 : scaled;
  words[sender + MaxEnd] = (end + words[sender + MaxWindow]!) | 0;
  if (words[receiver + MaxWindow] === 0) {
    words[receiver + End] = sack;
    words[receiver + MaxEnd] = sack;
  } else if (sack === ((words[receiver + End]! + 1) | 0)) words[receiver + End] = sack; // the reply to a keep-alive
  return false;
}

/** A side (re)starts with a SYN. Window scaling applies only if both sides sent the option. */
function startSide(words: Int32Array, packet: Packet, base: number, direction: number, end: number, window: number): void {
  const at = base + Side + direction * SideWords;
  words[at + End] = end;
  words[at + MaxEnd] = end;
  words[at + MaxWindow] = window === 0 ? 1 : window;
  const shift = direction * 16;
  let sides = words[base + Sides]!;
  // a SYN without options keeps those of an earlier SYN
  if (hasOptions(packet)) sides = (sides & ((0xffff << (16 - shift)) | (TcpFlag.Liberal << shift))) | (readOptions(packet) << shift);
  if (direction === 1 && (sides & (sides >>> 16) & TcpFlag.WindowScale) === 0) sides &= 0x00ff00ff;
  words[base + Sides] = sides;
}

/** Decides about a segment that is not inside both windows. */
function misplaced(
  flows: Flows,
  base: number,
  direction: number,
  end: number,
  sack: number,
  aboveLower: boolean,
  belowUpper: boolean,
): Fit {
  const words = flows.table.words;
  const sender = base + Side + direction * SideWords;
  const receiver = base + Side + (1 - direction) * SideWords;
  const liberal = ((words[base + Sides]! >>> (direction * 16)) & TcpFlag.Liberal) !== 0 || flows.settings.tcpBeLiberal !== 0;
  const acksBelowUpper = before(sack, (words[receiver + End]! + 1) | 0);
  if (!belowUpper) {
    const excess = (end - words[sender + MaxEnd]! + 1) >>> 0;
    const acksInside = acksBelowUpper && after(sack, lowestAck(words, sender, receiver));
    if (!(aboveLower && acksInside && excess <= words[receiver + MaxWindow]!)) {
      flows.reason = 'SEQ is over upper bound (over the window of the receiver)';
      return liberal ? Fit.Inside : Fit.Outside;
    }
    // beyond the window: passes as ignored, and its end is stored so that the reply is not invalid
    words[sender + End] = end;
    words[base + Sides] = words[base + Sides]! | (TcpFlag.DataUnacknowledged << (direction * 16));
    flows.reason = 'more bytes than expected';
    return liberal ? Fit.Inside : Fit.Aside;
  }
  if (!acksBelowUpper) {
    flows.reason = 'ACK is over upper bound (ACKed data not seen yet)';
    return liberal ? Fit.Inside : Fit.Outside;
  }
  flows.reason = aboveLower
    ? 'ACK is under lower bound (possible overly delayed ACK)'
    : 'SEQ is under lower bound (already ACKed data retransmitted)';
  return liberal ? Fit.Inside : Fit.Aside;
}

/** Acknowledgements at or below this number are invalid. */
function lowestAck(words: Int32Array, sender: number, receiver: number): number {
  const window = words[sender + MaxWindow]!;
  return (words[receiver + End]! - (window > ackReach ? window : ackReach) - 1) | 0;
}

/** Number of consecutive repetitions of the same segment: seven bits from bit 9 of `ProtocolState`, after the last direction. */
function countRepeats(
  words: Int32Array,
  base: number,
  direction: number,
  sequence: number,
  ack: number,
  end: number,
  window: number,
): void {
  const memory = words[base + ProtocolState]!;
  const last = words[base + LastWindow]!;
  if (
    ((memory >>> 8) & 1) === direction &&
    words[base + LastSequence] === sequence &&
    words[base + LastAck] === ack &&
    words[base + LastEnd] === end &&
    (last & 0xffff) === window
  ) {
    if (((memory >>> 9) & 127) < 127) words[base + ProtocolState] = memory + (1 << 9);
    return;
  }
  words[base + ProtocolState] = (memory & ~0xff00) | (direction << 8);
  words[base + LastSequence] = sequence;
  words[base + LastAck] = ack;
  words[base + LastEnd] = end;
  words[base + LastWindow] = (last & ~0xffff) | window;
}
