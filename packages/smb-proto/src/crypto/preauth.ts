import { createHash } from 'node:crypto';

/** The preauthentication integrity value before the first message: 64 zero bytes, MS-SMB2 3.3.5.4. */
export const initialPreauthHash: Uint8Array = new Uint8Array(64);

/**
 * Adds one NEGOTIATE or SESSION_SETUP message to the hash chain, MS-SMB2 3.3.5.4 and 3.3.5.5: SHA-512 of the value so far and the message.
 * @param message the message's bytes from its SMB2 header on, in chunks, as sent
 * @returns the next value, 64 bytes; the argument is not changed, so that each session setup continues from its connection's value
 */
export function preauthHash(previous: Uint8Array, message: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha512').update(previous);
  for (const chunk of message) hash.update(chunk);
  return new Uint8Array(hash.digest());
}
