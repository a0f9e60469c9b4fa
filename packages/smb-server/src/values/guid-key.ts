/** A GUID, or the 16 bytes of a lease key, as the key of a map. */
export const guidKey = (guid: Uint8Array): string => Buffer.from(guid).toString('latin1');

/** The bytes of a key, hexadecimal, and back. */
export const hexOf = (key: string): string => Buffer.from(key, 'latin1').toString('hex');
export const keyOfHex = (hex: string): string => Buffer.from(hex, 'hex').toString('latin1');

/** The key of the GUID of zeros. */
export const noGuid = guidKey(new Uint8Array(16));
