import { Family, Protocol } from '../engine.ts';
import type { Flows } from '../flows.ts';
import type { Packet } from '../packet/packet.ts';
import type { Action } from './action.ts';
import { handleGeneric } from './generic.ts';
import { beginGre, handleGre, readGre } from './gre.ts';
import { handleIcmp, readIcmp } from './icmp.ts';
import { mayBeginIcmp } from './icmp-types.ts';
import { handleIcmpv6, readIcmpv6 } from './icmpv6.ts';
import { mayBeginIcmpv6 } from './icmpv6-types.ts';
import { beginSctp, handleSctp, mayBeginSctp, refuseSctp } from './sctp.ts';
import { beginTcp, handleTcp, mayBeginTcp, readPorts, refuseTcp } from './tcp.ts';
import { handleUdp, refuseUdp, refuseUdpLite, streamAge } from './udp.ts';

/** Reads the protocol's part of the key into `packet.ports`. @returns the reason why the packet is invalid, or undefined */
export function readKey(packet: Packet): string | undefined {
  switch (packet.protocol) {
    case Protocol.Tcp:
    case Protocol.Udp:
    case Protocol.UdpLite:
    case Protocol.Sctp:
      return readPorts(packet) ? undefined : 'short packet';
    case Protocol.Gre:
      return readGre(packet);
    case Protocol.Icmp:
      return packet.family === Family.Ipv4 && readIcmp(packet) ? undefined : 'no answer to this type';
    case Protocol.Icmpv6:
      return packet.family === Family.Ipv6 && readIcmpv6(packet) ? undefined : 'no answer to this type';
    default:
      packet.ports = 0;
      return undefined;
  }
}

/** Checks the transport header and its checksum. @returns the reason why the packet is invalid, or undefined */
export function refuse(packet: Packet, checksum: boolean): string | undefined {
  switch (packet.protocol) {
    case Protocol.Tcp:
      return refuseTcp(packet, checksum);
    case Protocol.Udp:
      return refuseUdp(packet, checksum);
    case Protocol.UdpLite:
      return refuseUdpLite(packet, checksum);
    case Protocol.Sctp:
      return refuseSctp(packet, checksum);
    default:
      return undefined;
  }
}

/** Whether a packet may create a flow. */
export function mayBegin(flows: Flows, packet: Packet): boolean {
  switch (packet.protocol) {
    case Protocol.Tcp:
      return mayBeginTcp(flows, packet);
    case Protocol.Icmp:
      return mayBeginIcmp(packet.ports);
    case Protocol.Icmpv6:
      return mayBeginIcmpv6(packet.ports);
    case Protocol.Sctp:
      return mayBeginSctp(packet);
    default:
      return true;
  }
}

/** Initialises the protocol's part of a new flow. */
export function begin(flows: Flows, packet: Packet, flow: number): void {
  if (packet.protocol === Protocol.Tcp) beginTcp(flows, packet, flow);
  else if (packet.protocol === Protocol.Sctp) beginSctp(flows, packet, flow);
  else if (packet.protocol === Protocol.Gre) beginGre(flows, flow);
}

/** Tracks one packet of a flow. */
export function handle(flows: Flows, packet: Packet, flow: number, direction: number): Action {
  switch (packet.protocol) {
    case Protocol.Tcp:
      return handleTcp(flows, packet, flow, direction);
    case Protocol.Udp:
      return handleUdp(flows, flow, streamAge);
    case Protocol.UdpLite:
      return handleUdp(flows, flow, 0);
    case Protocol.Icmp:
      return handleIcmp(flows, flow);
    case Protocol.Icmpv6:
      return handleIcmpv6(flows, flow);
    case Protocol.Sctp:
      return handleSctp(flows, packet, flow, direction);
    case Protocol.Gre:
      return handleGre(flows, flow);
    default:
      return handleGeneric(flows, flow);
  }
}
