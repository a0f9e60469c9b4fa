import type { FolderReader } from '@ring3/linux';
import { nameFromBytes } from '@ring3/vfs';

/** The store's name of the entry that a reader is at; nearly always its text as it is. */
export function nameOf(reader: FolderReader): string {
  const { text } = reader;
  return /[\ufffd\uf080-\uf0ff]/.test(text) ? nameFromBytes(reader.name) : text;
}
