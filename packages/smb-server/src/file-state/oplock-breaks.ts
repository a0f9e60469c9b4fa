import { OplockLevel } from '@ring3/smb-proto';

/** The oplocks that can be held, from the weakest. Leases add columns here. */
export const oplockLevels = ['levelII', 'exclusive', 'batch'] as const;
export type HeldLevel = (typeof oplockLevels)[number];

/** What an operation does to an oplock: nothing, or it is broken down to level II or to none. */
export type Break = 'keep' | 'levelII' | 'none';
type RowOf<S extends readonly string[]> = { readonly [K in keyof S]: Break };

/** Operations that are checked against oplocks, MS-FSA 2.1.4.12. */
export type Operation = 'open' | 'overwrite' | 'read' | 'write' | 'lock' | 'size' | 'zeroData' | 'rename' | 'delete';

/**
 * What an operation through another open breaks, MS-FSA 2.1.4.12. An exclusive or batch oplock that is broken has to be acknowledged before the operation
 * goes on; one of level II is gone at once.
 */
export const breaksOfOthers: Readonly<Record<Operation, RowOf<typeof oplockLevels>>> = {
  //            levelII    exclusive  batch
  open: /*   */ ['keep', /* */ 'levelII', 'levelII'],
  overwrite: ['none', /* */ 'none', /* */ 'none'],
  read: /*   */ ['keep', /* */ 'levelII', 'levelII'],
  write: /*  */ ['none', /* */ 'none', /* */ 'none'],
  lock: /*   */ ['none', /* */ 'none', /* */ 'none'],
  size: /*   */ ['none', /* */ 'none', /* */ 'none'],
  zeroData: ['none', /* */ 'none', /* */ 'none'],
  rename: /* */ ['keep', /* */ 'keep', /* */ 'levelII'],
  delete: /* */ ['keep', /* */ 'keep', /* */ 'levelII'],
};

/** What an operation breaks of its own open's oplock: one of level II, whoever changes the data, for others that share it hear of it the same way. */
export const breaksOwnLevelII: ReadonlySet<Operation> = new Set<Operation>(['write', 'lock', 'size', 'zeroData']);

/** The number on the wire, MS-SMB2 2.2.13. */
export const oplockLevelOf: Readonly<Record<HeldLevel | 'none', OplockLevel>> = {
  none: OplockLevel.None,
  levelII: OplockLevel.Ii,
  exclusive: OplockLevel.Exclusive,
  batch: OplockLevel.Batch,
};
