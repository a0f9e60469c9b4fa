import { readAt, truncate, writeAt } from '@ring3/linux';
import type { StatChanges, VfsCode } from '@ring3/vfs';
import type { Descriptor } from './descriptor.ts';
import { errorCode } from './error-code.ts';

/** The times of a file that a change of its data moves, ns since 1970. */
export type FileTimes = Readonly<Required<Pick<StatChanges, 'modified' | 'accessed' | 'changed'>>>;

/** The file whose data is restored. */
export interface Restored {
  /** Opens the file for writing. @returns it, released by the caller; or a negative errno */
  open(): Descriptor | number;
  setTimes(times: FileTimes): unknown;
}

const prefix = 'backup-';
const shape = /^backup-[0-9a-f]+\.(-?\d+)\.(-?\d+)\.(-?\d+)$/;

/**
 * Returns the name of the file of a backup. It has the times, so that a killed process leaves data and times or neither.
 * @param id of the stream
 */
export const backupName = (id: string, { modified, accessed, changed }: FileTimes): string =>
  `${prefix}${id}.${modified}.${accessed}.${changed}`;

/** Whether a name is that of a backup. No name of a stream's file starts so. */
export const isBackup = (name: string): boolean => name.startsWith(prefix);

/**
 * Restores the data and the times of a file. The times are the last step; a host that does not set them (the file belongs to another user) keeps the new ones.
 * @param name of the backup
 * @returns undefined; or the code of a failure, and the data is not complete
 */
export function restoreData(backup: Descriptor, name: string, { open, setTimes }: Restored): VfsCode | undefined {
  const file = open();
  if (typeof file === 'number') return errorCode(file);
  const answer = copyAll(backup.fd, file.fd);
  file.release();
  if (answer < 0) return errorCode(answer);
  const [, modified, accessed, changed] = shape.exec(name) ?? [];
  // earlier versions did not record the times
  if (changed !== undefined) setTimes({ modified: BigInt(modified!), accessed: BigInt(accessed!), changed: BigInt(changed) });
  return undefined;
}

/** Replaces the data of one file by that of another. @returns 0 or a negative errno */
function copyAll(from: number, to: number): number {
  const emptied = truncate(to, 0);
  if (emptied < 0) return emptied;
  const buffer = Buffer.allocUnsafe(2 ** 18);
  for (let at = 0; ; ) {
    const length = readAt(from, buffer, at);
    if (length <= 0) return length;
    for (let done = 0; done < length; ) {
      const written = writeAt(to, buffer.subarray(done, length), at + done);
      if (written < 0) return written;
      done += written;
    }
    at += length;
  }
}
