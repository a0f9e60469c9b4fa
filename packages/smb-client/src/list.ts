import {
  CreateOptions,
  type DirectoryInformationClass,
  directoryInformation,
  FileInformationClass,
  fileGenericRead,
  QueryDirectoryFlags,
  type ReadDirectoryEntry,
} from '@ring3/smb-proto';
import { type Codec, Frame, linked } from '@ring3/wire';
import type { TreeConnect } from './tree-connect.ts';

/** Reads the entries of a QUERY_DIRECTORY response. @throws DecodeError */
export function directoryEntries(buffer: Uint8Array, informationClass: DirectoryInformationClass): ReadDirectoryEntry[] {
  const element = directoryInformation[informationClass] as unknown as Codec<ReadDirectoryEntry>;
  return linked(element, 8, 65536).read(new Frame(buffer), 0, buffer.length);
}

/**
 * Yields the entries of a directory, including `.` and `..`, in the server's order.
 * @param pattern with the wildcards of MS-FSCC 2.1.4
 * @throws StatusError, for example NoSuchFile if no entry matches
 */
export async function* list(
  tree: TreeConnect,
  folder: string,
  pattern = '*',
  informationClass: DirectoryInformationClass = FileInformationClass.IdBothDirectory,
): AsyncGenerator<ReadDirectoryEntry> {
  const open = await tree.create({ name: folder, desiredAccess: fileGenericRead, createOptions: CreateOptions.DirectoryFile });
  try {
    for (let flags: number = QueryDirectoryFlags.RestartScans; ; flags = 0) {
      const buffer = await open.queryDirectory(informationClass, { fileName: pattern, flags });
      if (buffer.length === 0) return;
      yield* directoryEntries(buffer, informationClass);
    }
  } finally {
    await open.close();
  }
}
