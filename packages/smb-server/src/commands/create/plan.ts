import type { CreateRequest, SecurityDescriptor } from '@ring3/smb-proto';
import type { ContextOf } from '../../command.ts';
import type { ParsedPath } from '../../paths.ts';
import type { Trail } from '../../resolve.ts';

/** A CREATE on its way: the request taken apart, and what its contexts ask for. */
export interface CreatePlan {
  readonly ctx: ContextOf<'tree'>;
  readonly request: CreateRequest;
  readonly path: ParsedPath;
  /** What was learned on the way to the folder. */
  readonly trail: Trail;
  /** From AlSi: bytes to reserve for a new file. */
  allocationSize: number;
  /** From SecD: the descriptor of a new file. */
  descriptor: SecurityDescriptor | undefined;
  /** From ExtA: attributes of a new file. */
  xattrs: ReadonlyMap<string, Uint8Array> | undefined;
  /** From MxAc, and whether it came. */
  wantsMaximalAccess: boolean;
  /** What the opener may do at most: the answer to MxAc. */
  maximalAccess: number;
  wantsOnDiskId: boolean;
}
