export * from './crypto/index.ts';
export * from './status.ts';
