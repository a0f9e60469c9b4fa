export { createNodeStore, type NodeStoreOptions } from './node-store.ts';
export { openStoreInThread } from './thread/threaded-store.ts';
