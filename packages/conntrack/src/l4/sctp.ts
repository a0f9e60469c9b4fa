import type { Flows } from '../flows.ts';
import { sctpChecksum } from '../packet/checksum.ts';
import type { Packet } from '../packet/packet.ts';
import { FlowWords, ProtocolState, Status, StatusWord } from '../table/layout.ts';
import { Action, EventBit } from './action.ts';
import { portsKey } from './ports.ts';
import type { TrackedProtocol } from './protocol.ts';
import { Tag } from './sctp-info.ts';
import { chunkOfType, Refused, transitions } from './sctp-states.ts';

// words of a flow
const InitSeen = 1 << 8; // in ProtocolState: an INIT was received from the original side; the reply's bit follows
const HeartbeatStrange = 1 << 10; // a heartbeat with an unknown tag was received
const StrangeDirection = 1 << 11;

/** RFC 9260 section 3.2. */
const Type = {
  Data: 0,
  Init: 1,
  InitAck: 2,
  Heartbeat: 4,
  HeartbeatAck: 5,
  Abort: 6,
  ShutdownAck: 8,
  CookieEcho: 10,
  CookieAck: 11,
  ShutdownComplete: 14,
} as const;
const State = { Closed: 1, Established: 4 } as const;

const bit = (type: number): number => (type < 31 ? 1 << type : 0);
/** Chunks with special rules for the verification tag, RFC 9260 section 8.5.1. */
const ownTagRules =
  bit(Type.Init) |
  bit(Type.ShutdownComplete) |
  bit(Type.CookieEcho) |
  bit(Type.Abort) |
  bit(Type.ShutdownAck) |
  bit(Type.Heartbeat) |
  bit(Type.HeartbeatAck);

/** Checks the common header and its CRC32c. @returns the reason why the packet is invalid, or undefined */
function refuseSctp(packet: Packet, checksum: boolean): string | undefined {
  if (packet.l4There < 12) return 'short packet';
  if (
    checksum &&
    packet.l4There === packet.l4Length &&
    packet.view.getInt32(packet.l4At + 8, true) !== sctpChecksum(packet.view, packet.l4At, packet.l4Length)
  ) {
    return 'bad CRC';
  }
  return undefined;
}

/**
 * The chunk types of a packet, as bits of the types below 31; 0 if the packet is malformed: INIT, INIT ACK and SHUTDOWN COMPLETE must be
 * the only chunk, COOKIE ECHO and COOKIE ACK the first, and no chunk may be empty.
 */
function chunkTypes(packet: Packet): number {
  const { view } = packet;
  const end = packet.l4At + packet.l4There;
  let found = 0;
  let count = 0;
  let alone = false;
  for (let at = packet.l4At + 12; at + 4 <= end; count++) {
    const type = view.getUint8(at);
    const length = view.getUint16(at + 2, false);
    if (type === Type.Init || type === Type.InitAck || type === Type.ShutdownComplete) alone = true;
    if (length === 0 || (count > 0 && (alone || type === Type.CookieAck || type === Type.CookieEcho))) return 0;
    found |= bit(type) | (1 << 31);
    at += (length + 3) & ~3;
  }
  return found;
}

/** The initiate tag of an INIT or INIT ACK; 0 if it is truncated. */
const initiateTag = (packet: Packet, at: number): number =>
  at + 8 <= packet.l4At + packet.l4There ? packet.view.getInt32(at + 4, false) : 0;

/** Whether a packet may create a flow: an INIT with tag 0, or chunks of an association whose set-up was not seen. */
function mayBeginSctp(packet: Packet): boolean {
  if (chunkTypes(packet) === 0) return false;
  const { view, l4At } = packet;
  const end = l4At + packet.l4There;
  for (let at = l4At + 12; at + 4 <= end; at += (view.getUint16(at + 2, false) + 3) & ~3) {
    const type = view.getUint8(at);
    if (transitions[chunkOfType[type]! * 16] === Refused) return false;
    if (type === Type.Init && (view.getInt32(l4At + 4, false) !== 0 || at + 20 > end)) return false;
  }
  return true;
}

/**
 * Stores the tags of the first packet: a HEARTBEAT contains that of its own direction; the reply to a SHUTDOWN ACK has the same tag.
 * Measured.
 */
function beginSctp(flows: Flows, packet: Packet, flow: number): void {
  const { view, l4At } = packet;
  const { words } = flows.table;
  const at = flow * FlowWords + Tag;
  const types = chunkTypes(packet);
  if ((types & bit(Type.Heartbeat)) !== 0) words[at] = view.getInt32(l4At + 4, false);
  if ((types & bit(Type.ShutdownAck)) !== 0) words[at + 1] = view.getInt32(l4At + 4, false);
}

/** Tracks one packet of an association, chunk by chunk. */
function handleSctp(flows: Flows, packet: Packet, flow: number, direction: number): Action {
  const types = chunkTypes(packet);
  if (types === 0) return Action.Invalid;
  const words = flows.table.words;
  const base = flow * FlowWords;
  const { view, l4At } = packet;
  const tag = view.getInt32(l4At + 4, false);
  if ((types & ownTagRules) === 0 && tag !== words[base + Tag + direction]) {
    flows.reason = 'verification tag check failed';
    return Action.Invalid;
  }
  const end = l4At + packet.l4There;
  let old = 0;
  let state = 0;
  let aside = false;
  for (let at = l4At + 12; at + 4 <= end; at += (view.getUint16(at + 2, false) + 3) & ~3) {
    const type = view.getUint8(at);
    const judged = judgeTag(words, base, direction, type, view.getUint8(at + 1), tag, aside || (types & bit(Type.Data)) !== 0);
    if (judged === Action.Invalid) return Action.Invalid;
    if (judged === Action.Ignore) {
      aside = true;
      continue;
    }
    old = words[base + ProtocolState]! & 15;
    state = transitions[(direction * 12 + chunkOfType[type]!) * 16 + old]!;
    if (state === Refused) {
      flows.reason = 'invalid state';
      return Action.Invalid;
    }
    if (!noteTags(words, packet, base, direction, type, at)) return Action.Invalid;
    words[base + ProtocolState] = (words[base + ProtocolState]! & ~15) | state;
    if (old === state) continue;
    flows.happened |= EventBit.ProtoInfo;
    if (state === State.Established && (words[base + StatusWord]! & Status.Assured) === 0) {
      words[base + StatusWord] = words[base + StatusWord]! | Status.Assured;
      flows.happened |= EventBit.Assured;
    }
  }
  // a repeated INIT must not prolong a closed entry
  if (aside || (state === State.Closed && old === State.Closed && (types & bit(Type.Init)) !== 0)) return Action.Ignore;
  const timeouts = flows.extras.timeoutsOf(base, flows.timeouts.sctp);
  flows.refresh(flow, timeouts[state - 1]!);
  return Action.Count;
}

/** The special rules of verification tags, RFC 9260 section 8.5.1. @returns Count, Ignore for a heartbeat on another path, Invalid */
function judgeTag(
  words: Int32Array,
  base: number,
  direction: number,
  type: number,
  chunkFlags: number,
  tag: number,
  strict: boolean,
): Action {
  const own = words[base + Tag + direction]!;
  switch (type) {
    case Type.Init:
      return tag === 0 ? Action.Count : Action.Invalid;
    case Type.Abort:
    case Type.ShutdownComplete:
      // T bit: the tag is the peer's
      return tag === ((chunkFlags & 1) !== 0 ? words[base + Tag + 1 - direction] : own) ? Action.Count : Action.Invalid;
    case Type.CookieEcho:
      return tag === own ? Action.Count : Action.Invalid;
    case Type.Heartbeat:
    case Type.HeartbeatAck:
      return judgeHeartbeat(words, base, direction, type, tag, strict);
    default:
      return Action.Count;
  }
}

/** A heartbeat may arrive over a path whose set-up was not seen: its tags are learned from the exchange. */
function judgeHeartbeat(words: Int32Array, base: number, direction: number, type: number, tag: number, strict: boolean): Action {
  const memory = words[base + ProtocolState]!;
  const own = words[base + Tag + direction]!;
  if (own === 0) {
    words[base + Tag + direction] = tag;
    return Action.Count;
  }
  if (tag === own) {
    words[base + ProtocolState] = memory & ~HeartbeatStrange;
    return Action.Count;
  }
  if (strict) return Action.Invalid;
  if (type === Type.Heartbeat) {
    words[base + ProtocolState] = (memory & ~StrangeDirection) | HeartbeatStrange | (direction * StrangeDirection);
    return Action.Ignore;
  }
  if ((memory & HeartbeatStrange) === 0 || (memory & StrangeDirection) / StrangeDirection === direction) return Action.Invalid;
  words[base + ProtocolState] = memory & ~HeartbeatStrange;
  words[base + Tag + direction] = tag;
  words[base + Tag + 1 - direction] = 0;
  return Action.Count;
}

/** INIT and INIT ACK set the tag that the other side must use. @returns false for an INIT ACK without an INIT from the other side */
function noteTags(words: Int32Array, packet: Packet, base: number, direction: number, type: number, at: number): boolean {
  const memory = words[base + ProtocolState]!;
  if (type === Type.CookieAck) words[base + ProtocolState] = memory & ~(InitSeen | (InitSeen << 1));
  if (type !== Type.Init && type !== Type.InitAck) return true;
  if (at + 20 > packet.l4At + packet.l4There) return false;
  const other = base + Tag + 1 - direction;
  const tag = initiateTag(packet, at);
  if (type === Type.Init) words[base + ProtocolState] = memory | (InitSeen << direction);
  else if ((memory & (InitSeen << (1 - direction))) === 0 && words[other] !== 0 && words[other] !== tag) return false;
  words[other] = tag;
  return true;
}

/** RFC 9260. */
export const sctp: TrackedProtocol = {
  key: portsKey,
  refuse: refuseSctp,
  mayBegin: (_flows, packet) => mayBeginSctp(packet),
  begin: beginSctp,
  handle: handleSctp,
};
