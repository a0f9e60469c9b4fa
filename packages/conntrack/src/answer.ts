import type { PacketClass } from './packet/packet.ts';

// a result of `track`: the flow's index + 1 in the high bits, the direction in bit 3, the class in bits 0 to 2

/** The packet's class in a result of `track`. */
export const classOf = (answer: number): PacketClass => (answer & 7) as PacketClass;
/** The packet's direction in a result of `track`: 0 original, 1 reply. */
export const directionOf = (answer: number): number => (answer >>> 3) & 1;
/** The flow's index in a result of `track`, or -1 if the packet has no flow. */
export const flowOf = (answer: number): number => (answer >>> 4) - 1;
/** Encodes a result of `track`. @param flow the flow's index, or -1 */
export const answerOf = (packetClass: number, direction: number, flow: number): number =>
  ((flow + 1) << 4) | (direction << 3) | packetClass;
