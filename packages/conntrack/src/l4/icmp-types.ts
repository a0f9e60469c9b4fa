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
/** Whether a type reports an error about another packet. */
export const isIcmpError = (type: number): boolean => type === 3 || type === 4 || type === 5 || type === 11 || type === 12;

/** Whether a type has a reply type; only these messages have flows. */
export const icmpHasReply = (type: number): boolean => opposite[type] !== 0;

/** The key of replies to a message with this key. */
export const invertIcmp = (ports: number): number => (ports & 0xffff00ff) | ((opposite[(ports >>> 8) & 255]! - 1) << 8);

/** Only requests create a flow. */
export const mayBeginIcmp = (ports: number): boolean => {
  const type = (ports >>> 8) & 255;
  return type === 8 || type === 13 || type === 15 || type === 17;
};
