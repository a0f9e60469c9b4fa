export { createNodeStore, type NodeStoreOptions } from './node-store.ts';
