import { Protocol } from '../engine.ts';
import type { Flows } from '../flows.ts';
import type { Packet } from '../packet/packet.ts';
import type { Action } from './action.ts';
import { generic } from './generic.ts';
import { gre } from './gre.ts';
import { icmp } from './icmp.ts';
import { icmpv6 } from './icmpv6.ts';
import type { TrackedProtocol } from './protocol.ts';
import { sctp } from './sctp.ts';
import { handleTcp, tcp } from './tcp.ts';
import { handleUdp, streamAge, udp, udpLite } from './udp.ts';

/** The tracked protocols by number; all others are generic. */
const rows: readonly TrackedProtocol[] = Array.from({ length: 256 }, (_, protocol) => {
  switch (protocol) {
    case Protocol.Icmp:
      return icmp;
    case Protocol.Tcp:
      return tcp;
    case Protocol.Udp:
      return udp;
    case Protocol.Gre:
      return gre;
    case Protocol.Icmpv6:
      return icmpv6;
    case Protocol.Sctp:
      return sctp;
    case Protocol.UdpLite:
      return udpLite;
    default:
      return generic;
  }
});

/** The row of a packet's protocol. */
export const protocolOf = (packet: Packet): TrackedProtocol => rows[packet.protocol]!;

/** Tracks one packet of a flow. TCP and UDP, nearly all packets, are called directly, which V8 inlines. */
export function handle(flows: Flows, packet: Packet, flow: number, direction: number): Action {
  if (packet.protocol === Protocol.Tcp) return handleTcp(flows, packet, flow, direction);
  if (packet.protocol === Protocol.Udp) return handleUdp(flows, flow, streamAge);
  return protocolOf(packet).handle(flows, packet, flow, direction);
}
