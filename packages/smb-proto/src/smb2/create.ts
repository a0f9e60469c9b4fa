import {
  constant,
  flags,
  id53,
  linked,
  message,
  named,
  optional,
  part,
  reserved,
  struct,
  type TypeOf,
  u8,
  u16,
  u32,
  u64,
  utf16,
} from '@ring3/wire';
import { CreateContext } from './create-contexts.ts';

/** Oplock levels, MS-SMB2 2.2.13. */
export const OplockLevel = { None: 0x00, Ii: 0x01, Exclusive: 0x08, Batch: 0x09, Lease: 0xff } as const;
export type OplockLevel = (typeof OplockLevel)[keyof typeof OplockLevel];
/** ImpersonationLevel, MS-SMB2 2.2.13. */
export const ImpersonationLevel = { Anonymous: 0, Identification: 1, Impersonation: 2, Delegate: 3 } as const;
/** ShareAccess, MS-SMB2 2.2.13. */
export const ShareAccess = { Read: 1, Write: 2, Delete: 4 } as const;
/** CreateDisposition, MS-SMB2 2.2.13. */
export const CreateDisposition = { Supersede: 0, Open: 1, Create: 2, OpenIf: 3, Overwrite: 4, OverwriteIf: 5 } as const;
/** CreateOptions, MS-SMB2 2.2.13 (FILE_*). */
export const CreateOptions = {
  DirectoryFile: 0x00000001,
  WriteThrough: 0x00000002,
  SequentialOnly: 0x00000004,
  NoIntermediateBuffering: 0x00000008,
  SynchronousIoAlert: 0x00000010,
  SynchronousIoNonalert: 0x00000020,
  NonDirectoryFile: 0x00000040,
  CompleteIfOplocked: 0x00000100,
  NoEaKnowledge: 0x00000200,
  OpenRemoteInstance: 0x00000400,
  RandomAccess: 0x00000800,
  DeleteOnClose: 0x00001000,
  OpenByFileId: 0x00002000,
  OpenForBackupIntent: 0x00004000,
  NoCompression: 0x00008000,
  OpenRequiringOplock: 0x00010000,
  DisallowExclusive: 0x00020000,
  ReserveOpfilter: 0x00100000,
  OpenReparsePoint: 0x00200000,
  OpenNoRecall: 0x00400000,
  OpenForFreeSpaceQuery: 0x00800000,
} as const;
/** CreateAction, MS-SMB2 2.2.14. */
export const CreateAction = { Superseded: 0, Opened: 1, Created: 2, Overwritten: 3 } as const;
export type CreateAction = (typeof CreateAction)[keyof typeof CreateAction];

/** SMB2 CREATE Request, MS-SMB2 2.2.13. */
export const CreateRequest = message(
  'CreateRequest',
  struct('CreateRequest.fixed', {
    structureSize: constant(u16, 57),
    securityFlags: reserved(u8),
    requestedOplockLevel: named(u8, OplockLevel),
    impersonationLevel: named(u32, ImpersonationLevel),
    smbCreateFlags: optional(id53, 0),
    reserved: optional(id53, 0),
    desiredAccess: u32,
    fileAttributes: u32,
    shareAccess: flags(u32, ShareAccess),
    createDisposition: named(u32, CreateDisposition),
    createOptions: flags(u32, CreateOptions),
    nameOffset: u16,
    nameLength: u16,
    createContextsOffset: u32,
    createContextsLength: u32,
  }),
  {
    name: utf16('nameOffset', 'nameLength'),
    createContexts: part({ offset: 'createContextsOffset', length: 'createContextsLength' }, linked(CreateContext, 8, 64), {
      align: 8,
      zeroWhenEmpty: true,
    }),
  },
  { before: 64 },
);
export type CreateRequest = TypeOf<typeof CreateRequest>;

/** SMB2 CREATE Response, MS-SMB2 2.2.14. Times are FILETIMEs. */
export const CreateResponse = message(
  'CreateResponse',
  struct('CreateResponse.fixed', {
    structureSize: constant(u16, 89),
    oplockLevel: named(u8, OplockLevel),
    flags: optional(u8, 0),
    createAction: named(u32, CreateAction),
    creationTime: u64,
    lastAccessTime: u64,
    lastWriteTime: u64,
    changeTime: u64,
    allocationSize: u64,
    endOfFile: u64,
    fileAttributes: u32,
    reserved2: reserved(u32),
    persistentFileId: id53,
    volatileFileId: id53,
    createContextsOffset: u32,
    createContextsLength: u32,
  }),
  {
    createContexts: part({ offset: 'createContextsOffset', length: 'createContextsLength' }, linked(CreateContext, 8, 64), {
      align: 8,
      zeroWhenEmpty: true,
    }),
  },
  { before: 64 },
);
export type CreateResponse = TypeOf<typeof CreateResponse>;
