import { type Steps, wait } from '@ring3/kit';
import type { FileFullEa } from '@ring3/smb-proto';
import { type Handle, isCode, type VfsCode } from '@ring3/vfs';

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const refused = /[\u0000-\u001f"*+,/:;<=>?[\\\]|]/;

/** Whether an extended attribute may have this name, MS-FSCC 2.4.15. */
export const isEaName = (name: string): boolean => name !== '' && !refused.test(name);

/** All extended attributes of a file whose store has them. */
export function* listEas(handle: Handle): Steps<FileFullEa[] | VfsCode> {
  const names = yield* wait(handle.listXattrs?.());
  if (names === undefined || isCode(names)) return names ?? [];
  const eas: FileFullEa[] = [];
  for (const eaName of names) {
    const eaValue = yield* wait(handle.getXattr?.(eaName));
    if (eaValue !== undefined && !isCode(eaValue)) eas.push({ flags: 0, eaName, eaValue });
  }
  return eas;
}
