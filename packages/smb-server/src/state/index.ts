export * from './byte-range-locks.ts';
export * from './caching.ts';
export * from './file-state.ts';
export * from './guard.ts';
export * from './local-file-state.ts';
export * from './oplocks.ts';
export * from './share-mode.ts';
