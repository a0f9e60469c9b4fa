import { type Codec, linked, message, named, nextOffset, part, struct, type TypeOf, u32, utf16Text } from '@ring3/wire';

/** Action of a change, MS-FSCC 2.7.1. */
export const NotifyAction = {
  Added: 1,
  Removed: 2,
  Modified: 3,
  RenamedOldName: 4,
  RenamedNewName: 5,
  AddedStream: 6,
  RemovedStream: 7,
  ModifiedStream: 8,
  RemovedByDelete: 9,
  IdNotTunnelled: 10,
  TunnelledIdCollision: 11,
} as const;
export type NotifyAction = (typeof NotifyAction)[keyof typeof NotifyAction];

/** FILE_NOTIFY_INFORMATION, MS-FSCC 2.7.1. The name is relative to the watched directory, with backslashes. */
export const FileNotifyInformation = message(
  'FileNotifyInformation',
  struct('FileNotifyInformation.fixed', { nextEntryOffset: nextOffset, action: named<number>(u32, NotifyAction), fileNameLength: u32 }),
  { fileName: part({ length: 'fileNameLength' }, utf16Text) },
);
export type FileNotifyInformation = TypeOf<typeof FileNotifyInformation>;

/** The buffer of a CHANGE_NOTIFY response: elements 4-aligned. */
export const fileNotifications: Codec<FileNotifyInformation[], Omit<FileNotifyInformation, 'nextEntryOffset'>[]> = linked(
  FileNotifyInformation,
  4,
);
