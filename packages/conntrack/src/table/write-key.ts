import { Family } from '../engine.ts';
import type { Packet } from '../packet/packet.ts';
import { invertPorts, metaOf } from '../tuple.ts';
import type { FlowTable } from './flow-table.ts';
import { FlowFlag, FlowWords, ZoneAndFlags } from './layout.ts';

/**
 * Writes the two tuples of a flow that a packet creates: the packet's, and its mirror.
 * @param zone 0: none
 * @param only the direction whose tuple has the zone; default: both
 */
export function writeKey(
  { words, wide }: FlowTable,
  flow: number,
  packet: Packet,
  zone: number,
  only: 'original' | 'reply' | undefined,
): void {
  const base = flow * FlowWords;
  const zoned = zone === 0 ? 0 : (only !== 'reply' ? FlowFlag.ZoneOrig : 0) | (only !== 'original' ? FlowFlag.ZoneReply : 0);
  words[base + ZoneAndFlags] = words[base + ZoneAndFlags]! | zoned | zone;
  words[base + 2] = packet.ports;
  words[base + 3] = packet.meta;
  words[base + 6] = invertPorts(packet.protocol, packet.ports);
  words[base + 7] = metaOf(packet.family, packet.protocol, only === 'original' ? 0 : zone);
  if (packet.family === Family.Ipv4) {
    words[base] = packet.source0;
    words[base + 1] = packet.destination0;
    words[base + 4] = packet.destination0;
    words[base + 5] = packet.source0;
    return;
  }
  words[base] = packet.source3;
  words[base + 1] = packet.destination3;
  words[base + 4] = packet.destination3;
  words[base + 5] = packet.source3;
  const far = flow * 16;
  wide[far] = wide[far + 12] = packet.source0;
  wide[far + 1] = wide[far + 13] = packet.source1;
  wide[far + 2] = wide[far + 14] = packet.source2;
  wide[far + 3] = wide[far + 15] = packet.source3;
  wide[far + 4] = wide[far + 8] = packet.destination0;
  wide[far + 5] = wide[far + 9] = packet.destination1;
  wide[far + 6] = wide[far + 10] = packet.destination2;
  wide[far + 7] = wide[far + 11] = packet.destination3;
}
