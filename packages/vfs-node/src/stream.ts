import { backupName, type FileTimes } from './data-backup.ts';
import type { Descriptor } from './descriptor.ts';

/** Characters of a stream's id, before its data in the attribute and before its name in the state directory. */
export const idBytes = 8;

/** One named stream: in an attribute of its file (`bytes`), or as a file of its own below the state directory. */
export class Stream {
  /** Random and permanent, unlike the name. */
  readonly id: string;
  /** The id in the name of its file. It differs from `id` after the stream replaced another one, until the next start. */
  fileNameId: string;
  /** Empty for a temporary stream and a backup. */
  name: string;
  /** Why it has no name: it is not complete yet, or it is a backup of the file's data. */
  role: 'temporary' | 'backup' | undefined;
  /** The times of the file that a backup restores. */
  times: FileTimes | undefined;
  /** The data, if it is in the attribute. */
  bytes: Uint8Array | undefined;
  /** The open file otherwise; undefined if no client has it open. */
  file: Descriptor | undefined;
  handles = 0;
  /** Whether it was unlinked. */
  isUnlinked = false;
  /** Whether it must remain a file: a client was promised that it is on the medium, and a power failure could interrupt a move. */
  keepAsFile = false;

  constructor(id: string, name: string, bytes: Uint8Array | undefined) {
    this.id = id;
    this.fileNameId = id;
    this.name = name;
    this.bytes = bytes;
  }
}

/** The prefix of files whose data is not complete. No stream id starts with it. */
export const unfinished = 'unfinished-';

/** Returns the name of a stream's file. */
export function fileNameOf({ role, fileNameId, name, times }: Stream): string {
  if (times !== undefined) return backupName(fileNameId, times);
  return role === undefined ? `${fileNameId}.${name}` : unfinished + fileNameId;
}
