export * from './attrs.ts';
export { type Codec, encode, linked, raw, sequence, utf16 as utf16Text } from './codec.ts';
export * from './errors.ts';
export * from './field.ts';
export * from './frame.ts';
export { generate } from './generate.ts';
export * from './hex.ts';
export {
  buffer,
  type Encoded,
  items,
  type Locators,
  type Message,
  type MessageOptions,
  message,
  type Part,
  type PartOptions,
  type Parts,
  part,
  payload,
  type ReadMessage,
  utf16,
  type WriteMessage,
} from './message.ts';
export * from './names.ts';
export * from './slab.ts';
export * from './struct.ts';
