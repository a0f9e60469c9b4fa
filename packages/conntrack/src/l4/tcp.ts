import { Protocol, type Timeouts } from '../engine.ts';
import type { Flows } from '../flows.ts';
import type { Packet } from '../packet/packet.ts';
import { checksumRight } from '../packet/read.ts';
import { FlowWords, ProtocolState, Status, StatusWord } from '../table/layout.ts';
import { Action, EventBit } from './action.ts';
import { portsKey } from './ports.ts';
import type { TrackedProtocol } from './protocol.ts';
import { before, readOptions, type Segment, TcpFlag } from './tcp-segment.ts';
import { Ignored, Refused, segmentOfFlags, transitions } from './tcp-states.ts';
import {
  End,
  Fit,
  followWindow,
  LastAck,
  LastEnd,
  LastSequence,
  LastWindow,
  MaxAck,
  MaxEnd,
  MaxWindow,
  Side,
  Sides,
  SideWords,
} from './tcp-window.ts';

const Kind = { Syn: 0, SynAck: 1, Fin: 2, Ack: 3, Rst: 4 } as const;
const State = { SynSent: 1, SynRecv: 2, Established: 3, FinWait: 4, LastAck: 6, TimeWait: 7, Close: 8, SynSent2: 9 } as const;
const Timeout = { Close: 7, Retrans: 9, Unack: 10 } as const;

// ProtocolState of a flow: state in 4 bits, last kind of segment in 4, last direction in 1, repetitions in 7. For a flow that a request
// created, the kernel assumes that the last segment was a SYN of the original direction that ended at 0, and ring3 does too.
const lastKind = (memory: number): number => (memory >>> 4) & 15;
const lastDirection = (memory: number): number => (memory >>> 8) & 1;

/** @returns the reason why the segment is invalid, or undefined */
function refuseTcp(packet: Packet, checksum: boolean): string | undefined {
  if (packet.l4There < 20) return 'short packet';
  const offset = (packet.view.getUint8(packet.l4At + 12) >>> 4) * 4;
  if (offset < 20 || offset > packet.l4Length) return 'truncated/malformed packet';
  if (checksum && !checksumRight(packet, Protocol.Tcp, packet.l4Length)) return 'bad checksum';
  if (segmentOfFlags[packet.view.getUint8(packet.l4At + 13) & 63] === Refused) return 'invalid tcp flag combination';
  return undefined;
}

/** Whether a segment may create a flow. */
function mayBeginTcp(flows: Flows, packet: Packet): boolean {
  const kind = segmentOfFlags[packet.view.getUint8(packet.l4At + 13) & 63];
  if (kind === Kind.Syn) return true;
  return kind === Kind.Ack && flows.settings.tcpLoose !== 0;
}

/** Initialises the windows of a new flow. A connection whose opening was not seen is liberal, because its scale factors are unknown. */
function beginTcp(flows: Flows, packet: Packet, flow: number): void {
  const words = flows.table.words;
  const { segment } = flows;
  segment.read(packet, flow, 0);
  const side = segment.base + Side;
  const window = segment.window === 0 ? 1 : segment.window;
  words[side + End] = segment.end;
  words[side + MaxWindow] = window;
  if (segment.kind === Kind.Syn) {
    words[side + MaxEnd] = segment.end;
    words[segment.base + Sides] = readOptions(packet);
  } else {
    words[side + MaxEnd] = (segment.end + window) | 0;
    words[segment.base + Sides] = 0x00010001 * (TcpFlag.SackPermitted | TcpFlag.Liberal);
  }
}

/** Tracks one segment of a flow. */
export function handleTcp(flows: Flows, packet: Packet, flow: number, direction: number): Action {
  const base = flow * FlowWords;
  const kind = segmentOfFlags[packet.view.getUint8(packet.l4At + 13) & 63]!;
  const old = flows.table.words[base + ProtocolState]! & 15;
  const state = transitions[(direction * 5 + kind) * 16 + old]!;
  if (kind !== Kind.Ack || state !== old || old !== State.Established) {
    flows.segment.read(packet, flow, direction);
    return handleRare(flows, packet, flows.segment, old, state);
  }
  // the common segment: only its numbers can be invalid
  const fit = followWindow(flows, packet, base, direction, kind, old);
  if (fit !== Fit.Inside) return fit === Fit.Outside ? Action.Invalid : Action.Ignore;
  return conclude(flows, flow, direction, kind, old, old);
}

/** Tracks a segment that may change the state. */
function handleRare(flows: Flows, packet: Packet, segment: Segment, old: number, state: number): Action {
  const words = flows.table.words;
  const { flow, base, direction, kind } = segment;
  if (state === Refused) {
    flows.reason = 'invalid state';
    return Action.Invalid;
  }
  if (state === State.SynSent && (old === State.TimeWait || old === State.Close)) {
    if (mayReopen(words, base)) return Action.Restart;
    state = Ignored;
  }
  if (state === Ignored) {
    if (!resynchronises(words, segment)) return passIgnored(words, packet, segment, old);
    adoptRememberedSyn(words, segment);
    old = State.SynSent;
    state = State.SynRecv;
  } else if (state === State.SynSent2) remember(words, base, remembered(words, base) | TcpFlag.SimultaneousOpen);
  else if (state === State.SynRecv && endsSimultaneousOpen(words, segment)) state = State.Established;
  else if (state === State.TimeWait && isChallengeAck(words, segment, old)) {
    remember(words, base, remembered(words, base) & ~TcpFlag.ChallengeAck);
    return Action.Ignore;
  } else if (state === State.Close && kind === Kind.Rst) {
    const judged = judgeReset(flows, segment, old);
    if (judged === Refused) return Action.Invalid;
    if (judged === Ignored) return conclude(flows, flow, direction, kind, old, State.Close);
    state = judged;
  }
  const fit = followWindow(flows, packet, base, direction, kind, old);
  if (fit === Fit.Inside) return conclude(flows, flow, direction, kind, old, state);
  if (fit === Fit.Aside) return Action.Ignore;
  if (kind === Kind.Fin || kind === Kind.Rst) shortenTimeout(flows, segment);
  return Action.Invalid;
}

/** Timers shorter than this are not shortened, in milliseconds. */
const shortenFrom = 120_000;

/**
 * Both sides close outside the windows: the flow is out of step with them and must not remain for days. Its timer drops to that of
 * unacknowledged data. Measured.
 */
function shortenTimeout(flows: Flows, { flow, base, direction, kind }: Segment): void {
  const words = flows.table.words;
  const status = words[base + StatusWord]!;
  if ((status & Status.Assured) === 0 || (status & Status.FixedTimeout) !== 0) return;
  const memory = words[base + ProtocolState]!;
  const answers = lastDirection(memory) !== direction && (lastKind(memory) === Kind.Fin || lastKind(memory) === Kind.Rst);
  if (!answers) {
    noteLast(words, base, direction, kind);
    return;
  }
  const left = flows.leftOf(flow);
  const lowered = flows.extras.timeoutsOf(base, flows.timeouts.tcp)[Timeout.Unack]!;
  if (left >= shortenFrom && left > flows.msOf(lowered)) flows.refresh(flow, lowered);
}

/** Whether a SYN may start a new flow: a FIN or an RST of the opener closed the old one. */
function mayReopen(words: Int32Array, base: number): boolean {
  const sides = words[base + Sides]!;
  if (((sides | (sides >>> 16)) & TcpFlag.CloseInit) !== 0) return true;
  const memory = words[base + ProtocolState]!;
  return lastKind(memory) === Kind.Rst && lastDirection(memory) === 0;
}

/** The ACK in reply to the SYN/ACK of a simultaneous open, RFC 9293 section 3.5. */
const endsSimultaneousOpen = (words: Int32Array, { base, direction, kind }: Segment): boolean =>
  direction === 1 && kind === Kind.Ack && (remembered(words, base) & TcpFlag.SimultaneousOpen) !== 0;

/** A SYN/ACK that acknowledges a SYN that passed as ignored before: both sides agree, so the flow takes over their state. */
function resynchronises(words: Int32Array, { base, direction, kind, acknowledged }: Segment): boolean {
  const memory = words[base + ProtocolState]!;
  if (kind !== Kind.SynAck || lastKind(memory) !== Kind.Syn || lastDirection(memory) === direction) return false;
  return acknowledged === words[base + LastEnd];
}

/** The flags that are stored above the last window. */
const remembered = (words: Int32Array, base: number): number => (words[base + LastWindow]! >>> 20) & 255;

function remember(words: Int32Array, base: number, flags: number): void {
  words[base + LastWindow] = (words[base + LastWindow]! & 0xfffff) | (flags << 20);
}

/** Takes over the numbers of the SYN that passed as ignored, and resets those of the other side. */
function adoptRememberedSyn(words: Int32Array, { base, direction }: Segment): void {
  const asker = 1 - direction;
  const at = base + Side + asker * SideWords;
  const last = words[base + LastWindow]!;
  words[at + End] = words[base + LastEnd]!;
  words[at + MaxEnd] = words[base + LastEnd]!;
  words[at + MaxWindow] = (last & 0xffff) === 0 ? 1 : last & 0xffff;
  const flags = remembered(words, base) & ~TcpFlag.ChallengeAck;
  remember(words, base, flags);
  const kept = words[base + Sides]! & (TcpFlag.Liberal << (direction * 16));
  words[base + Sides] = kept | ((flags | (((last >>> 16) & 15) << 8)) << (asker * 16));
  const own = base + Side + direction * SideWords;
  words.fill(0, own, own + SideWords);
}

/** Stores a segment that the state ignores, so that the reply to it is recognised. */
function passIgnored(words: Int32Array, packet: Packet, segment: Segment, old: number): Action {
  const { base, direction, kind } = segment;
  noteLast(words, base, direction, kind);
  words[base + LastSequence] = segment.sequence;
  words[base + LastEnd] = segment.end;
  words[base + LastWindow] = (words[base + LastWindow]! & ~0xffff) | segment.window;
  if (kind === Kind.Syn && direction === 0) {
    const options = readOptions(packet);
    words[base + LastWindow] = (words[base + LastWindow]! & 0xffff) | ((options >>> 8) << 16);
    remember(words, base, (options & 3) | (old === State.LastAck ? TcpFlag.ChallengeAck : 0));
  }
  if (old === State.SynSent && kind === Kind.Ack && direction === 1) words[base + LastAck] = segment.acknowledged;
  return Action.Ignore;
}

function noteLast(words: Int32Array, base: number, direction: number, kind: number): void {
  words[base + ProtocolState] = (words[base + ProtocolState]! & ~0x1f0) | (kind << 4) | (direction << 8);
}

/** RFC 5961: the ACK in reply to a SYN in LAST_ACK does not acknowledge the FIN. */
function isChallengeAck(words: Int32Array, { base, direction, kind }: Segment, old: number): boolean {
  if (old !== State.LastAck || kind !== Kind.Ack) return false;
  const memory = words[base + ProtocolState]!;
  if (lastDirection(memory) === direction || lastKind(memory) !== Kind.Syn) return false;
  return (remembered(words, base) & TcpFlag.ChallengeAck) !== 0;
}

/**
 * An RST closes the flow if its sequence number is exactly the expected one (RFC 5961 section 3.2), or if the flow is already closing.
 * @returns the new state; `Refused`; or `Ignored` if its window is not checked
 */
function judgeReset(flows: Flows, segment: Segment, old: number): number {
  const { base, direction, sequence } = segment;
  const words = flows.table.words;
  if (old >= State.FinWait && old <= State.Close) return Ignored;
  const memory = words[base + ProtocolState]!;
  const last = lastKind(memory);
  const receiver = 1 - direction;
  const status = words[base + StatusWord]!;
  const established = old === State.Established && (status & Status.Assured) !== 0;
  if (((words[base + Sides]! >>> (receiver * 16)) & TcpFlag.MaxAckSet) !== 0 && last !== Kind.Syn) {
    if (sequence === 0 && !established) return State.Close;
    const expected = words[base + Side + receiver * SideWords + MaxAck]!;
    if (before(sequence, expected) && flows.settings.tcpIgnoreInvalidRst === 0) {
      flows.reason = 'invalid rst';
      return Refused;
    }
    const inTrain = last === Kind.Ack && lastDirection(memory) === direction && sequence === words[base + LastEnd];
    return established && sequence !== expected && !inTrain ? old : State.Close;
  }
  return answersPassed(words, segment, old) ? Ignored : State.Close;
}

/**
 * Whether an RST is the reply to the last segment, which passed as ignored. Its acknowledgement number is the end of the other side's
 * SYN, or of either side's ACK if the flow is not assured; or its sequence number is the one that a challenge ACK to a SYN acknowledges
 * (RFC 9293 section 3.10.7.3, RFC 5961 section 4.2), which is how a half-open connection recovers. Measured.
 */
function answersPassed(words: Int32Array, { base, direction, sequence, acknowledged }: Segment, old: number): boolean {
  const memory = words[base + ProtocolState]!;
  const status = words[base + StatusWord]!;
  const toEnd = acknowledged === words[base + LastEnd];
  if (lastKind(memory) === Kind.Syn) return toEnd && lastDirection(memory) !== direction && (status & Status.SeenReply) !== 0;
  if (lastKind(memory) !== Kind.Ack) return false;
  if (toEnd && (status & Status.Assured) === 0) return true;
  return old === State.SynSent && lastDirection(memory) === 1 && sequence === words[base + LastAck];
}

/** Sets the new state and its timer. */
function conclude(flows: Flows, flow: number, direction: number, kind: number, old: number, state: number): Action {
  const base = flow * FlowWords;
  const words = flows.table.words;
  const memory = (words[base + ProtocolState]! & ~0x1ff) | state | (kind << 4) | (direction << 8);
  words[base + ProtocolState] = memory;
  if (old !== state) {
    flows.happened |= EventBit.ProtoInfo;
    if (state === State.FinWait) words[base + Sides] = words[base + Sides]! | (TcpFlag.CloseInit << (direction * 16));
  }
  const timeouts = flows.extras.timeoutsOf(base, flows.timeouts.tcp);
  const repeated = ((memory >>> 9) & 127) >= flows.settings.tcpMaxRetrans;
  let ticks = chooseTimeout(timeouts, state, kind, repeated, words[base + Sides]!, words[base + LastWindow]!);
  const status = words[base + StatusWord]!;
  if ((status & Status.SeenReply) === 0) {
    if (kind === Kind.Rst) return Action.Remove;
    if (kind === Kind.Syn && old === State.SynSent) return Action.Ignore;
    if (state === State.Established && ticks > timeouts[Timeout.Unack]!) ticks = timeouts[Timeout.Unack]!;
  } else if ((status & Status.Assured) === 0 && state === State.Established && (old === State.SynRecv || old === State.Established)) {
    words[base + StatusWord] = status | Status.Assured;
    flows.happened |= EventBit.Assured;
  }
  flows.refresh(flow, ticks);
  return Action.Count;
}

/** The effective timeout: the first rule that applies. */
function chooseTimeout(timeouts: Timeouts, state: number, kind: number, repeated: boolean, sides: number, last: number): number {
  const own = timeouts[state - 1]!;
  if (repeated && own > timeouts[Timeout.Retrans]!) return timeouts[Timeout.Retrans]!;
  if (kind === Kind.Rst) return timeouts[Timeout.Close]!;
  if (((sides | (sides >>> 16)) & TcpFlag.DataUnacknowledged) !== 0 && own > timeouts[Timeout.Unack]!) return timeouts[Timeout.Unack]!;
  if ((last & 0xffff) === 0 && own > timeouts[Timeout.Retrans]!) return timeouts[Timeout.Retrans]!;
  return own;
}

/** RFC 9293. */
export const tcp: TrackedProtocol = { key: portsKey, refuse: refuseTcp, mayBegin: mayBeginTcp, begin: beginTcp, handle: handleTcp };
