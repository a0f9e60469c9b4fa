/** The source of keys, nonces and challenges; kit's `Random` implements it. */
export interface RandomBytes {
  /** Fills and returns the array. */
  fill<T extends Uint8Array>(bytes: T): T;
}
