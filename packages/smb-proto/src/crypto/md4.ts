const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));

/** Rounds two and three read the block in these orders, RFC 1320 3.4. */
const order2 = [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15];
const order3 = [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15];
const shifts1 = [3, 7, 11, 19];
const shifts2 = [3, 5, 9, 13];
const shifts3 = [3, 9, 11, 15];

/** One block of 64 bytes, RFC 1320 3.4. */
function compress(state: Int32Array, x: Int32Array): void {
  let [a, b, c, d] = state as unknown as [number, number, number, number];
  const turn = (mixed: number, word: number, constant: number, shift: number): void => {
    const next = rotate((a + mixed + word + constant) | 0, shift);
    [a, b, c, d] = [d, next, b, c];
  };
  for (let i = 0; i < 16; i++) turn((b & c) | (~b & d), x[i]!, 0, shifts1[i & 3]!);
  for (let i = 0; i < 16; i++) turn((b & c) | (b & d) | (c & d), x[order2[i]!]!, 0x5a827999, shifts2[i & 3]!);
  for (let i = 0; i < 16; i++) turn(b ^ c ^ d, x[order3[i]!]!, 0x6ed9eba1, shifts3[i & 3]!);
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
}

/**
 * The MD4 digest of a message, RFC 1320: used only for the NT hash (MS-NLMP 3.3.1). OpenSSL 3 does not offer it.
 * @returns 16 bytes
 */
export function md4(message: Uint8Array): Uint8Array {
  const padded = new Uint8Array((message.length + 9 + 63) & ~63);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(message.length) * 8n, true);
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  const block = new Int32Array(16);
  for (let at = 0; at < padded.length; at += 64) {
    for (let i = 0; i < 16; i++) block[i] = view.getInt32(at + i * 4, true);
    compress(state, block);
  }
  const digest = new DataView(new ArrayBuffer(16));
  state.forEach((word, i) => {
    digest.setInt32(i * 4, word, true);
  });
  return new Uint8Array(digest.buffer);
}
