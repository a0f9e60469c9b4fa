import type { FolderReader } from '@ring3/linux';
import { nameFromBytes } from '@ring3/vfs';

/** Returns the store's name of the reader's current entry: nearly always the text itself. */
export function nameOf(reader: FolderReader): string {
  const { text } = reader;
  return /[\ufffd\uf080-\uf0ff]/.test(text) ? nameFromBytes(reader.name) : text;
}
