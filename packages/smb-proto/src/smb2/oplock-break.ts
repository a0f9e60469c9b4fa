import { constant, flags, guid, id53, message, named, optional, reserved, struct, type TypeOf, u8, u16, u32 } from '@ring3/wire';
import { OplockLevel } from './create.ts';

/** SMB2 OPLOCK_BREAK Notification, Acknowledgment and Response, MS-SMB2 2.2.23.1, 2.2.24.1, 2.2.25.1: the same 24 bytes. */
export const OplockBreak = message(
  'OplockBreak',
  struct('OplockBreak.fixed', {
    structureSize: constant(u16, 24),
    oplockLevel: named(u8, OplockLevel),
    reserved: reserved(u8),
    reserved2: reserved(u32),
    persistentFileId: id53,
    volatileFileId: id53,
  }),
  {},
  { before: 64 },
);
export type OplockBreak = TypeOf<typeof OplockBreak>;

/** Flags of a lease break, MS-SMB2 2.2.23.2. */
export const LeaseBreakFlags = { AckRequired: 1 } as const;
/** SMB2 Lease Break Notification, MS-SMB2 2.2.23.2. */
export const LeaseBreakNotification = message(
  'LeaseBreakNotification',
  struct('LeaseBreakNotification.fixed', {
    structureSize: constant(u16, 44),
    newEpoch: u16,
    flags: flags(u32, LeaseBreakFlags),
    leaseKey: guid,
    currentLeaseState: u32,
    newLeaseState: u32,
    breakReason: reserved(u32),
    accessMaskHint: reserved(u32),
    shareMaskHint: reserved(u32),
  }),
  {},
  { before: 64 },
);
export type LeaseBreakNotification = TypeOf<typeof LeaseBreakNotification>;
/** SMB2 Lease Break Acknowledgment and Response, MS-SMB2 2.2.24.2 and 2.2.25.2. */
export const LeaseBreakAcknowledgment = message(
  'LeaseBreakAcknowledgment',
  struct('LeaseBreakAcknowledgment.fixed', {
    structureSize: constant(u16, 36),
    reserved: reserved(u16),
    flags: reserved(u32),
    leaseKey: guid,
    leaseState: u32,
    leaseDuration: optional(id53, 0),
  }),
  {},
  { before: 64 },
);
export type LeaseBreakAcknowledgment = TypeOf<typeof LeaseBreakAcknowledgment>;
