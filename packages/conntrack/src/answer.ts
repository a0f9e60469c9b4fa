import type { PacketClass } from './packet/packet.ts';

// an answer of `track`: the flow's index + 1 in the high bits, the direction in bit 3, the class below

/** The packet's class in an answer of `track`. */
export const classOf = (answer: number): PacketClass => (answer & 7) as PacketClass;
/** The packet's direction in an answer of `track`: 0 original, 1 reply. */
export const directionOf = (answer: number): number => (answer >>> 3) & 1;
/** The flow in an answer of `track`, or -1. */
export const flowOf = (answer: number): number => (answer >>> 4) - 1;
/** Puts an answer together. @param flow its index, or -1 */
export const answerOf = (packetClass: number, direction: number, flow: number): number =>
  ((flow + 1) << 4) | (direction << 3) | packetClass;
