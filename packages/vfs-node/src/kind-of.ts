import { type FileStat, Mode } from '@ring3/linux';
import type { Kind } from '@ring3/vfs';

/** The kind of a host entry; undefined for FIFOs, sockets and devices, which are never served. */
export function kindOf(found: FileStat): Kind | undefined {
  const type = found.mode & Mode.Type;
  return type === Mode.Regular ? 'file' : type === Mode.Folder ? 'folder' : type === Mode.Link ? 'link' : undefined;
}
