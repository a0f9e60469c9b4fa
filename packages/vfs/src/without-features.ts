import { intercept } from './intercept.ts';
import type { Feature, Vfs } from './vfs.ts';

/** The same store without some features and their methods, to test how the server works with stores that lack them. */
export function withoutFeatures(vfs: Vfs, without: Iterable<Feature>): Vfs {
  const features = new Set(vfs.features);
  for (const feature of without) features.delete(feature);
  return intercept(vfs, () => undefined, new Set(), features);
}
