import { FileAttributes, filetimeFromNs } from '@ring3/smb-proto';
import type { Kind, Stat } from '@ring3/vfs';
import type { Open } from './open.ts';

/** The properties of a file, under the names that all information classes share (MS-FSCC 2.4). Times are FILETIMEs. */
export interface Metadata {
  readonly creationTime: bigint;
  readonly lastAccessTime: bigint;
  readonly lastWriteTime: bigint;
  readonly changeTime: bigint;
  readonly fileAttributes: number;
  readonly allocationSize: bigint;
  readonly endOfFile: bigint;
  readonly indexNumber: bigint;
}

/**
 * FileAttributes of an entry, MS-FSCC 2.6: the stored ones, and those that follow from its kind. A file without stored attributes has
 * FILE_ATTRIBUTE_ARCHIVE.
 * @param byName those that its name gives it (`NameRules.attributesOf`)
 */
export function attributesOf({ attributes }: Stat, kind: Kind, byName = 0): number {
  if (kind === 'folder') return (((attributes ?? 0) | byName) & ~FileAttributes.Normal) | FileAttributes.Directory;
  const set = (attributes ?? FileAttributes.Archive) | byName;
  if (kind === 'link') return set | FileAttributes.ReparsePoint;
  return set === 0 ? FileAttributes.Normal : set;
}

/** @param byName attributes that the entry's name gives it @param kind of the open; default: that of the stat */
export function metadataOf(stat: Stat, byName: number, kind: Kind = stat.kind): Metadata {
  return {
    creationTime: filetimeFromNs(stat.birth),
    lastAccessTime: filetimeFromNs(stat.accessed),
    lastWriteTime: filetimeFromNs(stat.modified),
    changeTime: filetimeFromNs(stat.changed),
    fileAttributes: attributesOf(stat, kind, byName),
    allocationSize: kind === 'folder' ? 0n : BigInt(stat.allocated),
    endOfFile: kind === 'folder' ? 0n : BigInt(stat.size),
    indexNumber: stat.id64,
  };
}

/**
 * Describes an open file or directory; a stream by its own size and the other properties of its file. A write is also an access: LastAccessTime is not before the
 * last write until it is set (`noteWritten`).
 */
export function metadataOfOpen(open: Open, stat: Stat): Metadata {
  const { share, base, link, handle } = open;
  const metadata = metadataOf(stat, share.names.attributesOf((base ?? link ?? handle)?.name ?? ''), handle?.kind);
  const { lastAccessTime, lastWriteTime } = metadata;
  return handle !== undefined && open.fileGuard.written && lastAccessTime < lastWriteTime
    ? { ...metadata, lastAccessTime: lastWriteTime }
    : metadata;
}

/** FILE_ID_128 of an entry, MS-FSCC 2.1.10. */
export function fileId128Of(stat: Stat): Uint8Array {
  const id = new Uint8Array(16);
  const view = new DataView(id.buffer);
  view.setBigUint64(0, stat.id64, true);
  view.setBigUint64(8, stat.idHigh ?? 0n, true);
  return id;
}
