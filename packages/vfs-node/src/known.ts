/** Metadata for which the host has no field. */
export interface Description {
  readonly attributes: number | undefined;
  readonly birth: bigint | undefined;
  /** A change time that a client set, and the host's change time at that moment. */
  readonly setChanged: { readonly reported: bigint; readonly host: bigint } | undefined;
}

/**
 * Cached information about a file, open or not. It is valid until the host's change time moves, which every change of attributes causes.
 * The store's own changes invalidate it at once.
 */
export interface Known {
  readonly changed: bigint;
  readonly birth: bigint | undefined;
  readonly fileId: string;
  /** Metadata for which the host has no field, after the first read. */
  description: Description | undefined;
  /** The security descriptor, after the first read; null if it does not exist. */
  descriptor: Uint8Array | null | undefined;
  /** Names and lengths of the extended attributes, after the first listing; null if there are none. */
  xattrSizes: ReadonlyMap<string, number> | null | undefined;
}
