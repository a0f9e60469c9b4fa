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

/** Whether a type reports an error about another packet. */
export const isIcmpv6Error = (type: number): boolean => type < firstInformational;

/** Multicast listener discovery (RFC 3810, RFC 4286) and neighbour discovery (RFC 4861): never tracked. */
export const isUntrackedIcmpv6 = (type: number): boolean => (type >= 130 && type <= 136) || type === 143 || type === 151;

/** Whether a type has a reply type; only these messages have flows. */
export const icmpv6HasReply = (type: number): boolean => opposite[type] !== 0;

/** The key of replies to a message with this key. */
export const invertIcmpv6 = (ports: number): number => (ports & 0xffff00ff) | ((opposite[(ports >>> 8) & 255]! - 1) << 8);

/** Only requests create a flow. */
export const mayBeginIcmpv6 = (ports: number): boolean => {
  const type = (ports >>> 8) & 255;
  return type === 128 || type === 139;
};
