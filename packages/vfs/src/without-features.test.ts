import { vfsContract } from './contract/index.ts';
import { createMemoryStore } from './memory/memory-store.ts';
import { withoutFeatures } from './without-features.ts';

vfsContract('a store with nothing but what it must have', () => {
  const store = createMemoryStore();
  return withoutFeatures(store, store.features);
});

vfsContract('a store without streams and times', () => withoutFeatures(createMemoryStore(), ['streams', 'times']));
