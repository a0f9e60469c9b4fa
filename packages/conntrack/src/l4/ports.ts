import type { Packet } from '../packet/packet.ts';

/** The key is the two ports: TCP, UDP, UDP-Lite and SCTP. @returns the reason why the packet is invalid, or undefined */
export function portsKey(packet: Packet): string | undefined {
  if (packet.l4There < 4) return 'short packet';
  packet.ports = packet.view.getInt32(packet.l4At, false);
  return undefined;
}
