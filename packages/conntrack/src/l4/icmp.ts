import { Family } from '../engine.ts';
import type { Flows } from '../flows.ts';
import { fold, sumWords } from '../packet/checksum.ts';
import type { Packet } from '../packet/packet.ts';
import { FlowWords } from '../table/layout.ts';
import { Action } from './action.ts';
import { icmpHasReply, mayBeginIcmp } from './icmp-types.ts';
import { plain, type TrackedProtocol } from './protocol.ts';

/** NR_ICMP_TYPES: the highest known type. */
const highestType = 18;

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
  return icmpHasReply(view.getUint8(l4At));
}

/** Tracks one message of a flow. */
function handleIcmp(flows: Flows, flow: number): Action {
  flows.refresh(flow, flows.extras.timeoutsOf(flow * FlowWords, flows.timeouts.icmp)[0]!);
  return Action.Count;
}

/** RFC 792. The tracker has checked the header: an error may be related to a flow. */
export const icmp: TrackedProtocol = {
  ...plain,
  key: (packet) => (packet.family === Family.Ipv4 && readIcmp(packet) ? undefined : 'no answer to this type'),
  mayBegin: (_flows, packet) => mayBeginIcmp(packet.ports),
  handle: (flows, _packet, flow) => handleIcmp(flows, flow),
};
