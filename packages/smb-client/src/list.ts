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
import type { Tree } from './tree.ts';

/** The entries of what QUERY_DIRECTORY answered. @throws DecodeError */
export function directoryEntries(buffer: Uint8Array, informationClass: DirectoryInformationClass): ReadDirectoryEntry[] {
  const element = directoryInformation[informationClass] as unknown as Codec<ReadDirectoryEntry>;
  return linked(element, 8, 65536).read(new Frame(buffer), 0, buffer.length);
}

/**
 * The entries of a folder, `.` and `..` included, as the server's answers bring them.
 * @param pattern with the wildcards of MS-FSCC 2.1.4
 * @throws StatusError, for example NoSuchFile where nothing matches
 */
export async function* list(
  tree: Tree,
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
