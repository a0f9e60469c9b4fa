export * from './algorithm.ts';
export type { Codec, Coder, Progress } from './coder.ts';
export * from './message-compressor.ts';
export * from './message-decompressor.ts';
export * from './transform-header.ts';
