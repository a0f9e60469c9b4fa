import { constant, flags, id53, items, message, reserved, struct, type TypeOf, u16, u32, u64 } from '@ring3/wire';

/** Flags of a lock element, MS-SMB2 2.2.26.1. */
export const LockFlags = { SharedLock: 1, ExclusiveLock: 2, Unlock: 4, FailImmediately: 0x10 } as const;

/** SMB2_LOCK_ELEMENT, MS-SMB2 2.2.26.1: exact 64-bit values. */
export const LockElement = struct('LockElement', { offset: u64, length: u64, flags: flags(u32, LockFlags), reserved: reserved(u32) });
export type LockElement = TypeOf<typeof LockElement>;

/** SMB2 LOCK Request, MS-SMB2 2.2.26. */
export const LockRequest = message(
  'LockRequest',
  struct('LockRequest.fixed', {
    structureSize: constant(u16, 48),
    lockCount: u16,
    /** LockSequenceNumber in the lower 4 bits, LockSequenceIndex in the upper 28. */
    lockSequence: u32,
    persistentFileId: id53,
    volatileFileId: id53,
  }),
  { locks: items({ count: 'lockCount' }, LockElement, { limit: 4096 }) },
  { before: 64 },
);
export type LockRequest = TypeOf<typeof LockRequest>;

/** SMB2 LOCK Response, MS-SMB2 2.2.27. */
export const LockResponse = message(
  'LockResponse',
  struct('LockResponse.fixed', { structureSize: constant(u16, 4), reserved: reserved(u16) }),
  {},
  { before: 64 },
);
export type LockResponse = TypeOf<typeof LockResponse>;
