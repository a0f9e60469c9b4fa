import { OplockLevel } from '@ring3/smb-proto';

/** The oplocks of MS-SMB2 2.2.13, from the weakest. */
export const oplockLevels = ['levelII', 'exclusive', 'batch'] as const;
/** The lease states that can be granted, MS-SMB2 2.2.13.2.8 and MS-FSA 2.1.5.18: R read, W write, H handle caching. */
export const leaseStates = ['R', 'RH', 'RW', 'RWH'] as const;
/** The columns of {@link breaksOfOthers}. */
export const cachingLevels = [...oplockLevels, ...leaseStates] as const;

export type HeldOplock = (typeof oplockLevels)[number];
export type HeldLease = (typeof leaseStates)[number];
/** What an oplock or a lease allows its owner to cache. */
export type HeldLevel = HeldOplock | HeldLease;
/** A level, or no caching. */
export type Level = HeldLevel | 'none';

/** The caching bits of each level: those of LeaseState, MS-SMB2 2.2.13.2.8. */
export const cachingBits = { none: 0, levelII: 1, exclusive: 5, batch: 7, R: 1, RH: 3, RW: 5, RWH: 7 } as const satisfies Record<
  Level,
  number
>;
export const Caching = { Read: 1, Handle: 2, Write: 4 } as const;

/** The lease of these caching bits; `none` for a combination that cannot be granted. */
export const leaseOf = (bits: number): HeldLease | 'none' => leaseStates.find((state) => cachingBits[state] === bits) ?? 'none';
/** The caching that two states of a lease have in common. */
export const commonOf = (a: HeldLease | BreakLevel, b: HeldLease | BreakLevel): BreakLevel =>
  leaseBreaks.find((level) => cachingBits[level] === (cachingBits[a] & cachingBits[b])) ?? 'none';
const leaseBreaks = ['R', 'RH', 'RW'] as const;
export const isLease = (level: HeldLevel): level is HeldLease => level in leaseIndex;
const leaseIndex: Readonly<Record<string, true>> = { R: true, RH: true, RW: true, RWH: true };

/** The levels that an oplock or lease can be broken to. */
export const breakLevels = ['none', 'levelII', 'R', 'RH', 'RW'] as const;
export type BreakLevel = (typeof breakLevels)[number];
/** The effect of an operation on a level: none, or the level that it is broken to. */
export type Break = 'keep' | BreakLevel;
type RowOf<S extends readonly string[]> = { readonly [K in keyof S]: Break };

/**
 * Operations that are checked against oplocks and leases, MS-FSA 2.1.4.12. `openDescriptor` opens for READ_CONTROL and attributes only, `shareConflict` is its
 * OPEN_BREAK_H, `childChange` any operation with PARENT_OBJECT.
 */
export type Operation =
  | 'open'
  | 'openDescriptor'
  | 'shareConflict'
  | 'overwrite'
  | 'read'
  | 'write'
  | 'lock'
  | 'size'
  | 'zeroData'
  | 'rename'
  | 'delete'
  | 'childChange';

/** The level that an operation of another owner breaks each level to, MS-FSA 2.1.4.12. */
export const breaksOfOthers: Readonly<Record<Operation, RowOf<typeof cachingLevels>>> = {
  //               levelII    exclusive     batch         R           RH          RW          RWH
  open: /*      */ ['keep', /* */ 'levelII', 'levelII', 'keep', /* */ 'keep', /* */ 'R', /*  */ 'RH'],
  openDescriptor: ['keep', /*  */ 'levelII', 'levelII', 'keep', /* */ 'keep', /* */ 'keep', /* */ 'keep'],
  shareConflict: ['keep', /*   */ 'keep', /* */ 'keep', /* */ 'keep', /* */ 'R', /* */ 'keep', /* */ 'RW'],
  overwrite: /* */ ['none', /* */ 'none', /* */ 'none', /* */ 'none', /* */ 'none', /* */ 'none', /* */ 'none'],
  read: /*      */ ['keep', /* */ 'levelII', 'levelII', 'keep', /* */ 'keep', /* */ 'R', /*  */ 'RH'],
  write: /*     */ ['none', /* */ 'none', /* */ 'none', /* */ 'none', /* */ 'none', /* */ 'none', /* */ 'none'],
  lock: /*      */ ['none', /* */ 'none', /* */ 'none', /* */ 'none', /* */ 'none', /* */ 'none', /* */ 'none'],
  size: /*      */ ['none', /* */ 'none', /* */ 'none', /* */ 'none', /* */ 'none', /* */ 'none', /* */ 'none'],
  zeroData: /*  */ ['none', /* */ 'none', /* */ 'none', /* */ 'none', /* */ 'none', /* */ 'none', /* */ 'none'],
  rename: /*    */ ['keep', /* */ 'keep', /* */ 'levelII', 'keep', /* */ 'R', /* */ 'keep', /* */ 'RW'],
  delete: /*    */ ['keep', /* */ 'keep', /* */ 'levelII', 'keep', /* */ 'R', /* */ 'keep', /* */ 'RW'],
  childChange: /**/ ['none', /* */ 'none', /* */ 'none', /* */ 'none', /* */ 'none', /* */ 'none', /* */ 'none'],
};

/** The level that an operation of another owner breaks a level to. */
export const breakOf = (operation: Operation, level: HeldLevel): Break => breaksOfOthers[operation][cachingLevels.indexOf(level)] as Break;

/** Whether the holder has to acknowledge the break of this level: it may have to write data back, or close files that it only kept open. MS-FSA 2.1.4.12. */
export const needsAcknowledgment = (level: HeldLevel): boolean => (cachingBits[level] & (Caching.Write | Caching.Handle)) !== 0;

/** Operations that need the handles which a holder only keeps open to be closed first. */
const waitsForHandles: ReadonlySet<Operation> = new Set<Operation>(['shareConflict', 'rename', 'delete']);
/** Whether an operation waits until the break of this level is acknowledged: always for write caching. MS-FSA 2.1.4.12. */
export const waitsFor = (operation: Operation, level: HeldLevel): boolean =>
  (cachingBits[level] & Caching.Write) !== 0 || ((cachingBits[level] & Caching.Handle) !== 0 && waitsForHandles.has(operation));

/** Operations that break a level II oplock of the same open: its other holders are notified in the same way. */
export const breaksOwnLevelII: ReadonlySet<Operation> = new Set<Operation>(['write', 'lock', 'size', 'zeroData']);

/** The number on the wire, MS-SMB2 2.2.13. */
export const oplockLevelOf: Readonly<Record<Level, OplockLevel>> = {
  none: OplockLevel.None,
  levelII: OplockLevel.Ii,
  exclusive: OplockLevel.Exclusive,
  batch: OplockLevel.Batch,
  R: OplockLevel.Lease,
  RH: OplockLevel.Lease,
  RW: OplockLevel.Lease,
  RWH: OplockLevel.Lease,
};
