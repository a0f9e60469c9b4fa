import { createHmac } from 'node:crypto';

/**
 * SP800-108 5.1 in counter mode with HMAC-SHA256 and a 32-bit counter, MS-SMB2 3.1.4.2. One round is enough for the key lengths of SMB.
 * @param label with its terminating NUL, as MS-SMB2 counts it
 * @returns `bits` / 8 bytes
 */
export function deriveKey(key: Uint8Array, label: Uint8Array, context: Uint8Array, bits: 128 | 256): Uint8Array {
  const tail = Uint8Array.of(0, 0, bits >>> 8, bits & 255);
  const hmac = createHmac('sha256', key)
    .update(Uint8Array.of(0, 0, 0, 1))
    .update(label)
    .update(Uint8Array.of(0))
    .update(context)
    .update(tail);
  return new Uint8Array(hmac.digest().subarray(0, bits / 8));
}

/** The keys of one session (or, for signing, of one channel), MS-SMB2 3.3.5.5.3. Each is named after its user. */
export interface SessionKeys {
  /** 16 bytes. */
  readonly signing: Uint8Array;
  /** 16 bytes, for higher layers (Session.ApplicationKey). */
  readonly application: Uint8Array;
  /** The client's encryption key: the server's DecryptionKey. 16 or 32 bytes. */
  readonly clientToServer: Uint8Array;
  /** The server's encryption key: the server's EncryptionKey. 16 or 32 bytes. */
  readonly serverToClient: Uint8Array;
}

const text = (value: string): Uint8Array => new TextEncoder().encode(`${value}\0`);
const labels30 = [
  [text('SMB2AESCMAC'), text('SmbSign')],
  [text('SMB2APP'), text('SmbRpc')],
  [text('SMB2AESCCM'), text('ServerIn ')],
  [text('SMB2AESCCM'), text('ServerOut')],
] as const;
const labels311 = ['SMBSigningKey', 'SMBAppKey', 'SMBC2SCipherKey', 'SMBS2CCipherKey'].map(text) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

/** The first 16 bytes of the mechanism's key, padded with zeros: Session.SessionKey, MS-SMB2 3.3.1.8. */
export function sessionKeyOf(key: Uint8Array): Uint8Array {
  const padded = new Uint8Array(16);
  padded.set(key.subarray(0, 16));
  return padded;
}

/**
 * All keys of a session, MS-SMB2 3.3.5.5.3 and 3.2.5.3.1. Signing and application keys are 128 bits long and come from the first 16 bytes of the
 * mechanism's key; 256-bit cipher keys from all of it (Session.FullSessionKey). Dialects before 3.0 sign with the session key itself and do not encrypt.
 * @param fullSessionKey the mechanism's key
 * @param preauthHash Session.PreauthIntegrityHashValue, dialect 3.1.1 only
 */
export function sessionKeys(
  dialect: number,
  fullSessionKey: Uint8Array,
  preauthHash: Uint8Array | undefined,
  cipherBits: 128 | 256 = 128,
): SessionKeys {
  const key = sessionKeyOf(fullSessionKey);
  if (dialect < 0x0300) return { signing: key, application: key, clientToServer: new Uint8Array(), serverToClient: new Uint8Array() };
  if (dialect >= 0x0311 && preauthHash === undefined) throw new TypeError('dialect 3.1.1 derives its keys from the preauthentication hash');
  const cipherKey = cipherBits === 256 ? fullSessionKey : key;
  const derived = (index: 0 | 1 | 2 | 3, from: Uint8Array, bits: 128 | 256): Uint8Array =>
    dialect >= 0x0311
      ? deriveKey(from, labels311[index], preauthHash as Uint8Array, bits)
      : deriveKey(from, labels30[index][0], labels30[index][1], bits);
  return {
    signing: derived(0, key, 128),
    application: derived(1, key, 128),
    clientToServer: derived(2, cipherKey, cipherBits),
    serverToClient: derived(3, cipherKey, cipherBits),
  };
}
