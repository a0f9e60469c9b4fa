import type { Codec, Field } from '@ring3/wire';

/** One number of a list: a field as a codec. */
export const scalar = (field: Field<number>): Codec<number> => ({
  read: (frame, at, length) => {
    frame.slice(at, Math.min(length, field.size) === field.size ? field.size : Number.MAX_SAFE_INTEGER, 'list', 'element');
    return field.read(frame, at);
  },
  size: () => field.size,
  write: field.write,
  random: field.random,
  print: field.print,
});
