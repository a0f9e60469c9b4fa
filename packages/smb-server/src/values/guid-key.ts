/** A GUID, or the 16 bytes of a lease key, as the key of a map. */
export const guidKey = (guid: Uint8Array): string => Buffer.from(guid).toString('latin1');

/** The key of the GUID of zeros. */
export const noGuid = guidKey(new Uint8Array(16));
