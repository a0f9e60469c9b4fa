import { intercept } from './intercept.ts';
import type { Feature, Vfs } from './vfs.ts';

/** The same store, but without some of its abilities, and without their calls: what a server does for poorer stores can be tried on a rich one. */
export function withoutFeatures(vfs: Vfs, without: Iterable<Feature>): Vfs {
  const features = new Set(vfs.features);
  for (const feature of without) features.delete(feature);
  return intercept(vfs, () => undefined, new Set(), features);
}
