/** Bytes that do not match their declaration. Names the structure, the field and the offset in the frame. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  readonly structure: string;
  readonly field: string;
  /** Bytes from the start of the frame. */
  readonly offset: number;
  constructor(structure: string, field: string, offset: number, what: string) {
    super(`${structure}.${field} at byte ${offset}: ${what}`);
    this.structure = structure;
    this.field = field;
    this.offset = offset;
  }
}

/** A value that its declaration cannot express on the wire: a string too long, a number out of range. */
export class EncodeError extends Error {
  override readonly name = 'EncodeError';
}
