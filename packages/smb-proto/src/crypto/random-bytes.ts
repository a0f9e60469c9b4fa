/** Where keys, nonces and challenges come from; kit's `Random` is one. */
export interface RandomBytes {
  /** Fills and returns the array. */
  fill<T extends Uint8Array>(bytes: T): T;
}
