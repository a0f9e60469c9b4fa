import { foldName } from '@ring3/vfs';
import type { Open } from '../../objects/open.ts';
import type { CreatePlan } from './plan.ts';

/** Whether the name of a CREATE is the name of an open. */
export function namesOpen({ path }: CreatePlan, open: Open): boolean {
  const asked = path.components.join('\\') + (path.stream === undefined ? '' : `:${path.stream}`);
  return foldName(asked) === foldName(open.pathName);
}
