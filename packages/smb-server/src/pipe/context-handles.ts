import type { NdrReader, NdrWriter } from './ndr.ts';

const length = 20;
const none = new Uint8Array(length);

/** The context handles of one association, C706 5.1.6: each names an object, until it is closed or the association ends. */
export class ContextHandles<T> {
  readonly #objects = new Map<number, T>();
  readonly #max: number;
  #next = 1;

  /** @param max maximum number of open handles */
  constructor(max: number) {
    this.#max = max;
  }

  /** Whether no more handles can be opened. */
  get full(): boolean {
    return this.#objects.size >= this.#max;
  }

  /** Opens a handle and writes it. */
  open(out: NdrWriter, object: T): NdrWriter {
    const number = this.#next++;
    this.#objects.set(number, object);
    const handle = new Uint8Array(length);
    new DataView(handle.buffer).setUint32(4, number, true);
    return out.bytes(handle, 4);
  }

  /** Writes a null handle: the operation failed, or the handle was closed. */
  writeNone(out: NdrWriter): NdrWriter {
    return out.bytes(none, 4);
  }

  /** @returns the object of the handle in a request, and the function that closes it; undefined for any other handle */
  read(input: NdrReader): { readonly object: T; close(): void } | undefined {
    const handle = input.bytes(length, 4, 'handle');
    const view = new DataView(handle.buffer, handle.byteOffset, length);
    const number = view.getUint32(4, true);
    for (const at of [0, 8, 12, 16]) if (view.getUint32(at, true) !== 0) return undefined;
    const object = this.#objects.get(number);
    return object === undefined ? undefined : { object, close: () => void this.#objects.delete(number) };
  }
}
