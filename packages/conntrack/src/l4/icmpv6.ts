import { Family, Protocol } from '../engine.ts';
import type { Flows } from '../flows.ts';
import type { Packet } from '../packet/packet.ts';
import { checksumRight } from '../packet/read.ts';
import { FlowWords } from '../table/layout.ts';
import { Action } from './action.ts';
import { icmpv6HasReply, mayBeginIcmpv6 } from './icmpv6-types.ts';
import { plain, type TrackedProtocol } from './protocol.ts';

const redirect = 137;

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
  return icmpv6HasReply(view.getUint8(l4At));
}

/** Tracks one message of a flow. */
function handleIcmpv6(flows: Flows, flow: number): Action {
  flows.refresh(flow, flows.extras.timeoutsOf(flow * FlowWords, flows.timeouts.icmpv6)[0]!);
  return Action.Count;
}

/** RFC 4443. The tracker has checked the header: an error may be related to a flow. */
export const icmpv6: TrackedProtocol = {
  ...plain,
  key: (packet) => (packet.family === Family.Ipv6 && readIcmpv6(packet) ? undefined : 'no answer to this type'),
  mayBegin: (_flows, packet) => mayBeginIcmpv6(packet.ports),
  handle: (flows, _packet, flow) => handleIcmpv6(flows, flow),
};
