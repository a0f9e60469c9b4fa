export { type Before, type Call, type HandleCall, intercept, type Way, wrap } from './intercept.ts';
export * from './match-expression.ts';
export { createMemoryStore, type MemoryOptions, type MemoryStore } from './memory/memory-store.ts';
export * from './names.ts';
export * from './read-only.ts';
export * from './vfs.ts';
export * from './vfs-error.ts';
export * from './with-faults.ts';
export * from './without-features.ts';
