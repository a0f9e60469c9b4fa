import { fold, sumWords } from '../packet/checksum.ts';
import type { Packet } from '../packet/packet.ts';
import { FlowWords } from '../table/layout.ts';
import type { Tracker } from '../tracker.ts';
import { Action } from './action.ts';

/** Requests and their replies, RFC 792 and RFC 950: the index is the type, the value the opposite type + 1. */
const opposite = new Uint8Array(256);
for (const [request, answer] of [
  [8, 0], // echo
  [13, 14], // timestamp
  [15, 16], // information
  [17, 18], // address mask
] as const) {
  opposite[request] = answer + 1;
  opposite[answer] = request + 1;
}
/** NR_ICMP_TYPES: the highest known type. */
const highestType = 18;

/** Whether a type reports an error about another packet. */
export const isIcmpError = (type: number): boolean => type === 3 || type === 4 || type === 5 || type === 11 || type === 12;

/** @returns the reason why the message is invalid, or undefined */
export function refuseIcmp(packet: Packet, checksum: boolean): string | undefined {
  if (packet.l4There < 8) return 'short packet';
  if (checksum && packet.l4There === packet.l4Length && fold(sumWords(packet.view, packet.l4At, packet.l4Length)) !== 0xffff) {
    return 'bad hw icmp checksum';
  }
  if (packet.view.getUint8(packet.l4At) > highestType) return 'invalid icmp type';
  return undefined;
}

/** The key is id, type and code. @returns false if the message is too short or the type has no reply type */
export function readIcmp(packet: Packet): boolean {
  if (packet.l4There < 8) return false;
  const { view, l4At } = packet;
  packet.ports = (view.getUint16(l4At + 4, false) << 16) | view.getUint16(l4At, false);
  return opposite[view.getUint8(l4At)] !== 0;
}

/** Whether a type has a reply type; only these messages have flows. */
export const icmpHasReply = (type: number): boolean => opposite[type] !== 0;

/** The key of replies to a message with this key. */
export const invertIcmp = (ports: number): number => (ports & 0xffff00ff) | ((opposite[(ports >>> 8) & 255]! - 1) << 8);

/** Only requests create a flow. */
export const mayBeginIcmp = (ports: number): boolean => {
  const type = (ports >>> 8) & 255;
  return type === 8 || type === 13 || type === 15 || type === 17;
};

/** Tracks one message of a flow. */
export function handleIcmp(tracker: Tracker, flow: number): Action {
  tracker.refresh(flow, tracker.extras.timeoutsOf(flow * FlowWords, tracker.timeouts.icmp)[0]!);
  return Action.Count;
}
