import { type Codec, linked, message, nextOffset, part, struct, type TypeOf, u32, u64, utf16Text } from '@ring3/wire';

/** One element of FileStreamInformation (22), MS-FSCC 2.4. The main stream of a file is named `::$DATA`, others `:name:$DATA`. */
export const FileStreamInformation = message(
  'FileStreamInformation',
  struct('FileStreamInformation.fixed', { nextEntryOffset: nextOffset, streamNameLength: u32, streamSize: u64, streamAllocationSize: u64 }),
  { streamName: part({ length: 'streamNameLength' }, utf16Text) },
);
export type FileStreamInformation = TypeOf<typeof FileStreamInformation>;

/** The whole response: elements 8-aligned. */
export const fileStreams: Codec<FileStreamInformation[], Omit<FileStreamInformation, 'nextEntryOffset'>[]> = linked(
  FileStreamInformation,
  8,
);
