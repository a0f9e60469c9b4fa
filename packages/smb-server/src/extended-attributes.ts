import { type Steps, wait } from '@ring3/kit';
import { type FileFullEa, needEa } from '@ring3/smb-proto';
import { type Handle, isCode, type VfsCode } from '@ring3/vfs';

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const refused = /[\u0000-\u001f"*+,/:;<=>?[\\\]|]/;

/** Whether an extended attribute may have this name and these flags, MS-FSCC 2.4.15. */
export const isEa = ({ eaName, flags }: FileFullEa): boolean => eaName !== '' && !refused.test(eaName) && (flags & ~needEa) === 0;

/** All attributes of a file together, as FileFullEaInformation carries them: what NTFS keeps, and FEA lists of 16 bits can say. */
export const largestEas = 65535;
const longestName = 255;
const wide = /[\u0100-\uffff]/;

/** All extended attributes of a file whose store has them, but for those that the protocol has no words for: other programs may have set them. */
export function* listEas(handle: Handle): Steps<FileFullEa[] | VfsCode> {
  const names = yield* wait(handle.listXattrs?.());
  if (names === undefined || isCode(names)) return names ?? [];
  const eas: FileFullEa[] = [];
  for (const eaName of names) {
    if (eaName.length > longestName || wide.test(eaName)) continue;
    const eaValue = yield* wait(handle.getXattr?.(eaName));
    if (eaValue !== undefined && !isCode(eaValue) && eaValue.length <= largestEas) eas.push({ flags: 0, eaName, eaValue });
  }
  return eas;
}

/**
 * Sets one extended attribute, or takes it away by an empty value. Names that differ in case alone are one attribute; it is spelled as it was set last
 * (MS-FSA 2.1.5.15.5), because Unix clients look for the very spelling that they gave.
 */
export function* setEa(handle: Handle, eaName: string, eaValue: Uint8Array): Steps<VfsCode | undefined> {
  const names = yield* wait(handle.listXattrs?.());
  if (names === undefined || isCode(names)) return names ?? 'EOPNOTSUPP';
  const upper = eaName.toUpperCase();
  for (const name of names) {
    if (name === eaName || name.toUpperCase() !== upper) continue;
    const removed = yield* wait(handle.setXattr?.(name, undefined));
    if (isCode(removed)) return removed;
  }
  const set = yield* wait(handle.setXattr?.(eaName, eaValue.length === 0 ? undefined : eaValue));
  return isCode(set) ? set : undefined;
}
