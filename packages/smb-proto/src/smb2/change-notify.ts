import { constant, flags, id53, message, payload, reserved, struct, type TypeOf, u16, u32 } from '@ring3/wire';

/** CHANGE_NOTIFY Flags, MS-SMB2 2.2.35. */
export const ChangeNotifyFlags = { WatchTree: 1 } as const;
/** CompletionFilter, MS-SMB2 2.2.35 (FILE_NOTIFY_CHANGE_*). */
export const CompletionFilter = {
  FileName: 0x001,
  DirName: 0x002,
  Attributes: 0x004,
  Size: 0x008,
  LastWrite: 0x010,
  LastAccess: 0x020,
  Creation: 0x040,
  Ea: 0x080,
  Security: 0x100,
  StreamName: 0x200,
  StreamSize: 0x400,
  StreamWrite: 0x800,
} as const;

/** SMB2 CHANGE_NOTIFY Request, MS-SMB2 2.2.35. */
export const ChangeNotifyRequest = message(
  'ChangeNotifyRequest',
  struct('ChangeNotifyRequest.fixed', {
    structureSize: constant(u16, 32),
    flags: flags(u16, ChangeNotifyFlags),
    outputBufferLength: u32,
    persistentFileId: id53,
    volatileFileId: id53,
    completionFilter: flags(u32, CompletionFilter),
    reserved: reserved(u32),
  }),
  {},
  { before: 64 },
);
export type ChangeNotifyRequest = TypeOf<typeof ChangeNotifyRequest>;

/** SMB2 CHANGE_NOTIFY Response, MS-SMB2 2.2.36. */
export const ChangeNotifyResponse = message(
  'ChangeNotifyResponse',
  struct('ChangeNotifyResponse.fixed', { structureSize: constant(u16, 9), outputBufferOffset: u16, outputBufferLength: u32 }),
  { buffer: payload('outputBufferOffset', 'outputBufferLength') },
  { before: 64 },
);
export type ChangeNotifyResponse = TypeOf<typeof ChangeNotifyResponse>;
