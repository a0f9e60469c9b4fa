import { DecodeError, EncodeError } from './errors.ts';
import type { Draw } from './field.ts';
import type { Frame } from './frame.ts';

/**
 * A value of variable size. `length` is the size of the window; a codec reads only inside the window. `Input` is the type that a writer accepts,
 * if it differs from the type that a reader returns.
 */
export interface Codec<T, Input = T> {
  /** @throws DecodeError if the window is too short or its content is invalid. */
  read(frame: Frame, at: number, length: number): T;
  /** The number of bytes that `write` fills. */
  size(value: Input): number;
  /** Writes into bytes that are zero. */
  write(frame: Frame, at: number, value: Input): void;
  random(draw: Draw): T;
  print(value: T): string;
}

const decoder = new TextDecoder('utf-16le', { ignoreBOM: true, fatal: false });

/** UTF-16LE without a terminator. Lone surrogates are kept as they are. */
export const utf16: Codec<string> = {
  read: (frame, at, length) => {
    if (length % 2 !== 0) throw new DecodeError('UTF-16', 'length', at, `an even number of bytes wanted, ${length} found`);
    if (at + length > frame.bytes.length) frame.slice(at, length, 'UTF-16', 'text');
    if (length > 256) {
      const text = decoder.decode(frame.bytes.subarray(at, at + length));
      if (!text.includes('\ufffd')) return text; // TextDecoder would replace lone surrogates
    }
    const view = frame.view;
    let text = '';
    for (let end = at + length; at < end; at += 2) text += String.fromCharCode(view.getUint16(at, true));
    return text;
  },
  size: (value) => value.length * 2,
  write: (frame, at, value) => {
    const view = frame.view;
    for (let i = 0; i < value.length; i++) view.setUint16(at + i * 2, value.charCodeAt(i), true);
  },
  random: (draw) => String.fromCharCode(...Array.from({ length: draw() % 20 }, () => draw() & 0xffff)),
  print: (value) => JSON.stringify(value),
};

/** Raw bytes, as a view of the head. */
export const raw: Codec<Uint8Array> = {
  read: (frame, at, length) => frame.slice(at, length, 'bytes', 'data'),
  size: (value) => value.length,
  write: (frame, at, value) => frame.bytes.set(value, at),
  random: (draw) => Uint8Array.from({ length: draw() % 40 }, () => draw()),
  print: (value) => Buffer.from(value).toString('hex'),
};

/** The elements of a list that each begin with the u32 distance to the next one (0: the last), counted from their own start. */
export function linked<T, Input>(element: Codec<T, Input>, align: 1 | 4 | 8, limit = 4096): Codec<T[], Input[]> {
  const padded = (size: number): number => (size + align - 1) & -align;
  return {
    read: (frame, at, length) => {
      const found: T[] = [];
      if (length === 0) return found;
      for (;;) {
        if (length < 4) throw new DecodeError('list', 'next', at, `4 bytes wanted, ${length} there`);
        frame.slice(at, 4, 'list', 'next');
        const next = frame.view.getUint32(at, true);
        if (next !== 0 && (next < 4 || next > length || next % align !== 0)) {
          throw new DecodeError('list', 'next', at, `distance ${next}, ${length} bytes left, aligned to ${align}`);
        }
        found.push(element.read(frame, at, next === 0 ? length : next));
        if (next === 0) return found;
        if (found.length >= limit) throw new DecodeError('list', 'next', at, `more than ${limit} elements`);
        at += next;
        length -= next;
      }
    },
    size: (values) =>
      values.reduce((sum, value, i) => sum + (i + 1 < values.length ? padded(element.size(value)) : element.size(value)), 0),
    write: (frame, at, values) => {
      values.forEach((value, i) => {
        const size = padded(element.size(value));
        element.write(frame, at, value);
        frame.view.setUint32(at, i + 1 < values.length ? size : 0, true);
        at += size;
      });
    },
    random: (draw) => Array.from({ length: draw() % 4 }, () => element.random(draw)),
    print: (values) => `[${values.map((value) => element.print(value)).join(', ')}]`,
  };
}

/** Elements one after another until the window ends; each states its own size and starts at a multiple of `align` from the first. */
export function sequence<T, Input>(element: Codec<T, Input>, align: 1 | 2 | 4 | 8 = 1, limit = 65536): Codec<T[], Input[]> {
  const padded = (size: number): number => (size + align - 1) & -align;
  return {
    read: (frame, at, length) => {
      const found: T[] = [];
      const end = at + length;
      while (at < end) {
        if (found.length >= limit) throw new DecodeError('list', 'count', at, `more than ${limit} elements`);
        const value = element.read(frame, at, end - at);
        const size = padded(element.size(value as unknown as Input));
        if (size === 0) throw new DecodeError('list', 'element', at, 'an element of no bytes');
        found.push(value);
        at += size;
      }
      return found;
    },
    size: (values) =>
      values.reduce((sum, value, i) => sum + (i + 1 < values.length ? padded(element.size(value)) : element.size(value)), 0),
    write: (frame, at, values) => {
      for (const value of values) {
        element.write(frame, at, value);
        at += padded(element.size(value));
      }
    },
    random: (draw) => Array.from({ length: draw() % 4 }, () => element.random(draw)),
    print: (values) => `[${values.map((value) => element.print(value)).join(', ')}]`,
  };
}

/** Writes a value into new bytes. @throws EncodeError if the value cannot be expressed. */
export function encode<Input>(codec: Codec<unknown, Input>, value: Input, frameOf: (length: number) => Frame): Uint8Array {
  const size = codec.size(value);
  if (!Number.isSafeInteger(size)) throw new EncodeError(`a size of ${size} bytes`);
  const frame = frameOf(size);
  codec.write(frame, 0, value);
  return frame.bytes;
}
