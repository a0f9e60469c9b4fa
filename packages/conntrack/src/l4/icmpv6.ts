import { Protocol } from '../engine.ts';
import type { Packet } from '../packet/packet.ts';
import { checksumRight } from '../packet/read.ts';
import { FlowWords } from '../table/layout.ts';
import type { Tracker } from '../tracker.ts';
import { Action } from './action.ts';

/** Requests and their replies: the index is the type, the value the opposite type + 1. RFC 4443, RFC 4620. */
const opposite = new Uint8Array(256);
for (const [request, answer] of [
  [128, 129], // echo
  [139, 140], // node information
] as const) {
  opposite[request] = answer + 1;
  opposite[answer] = request + 1;
}

/** Informational messages start here; below are errors. RFC 4443 section 2.1. */
const firstInformational = 128;
const redirect = 137;

/** Whether a type reports an error about another packet. */
export const isIcmpv6Error = (type: number): boolean => type < firstInformational;

/** Multicast listener discovery (RFC 3810, RFC 4286) and neighbour discovery (RFC 4861): never tracked. */
export const isUntrackedIcmpv6 = (type: number): boolean => (type >= 130 && type <= 136) || type === 143 || type === 151;

/** @returns the reason why the message is invalid, or undefined */
export function refuseIcmpv6(packet: Packet, checksum: boolean): string | undefined {
  if (packet.l4There < 8) return 'short packet';
  if (checksum && !checksumRight(packet, Protocol.Icmpv6, packet.l4Length)) return 'ICMPv6 checksum failed';
  if (packet.view.getUint8(packet.l4At) !== redirect) return undefined;
  // RFC 4861 section 8.1; Linux looks at the source and the hop limit only if the code is 0, as it should be
  if (packet.l4There < 40) return 'short redirect';
  if (packet.view.getUint8(packet.l4At + 1) !== 0) return undefined;
  if (packet.hopLimit !== 255 || packet.source0 >>> 22 !== 0xfe80 >>> 6) return 'invalid saddr or hoplimit for redirect';
  return undefined;
}

/** The key is id, type and code. @returns false if the message is too short or the type has no reply type */
export function readIcmpv6(packet: Packet): boolean {
  if (packet.l4There < 8) return false;
  const { view, l4At } = packet;
  packet.ports = (view.getUint16(l4At + 4, false) << 16) | view.getUint16(l4At, false);
  return opposite[view.getUint8(l4At)] !== 0;
}

/** Whether a type has a reply type; only these messages have flows. */
export const icmpv6HasReply = (type: number): boolean => opposite[type] !== 0;

/** The key of replies to a message with this key. */
export const invertIcmpv6 = (ports: number): number => (ports & 0xffff00ff) | ((opposite[(ports >>> 8) & 255]! - 1) << 8);

/** Only requests create a flow. */
export const mayBeginIcmpv6 = (ports: number): boolean => {
  const type = (ports >>> 8) & 255;
  return type === 128 || type === 139;
};

/** Tracks one message of a flow. */
export function handleIcmpv6(tracker: Tracker, flow: number): Action {
  tracker.refresh(flow, tracker.extras.timeoutsOf(flow * FlowWords, tracker.timeouts.icmpv6)[0]!);
  return Action.Count;
}
