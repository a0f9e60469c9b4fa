export { createNodeStore, type NodeStoreOptions } from './node-store.ts';
export { type OpeningStore, openStoreInProcess } from './process/process-store.ts';
