import { type Steps, wait } from '@ring3/kit';
import type { FileFullEa } from '@ring3/smb-proto';
import { type Handle, isCode, type VfsCode } from '@ring3/vfs';

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
