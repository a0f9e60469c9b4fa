import { vfsContract } from '../contract/index.ts';
import { createMemoryStore } from './memory-store.ts';

vfsContract('the memory store', () => createMemoryStore());
