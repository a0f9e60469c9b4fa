import { Protocol, type Timeouts } from '../engine.ts';
import type { TcpChange } from '../manage.ts';
import type { Packet } from '../packet/packet.ts';
import { checksumRight } from '../packet/read.ts';
import type { FlowTable } from '../table/flow-table.ts';
import { FlowWords, ProtocolState, Status, StatusWord } from '../table/layout.ts';
import type { Tracker } from '../tracker.ts';
import { Action, EventBit } from './action.ts';
import { Ignored, Refused, segmentOfFlags, transitions } from './tcp-states.ts';

// words of a flow: what each side sent and may send, RFC 9293 by way of van Rooij, "Real Stateful TCP Packet Filtering in IP Filter" (2000)
const End = 0; // after the highest byte sent
const MaxEnd = 1; // after the highest byte that the other side allows
const MaxWindow = 2; // largest window announced, scaled
const MaxAck = 3; // highest number acknowledged
const Side = 32; // of the original direction; the reply's follows
const SideWords = 4;
const Sides = 40; // a byte each: flags and scale of the original, flags and scale of the reply
const LastSequence = 41;
const LastAck = 42;
const LastEnd = 43;
const LastWindow = 44; // 16 bits; above them the options of a SYN that was let through: scale 4 bits, flags 8
// ProtocolState: state 4 bits, last segment 4, last direction 1, retransmissions 7 (from bit 9)

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

const Syn = 0;
const SynAck = 1;
const Fin = 2;
const Ack = 3;
const Rst = 4;

const State = { SynSent: 1, SynRecv: 2, Established: 3, FinWait: 4, CloseWait: 5, LastAck: 6, TimeWait: 7, Close: 8, SynSent2: 9 } as const;
const Timeout = { Close: 7, Retrans: 9, Unack: 10 } as const;

/** Sequence numbers live on a circle: RFC 1982. */
const before = (a: number, b: number): boolean => ((a - b) | 0) < 0;
const after = (a: number, b: number): boolean => ((b - a) | 0) < 0;

/** Where the windows of a segment put it. */
const Fit = { Inside: 0, Outside: 1, Aside: 2 } as const;
type Fit = (typeof Fit)[keyof typeof Fit];

/** Ports are the key, of UDP and SCTP too. @returns false where not even they are there */
export function readPorts(packet: Packet): boolean {
  if (packet.l4There < 4) return false;
  packet.ports = packet.view.getInt32(packet.l4At, false);
  return true;
}

/** @returns why the segment cannot be one, or undefined */
export function refuseTcp(packet: Packet, checksum: boolean): string | undefined {
  if (packet.l4There < 20) return 'short packet';
  const offset = (packet.view.getUint8(packet.l4At + 12) >>> 4) * 4;
  if (offset < 20 || offset > packet.l4Length) return 'truncated/malformed packet';
  if (checksum && !checksumRight(packet, Protocol.Tcp, packet.l4Length)) return 'bad checksum';
  if (segmentOfFlags[packet.view.getUint8(packet.l4At + 13) & 63] === Refused) return 'invalid tcp flag combination';
  return undefined;
}

/** Whether a segment may begin a flow. */
export function mayBeginTcp(tracker: Tracker, packet: Packet): boolean {
  const segment = segmentOfFlags[packet.view.getUint8(packet.l4At + 13) & 63];
  if (segment === Syn) return true;
  if (segment !== Ack) {
    tracker.reason = 'invalid new';
    return false;
  }
  return tracker.settings.tcpLoose !== 0;
}

/** Sets up the windows of a new flow. One that is picked up is liberal, for its scale factors were not seen. */
export function beginTcp(tracker: Tracker, packet: Packet, flow: number): void {
  const { view, l4At } = packet;
  const words = tracker.table.words;
  const base = flow * FlowWords;
  const flags = view.getUint8(l4At + 13);
  const sequence = view.getInt32(l4At + 4, false);
  const end = endOf(packet, sequence, flags);
  const window = view.getUint16(l4At + 14, false);
  words[base + Side + End] = end;
  words[base + Side + MaxWindow] = window === 0 ? 1 : window;
  if (segmentOfFlags[flags & 63] === Syn) {
    words[base + Side + MaxEnd] = end;
    words[base + Sides] = readOptions(packet);
  } else {
    words[base + Side + MaxEnd] = (end + (window === 0 ? 1 : window)) | 0;
    words[base + Sides] = 0x00010001 * (TcpFlag.SackPermitted | TcpFlag.Liberal);
  }
}

/** One segment of a flow. */
export function handleTcp(tracker: Tracker, packet: Packet, flow: number, direction: number): Action {
  const words = tracker.table.words;
  const base = flow * FlowWords;
  const { view, l4At } = packet;
  const flags = view.getUint8(l4At + 13);
  const segment = segmentOfFlags[flags & 63]!;
  const memory = words[base + ProtocolState]!;
  const old = memory & 15;
  const state = transitions[(direction * 5 + segment) * 16 + old]!;
  if (segment === Ack && state === old && old === State.Established) {
    // the everyday segment: nothing but its numbers can be wrong
    const fit = followWindow(tracker, packet, base, direction, segment, old, flags);
    if (fit !== Fit.Inside) return fit === Fit.Outside ? Action.Invalid : Action.Ignore;
    return conclude(tracker, base, flow, direction, segment, old, old, flags);
  }
  return handleRare(tracker, packet, base, flow, direction, segment, old, state, flags);
}

/** Whatever may change the state. */
function handleRare(
  tracker: Tracker,
  packet: Packet,
  base: number,
  flow: number,
  direction: number,
  segment: number,
  old: number,
  state: number,
  flags: number,
): Action {
  const words = tracker.table.words;
  if (state === Refused) {
    tracker.reason = 'invalid state';
    return Action.Invalid;
  }
  if (state === State.SynSent && (old === State.TimeWait || old === State.Close)) {
    if (mayReopen(words, base)) return Action.Restart;
    state = Ignored;
  }
  if (state === Ignored) {
    if (!resynchronises(words, packet, base, direction, segment)) return letThrough(tracker, packet, base, direction, segment, old, flags);
    adoptRememberedSyn(words, base, direction);
    old = State.SynSent;
    state = State.SynRecv;
  } else if (state === State.SynSent2) {
    remember(words, base, rememberedFlags(words, base) | TcpFlag.SimultaneousOpen);
  } else if (
    state === State.SynRecv &&
    direction === 1 &&
    segment === Ack &&
    (rememberedFlags(words, base) & TcpFlag.SimultaneousOpen) !== 0
  ) {
    state = State.Established;
  } else if (state === State.TimeWait && isChallengeAck(words, base, direction, segment, old)) {
    remember(words, base, rememberedFlags(words, base) & ~TcpFlag.ChallengeAck);
    return Action.Ignore;
  } else if (state === State.Close && segment === Rst) {
    const judged = judgeReset(tracker, packet, base, direction, old);
    if (judged === Refused) return Action.Invalid;
    if (judged === Ignored) return conclude(tracker, base, flow, direction, segment, old, State.Close, flags);
    state = judged;
  }
  const fit = followWindow(tracker, packet, base, direction, segment, old, flags);
  if (fit === Fit.Inside) return conclude(tracker, base, flow, direction, segment, old, state, flags);
  if (fit === Fit.Aside) return Action.Ignore;
  if (segment === Fin || segment === Rst) hurry(tracker, base, flow, direction, segment);
  return Action.Invalid;
}

/** Timers that are shorter than this are left alone, in milliseconds. */
const hurryFrom = 120_000;

/**
 * Both sides say goodbye outside the windows: the flow is out of step with them, and must not wait for days. Its timer drops to that of
 * unacknowledged data. Measured.
 */
function hurry(tracker: Tracker, base: number, flow: number, direction: number, segment: number): void {
  const words = tracker.table.words;
  const status = words[base + StatusWord]!;
  if ((status & Status.Assured) === 0 || (status & Status.FixedTimeout) !== 0) return;
  const memory = words[base + ProtocolState]!;
  const last = (memory >>> 4) & 15;
  if (!hasLast(memory) || ((memory >>> 8) & 1) === direction || (last !== Fin && last !== Rst)) {
    noteLast(words, base, direction, segment);
    return;
  }
  const left = tracker.leftOf(flow);
  const lowered = tracker.timeoutsOf(base, tracker.timeouts.tcp)[Timeout.Unack]!;
  if (left >= hurryFrom && left > tracker.msOf(lowered)) tracker.refresh(flow, lowered);
}

/** Whether a SYN may begin anew: a FIN closed the flow, or its opener's RST did. */
function mayReopen(words: Int32Array, base: number): boolean {
  const sides = words[base + Sides]!;
  if (((sides | (sides >>> 16)) & TcpFlag.CloseInit) !== 0) return true;
  const memory = words[base + ProtocolState]!;
  return hasLast(memory) && ((memory >>> 4) & 15) === Rst && ((memory >>> 8) & 1) === 0;
}

/** A SYN/ACK that acknowledges a SYN which was let through before: both sides agree, and the flow follows them. */
function resynchronises(words: Int32Array, packet: Packet, base: number, direction: number, segment: number): boolean {
  const memory = words[base + ProtocolState]!;
  return (
    segment === SynAck &&
    ((memory >>> 4) & 15) === Syn &&
    hasLast(memory) &&
    ((memory >>> 8) & 1) !== direction &&
    packet.view.getInt32(packet.l4At + 8, false) === words[base + LastEnd]
  );
}

/** The last segment is numbered from 0, so bit 16 says that there was one. */
const LastSeen = 1 << 16;
const hasLast = (memory: number): boolean => (memory & LastSeen) !== 0;

const rememberedFlags = (words: Int32Array, base: number): number => (words[base + LastWindow]! >>> 20) & 255;

function remember(words: Int32Array, base: number, flags: number): void {
  words[base + LastWindow] = (words[base + LastWindow]! & 0xfffff) | (flags << 20);
}

/** Takes over the numbers of the SYN that was let through, and forgets those of its answerer. */
function adoptRememberedSyn(words: Int32Array, base: number, direction: number): void {
  const sender = 1 - direction;
  const at = base + Side + sender * SideWords;
  const last = words[base + LastWindow]!;
  const end = words[base + LastEnd]!;
  words[at + End] = end;
  words[at + MaxEnd] = end;
  words[at + MaxWindow] = (last & 0xffff) === 0 ? 1 : last & 0xffff;
  const flags = (last >>> 20) & 255 & ~TcpFlag.ChallengeAck;
  remember(words, base, flags);
  const kept = words[base + Sides]! & (TcpFlag.Liberal << (direction * 16));
  words[base + Sides] = kept | ((flags | (((last >>> 16) & 15) << 8)) << (sender * 16));
  words.fill(0, base + Side + direction * SideWords, base + Side + direction * SideWords + SideWords);
}

/** Remembers a segment that the state has no use for, so that the answer to it is understood. */
function letThrough(
  tracker: Tracker,
  packet: Packet,
  base: number,
  direction: number,
  segment: number,
  old: number,
  flags: number,
): Action {
  const words = tracker.table.words;
  const { view, l4At } = packet;
  const sequence = view.getInt32(l4At + 4, false);
  noteLast(words, base, direction, segment);
  words[base + LastSequence] = sequence;
  words[base + LastEnd] = endOf(packet, sequence, flags);
  words[base + LastWindow] = (words[base + LastWindow]! & ~0xffff) | view.getUint16(l4At + 14, false);
  if (segment === Syn && direction === 0) {
    const options = readOptions(packet);
    words[base + LastWindow] = (words[base + LastWindow]! & 0xffff) | ((options >>> 8) << 16);
    remember(words, base, (options & 3) | (old === State.LastAck ? TcpFlag.ChallengeAck : 0));
  }
  if (old === State.SynSent && segment === Ack && direction === 1) words[base + LastAck] = view.getInt32(l4At + 8, false);
  return Action.Ignore;
}

function noteLast(words: Int32Array, base: number, direction: number, segment: number): void {
  words[base + ProtocolState] = (words[base + ProtocolState]! & ~0x1f0) | (segment << 4) | (direction << 8) | LastSeen;
}

/** RFC 5961: the ACK that answers a SYN in LAST_ACK acknowledges no FIN. */
function isChallengeAck(words: Int32Array, base: number, direction: number, segment: number, old: number): boolean {
  const memory = words[base + ProtocolState]!;
  return (
    old === State.LastAck &&
    segment === Ack &&
    hasLast(memory) &&
    ((memory >>> 8) & 1) !== direction &&
    ((memory >>> 4) & 15) === Syn &&
    (rememberedFlags(words, base) & TcpFlag.ChallengeAck) !== 0
  );
}

/**
 * A RST closes when its number is exactly the expected one (RFC 5961 section 3.2), or where the flow is closing anyway.
 * @returns the new state; `Refused`; or `Ignored` when its window need not be looked at
 */
function judgeReset(tracker: Tracker, packet: Packet, base: number, direction: number, old: number): number {
  const words = tracker.table.words;
  if (old >= State.FinWait && old <= State.Close) return Ignored;
  const memory = words[base + ProtocolState]!;
  const lastSegment = hasLast(memory) ? (memory >>> 4) & 15 : Refused;
  const { view, l4At } = packet;
  const sequence = view.getInt32(l4At + 4, false);
  const receiver = 1 - direction;
  const status = words[base + StatusWord]!;
  const established = old === State.Established && (status & Status.Assured) !== 0;
  if (((words[base + Sides]! >>> (receiver * 16)) & TcpFlag.MaxAckSet) !== 0 && lastSegment !== Syn) {
    const acknowledged = words[base + Side + receiver * SideWords + MaxAck]!;
    const refused = before(sequence, acknowledged) && tracker.settings.tcpIgnoreInvalidRst === 0;
    if (!(sequence === 0 && !established)) {
      if (refused) {
        tracker.reason = 'invalid rst';
        return Refused;
      }
      const inTrain = lastSegment === Ack && ((memory >>> 8) & 1) === direction && sequence === words[base + LastEnd];
      if (established && sequence !== acknowledged && !inTrain) return old;
      return State.Close;
    }
    return State.Close;
  }
  // a RST that answers a SYN or an ACK which was let through
  const answers = ((status & Status.SeenReply) !== 0 && lastSegment === Syn) || ((status & Status.Assured) === 0 && lastSegment === Ack);
  const otherSide = ((memory >>> 8) & 1) !== direction;
  if (answers && otherSide && view.getInt32(l4At + 8, false) === words[base + LastEnd]) return Ignored;
  return State.Close;
}

/** The number after the segment's last: SYN and FIN count one each. */
function endOf(packet: Packet, sequence: number, flags: number): number {
  const header = (packet.view.getUint8(packet.l4At + 12) >>> 4) * 4;
  return (sequence + packet.l4Length - header + ((flags >>> 1) & 1) + (flags & 1)) | 0;
}

/** Window scale and SACK-permitted of a SYN: flags in the low byte, scale in the next. RFC 7323, RFC 2018. */
function readOptions(packet: Packet): number {
  const { view, l4At } = packet;
  const end = l4At + Math.min((view.getUint8(l4At + 12) >>> 4) * 4, packet.l4There);
  let found = 0;
  for (let at = l4At + 20; at < end; ) {
    const kind = view.getUint8(at);
    if (kind === 0) break;
    if (kind === 1) {
      at++;
      continue;
    }
    if (at + 2 > end) break;
    const length = view.getUint8(at + 1);
    if (length < 2 || at + length > end) break;
    if (kind === 4 && length === 2) found |= TcpFlag.SackPermitted;
    else if (kind === 3 && length === 3) found |= TcpFlag.WindowScale | (Math.min(view.getUint8(at + 2), 14) << 8);
    at += length;
  }
  return found;
}

/** The right edge of the highest SACK block above `ack`, or `ack`. RFC 2018. */
function highestSack(packet: Packet, ack: number): number {
  const { view, l4At } = packet;
  const end = l4At + Math.min((view.getUint8(l4At + 12) >>> 4) * 4, packet.l4There);
  // timestamps alone, in the layout that everybody sends
  if (end === l4At + 32 && view.getInt32(l4At + 20, false) === 0x0101080a) return ack;
  let highest = ack;
  for (let at = l4At + 20; at < end; ) {
    const kind = view.getUint8(at);
    if (kind === 0) break;
    if (kind === 1) {
      at++;
      continue;
    }
    if (at + 2 > end) break;
    const length = view.getUint8(at + 1);
    if (length < 2 || at + length > end) break;
    if (kind === 5 && length >= 10 && (length - 2) % 8 === 0) {
      for (let block = at + 2; block < at + length; block += 8) {
        const edge = view.getInt32(block + 4, false);
        if (after(edge, highest)) highest = edge;
      }
      break;
    }
    at += length;
  }
  return highest;
}

/** A side (re)starts with a SYN. Scaling holds only when both sides asked for it. */
function startSide(words: Int32Array, packet: Packet, base: number, direction: number, end: number, window: number): void {
  const at = base + Side + direction * SideWords;
  words[at + End] = end;
  words[at + MaxEnd] = end;
  words[at + MaxWindow] = window === 0 ? 1 : window;
  const shift = direction * 16;
  let sides = words[base + Sides]!;
  // a SYN without any options leaves what an earlier one said
  if (packet.view.getUint8(packet.l4At + 12) >>> 4 > 5) {
    sides = (sides & ((0xffff << (16 - shift)) | (TcpFlag.Liberal << shift))) | (readOptions(packet) << shift);
  }
  if (direction === 1 && (sides & (sides >>> 16) & TcpFlag.WindowScale) === 0) sides &= 0x00ff00ff;
  words[base + Sides] = sides;
}

/** Follows both windows with a segment, and says where it lies. */
function followWindow(
  tracker: Tracker,
  packet: Packet,
  base: number,
  direction: number,
  segment: number,
  state: number,
  flags: number,
): Fit {
  const words = tracker.table.words;
  const { view, l4At } = packet;
  const sender = base + Side + direction * SideWords;
  const receiver = base + Side + (1 - direction) * SideWords;
  const senderShift = direction * 16;
  const receiverShift = 16 - senderShift;
  let sequence = view.getInt32(l4At + 4, false);
  let ack = view.getInt32(l4At + 8, false);
  const announced = view.getUint16(l4At + 14, false);
  let end = endOf(packet, sequence, flags);
  let sides = words[base + Sides]!;
  let sack = ((sides >>> receiverShift) & TcpFlag.SackPermitted) !== 0 ? highestSack(packet, ack) : ack;
  const isSyn = (flags & 2) !== 0;

  if (words[sender + MaxWindow] === 0) {
    if (isSyn) {
      startSide(words, packet, base, direction, end, announced);
      if ((flags & 16) === 0) return Fit.Inside;
    } else {
      const scaled = announced << ((sides >>> (senderShift + 8)) & 15);
      words[sender + End] = end;
      words[sender + MaxWindow] = scaled === 0 ? 1 : scaled;
      words[sender + MaxEnd] = (end + words[sender + MaxWindow]!) | 0;
      if (words[receiver + MaxWindow] === 0) {
        words[receiver + End] = sack;
        words[receiver + MaxEnd] = sack;
      } else if (sack === ((words[receiver + End]! + 1) | 0)) words[receiver + End] = sack; // answers a keep-alive
    }
    sides = words[base + Sides]!;
  } else if (isSyn && after(end, words[sender + End]!) && (state === State.SynSent || state === State.SynRecv)) {
    startSide(words, packet, base, direction, end, announced);
    if (direction === 1 && (flags & 16) === 0) return Fit.Inside;
    sides = words[base + Sides]!;
  }

  if ((flags & 16) === 0 || ((flags & 4) !== 0 && ack === 0)) {
    ack = words[receiver + End]!;
    sack = ack;
  }
  if ((flags & 4) !== 0 && sequence === 0 && state === State.SynSent) {
    end = words[sender + End]!;
    sequence = end;
  }

  const liberal = ((sides >>> senderShift) & TcpFlag.Liberal) !== 0 || tracker.settings.tcpBeLiberal !== 0;
  const receiverWindow = words[receiver + MaxWindow]!;
  const allowed = words[sender + MaxEnd]!;
  const sent = words[sender + End]!;
  const aboveLower = receiverWindow === 0 || after(end, (sent - receiverWindow - 1) | 0);
  if (!before(sequence, (allowed + 1) | 0)) {
    const excess = (end - allowed + 1) >>> 0;
    if (aboveLower && excess <= receiverWindow && ackFits(words, sender, receiver, sack)) {
      // more than the window: passes aside, and its end is noted so that the answer is not taken for a wrong one
      words[sender + End] = end;
      words[base + Sides] = sides | (TcpFlag.DataUnacknowledged << senderShift);
      tracker.reason = 'more bytes than expected';
      return liberal ? Fit.Inside : Fit.Aside;
    }
    tracker.reason = 'SEQ is over upper bound (over the window of the receiver)';
    return liberal ? Fit.Inside : Fit.Outside;
  }
  if (!before(sack, (words[receiver + End]! + 1) | 0)) {
    tracker.reason = 'ACK is over upper bound (ACKed data not seen yet)';
    return liberal ? Fit.Inside : Fit.Outside;
  }
  if (!aboveLower) {
    tracker.reason = 'SEQ is under lower bound (already ACKed data retransmitted)';
    return liberal ? Fit.Inside : Fit.Aside;
  }
  if (!after(sack, lowestAck(words, sender, receiver))) {
    tracker.reason = 'ACK is under lower bound (possible overly delayed ACK)';
    return liberal ? Fit.Inside : Fit.Aside;
  }

  let window = announced;
  if (!isSyn) window <<= (sides >>> (senderShift + 8)) & 15;
  const reaching = window + ((sack - ack) | 0);
  if (words[sender + MaxWindow]! < reaching) words[sender + MaxWindow] = reaching;
  if (after(end, sent)) {
    words[sender + End] = end;
    sides |= TcpFlag.DataUnacknowledged << senderShift;
  }
  if ((flags & 16) !== 0) {
    if (((sides >>> senderShift) & TcpFlag.MaxAckSet) === 0) {
      words[sender + MaxAck] = ack;
      sides |= TcpFlag.MaxAckSet << senderShift;
    } else if (after(ack, words[sender + MaxAck]!)) words[sender + MaxAck] = ack;
  }
  if (receiverWindow !== 0 && after(end, allowed)) words[receiver + MaxWindow] = (receiverWindow + end - allowed) | 0;
  const nowAllowed = (sack + window) | 0;
  if (after(nowAllowed, (words[receiver + MaxEnd]! - 1) | 0)) words[receiver + MaxEnd] = window === 0 ? (nowAllowed + 1) | 0 : nowAllowed;
  if (ack === words[receiver + End]) sides &= ~(TcpFlag.DataUnacknowledged << receiverShift);
  words[base + Sides] = sides;
  if (segment === Ack) countRepeats(words, base, direction, sequence, ack, end, announced);
  return Fit.Inside;
}

/** No acknowledgement may lie as low as this: 66,000 bytes, or the sender's window, below the highest byte that the receiver sent. */
function lowestAck(words: Int32Array, sender: number, receiver: number): number {
  const window = words[sender + MaxWindow]!;
  return (words[receiver + End]! - (window > 66000 ? window : 66000) - 1) | 0;
}

function ackFits(words: Int32Array, sender: number, receiver: number, sack: number): boolean {
  return before(sack, (words[receiver + End]! + 1) | 0) && after(sack, lowestAck(words, sender, receiver));
}

/** How often in a row the same segment came. */
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

/** The new state and its timer. */
function conclude(
  tracker: Tracker,
  base: number,
  flow: number,
  direction: number,
  segment: number,
  old: number,
  state: number,
  flags: number,
): Action {
  const words = tracker.table.words;
  const memory = (words[base + ProtocolState]! & ~0x1ff) | state | (segment << 4) | (direction << 8) | LastSeen;
  words[base + ProtocolState] = memory;
  if (old !== state) {
    tracker.happened |= EventBit.ProtoInfo;
    if (state === State.FinWait) words[base + Sides] = words[base + Sides]! | (TcpFlag.CloseInit << (direction * 16));
  }
  const timeouts = tracker.timeoutsOf(base, tracker.timeouts.tcp);
  let ticks = chooseTimeout(
    timeouts,
    state,
    segment,
    (memory >>> 9) & 127,
    tracker.settings.tcpMaxRetrans,
    words[base + Sides]!,
    words[base + LastWindow]!,
  );
  const status = words[base + StatusWord]!;
  if ((status & Status.SeenReply) === 0) {
    if ((flags & 4) !== 0) return Action.Remove;
    if (segment === Syn && old === State.SynSent) return Action.Ignore;
    if (state === State.Established && ticks > timeouts[Timeout.Unack]!) ticks = timeouts[Timeout.Unack]!;
  } else if ((status & Status.Assured) === 0 && state === State.Established && (old === State.SynRecv || old === State.Established)) {
    words[base + StatusWord] = status | Status.Assured;
    tracker.happened |= EventBit.Assured;
  }
  tracker.refresh(flow, ticks);
  return Action.Count;
}

function chooseTimeout(
  timeouts: Timeouts,
  state: number,
  segment: number,
  repeats: number,
  maxRepeats: number,
  sides: number,
  last: number,
): number {
  const own = timeouts[state - 1]!;
  if (repeats >= maxRepeats && own > timeouts[Timeout.Retrans]!) return timeouts[Timeout.Retrans]!;
  if (segment === Rst) return timeouts[Timeout.Close]!;
  if (((sides | (sides >>> 16)) & TcpFlag.DataUnacknowledged) !== 0 && own > timeouts[Timeout.Unack]!) return timeouts[Timeout.Unack]!;
  if ((last & 0xffff) === 0 && own > timeouts[Timeout.Retrans]!) return timeouts[Timeout.Retrans]!;
  return own;
}

/** What `CTA_PROTOINFO_TCP` tells. */
export interface TcpInfo {
  /** Index in `tcpStates`. */
  readonly state: number;
  /** Of the original direction and of the reply. */
  readonly scales: readonly [number, number];
  /** `TcpFlag` bits. */
  readonly flags: readonly [number, number];
}

/** Reads the TCP part of a flow. */
export function readTcp(table: FlowTable, flow: number): TcpInfo {
  const sides = table.word(flow, Sides);
  return {
    state: table.word(flow, ProtocolState) & 15,
    scales: [(sides >>> 8) & 255, sides >>> 24],
    flags: [sides & 255, (sides >>> 16) & 255],
  };
}

/** Changes the TCP part of a flow as ctnetlink asks. */
export function writeTcp(table: FlowTable, flow: number, change: TcpChange): void {
  const base = flow * FlowWords;
  const words = table.words;
  if (change.state !== undefined) words[base + ProtocolState] = (words[base + ProtocolState]! & ~15) | (change.state & 15);
  for (let direction = 0; direction < 2; direction++) {
    const shift = direction * 16;
    const scale = change.scales?.[direction];
    if (scale !== undefined) words[base + Sides] = (words[base + Sides]! & ~(0xff << (shift + 8))) | (Math.min(scale, 14) << (shift + 8));
    const given = change.flags?.[direction];
    if (given === undefined) continue;
    const mask = (given.mask & 255) << shift;
    words[base + Sides] = (words[base + Sides]! & ~mask) | (((given.flags & 255) << shift) & mask);
  }
}
