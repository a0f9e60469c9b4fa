import { type Steps, wait } from '@ring3/kit';
import { eaSizeOf, type FileFullEa, needEa } from '@ring3/smb-proto';
import { type Handle, isCode, type VfsCode } from '@ring3/vfs';

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are the rejected characters
const refused = /[\u0000-\u001f"*+,/:;<=>?[\\\]|]/;

/** Whether an extended attribute may have this name and these flags, MS-FSCC 2.4.15. */
export const isEa = ({ eaName, flags }: FileFullEa): boolean => eaName !== '' && !refused.test(eaName) && (flags & ~needEa) === 0;

/** Maximum size of all attributes of a file, as FileFullEaInformation carries them: the limit of NTFS, and of the 16-bit FEA lists. */
export const largestEas = 65535;
const longestName = 255;
const wide = /[\u0100-\uffff]/;
/** Whether the protocol can express an attribute: FILE_FULL_EA_INFORMATION has one byte for each character of the name. */
const fits = (eaName: string, length: number): boolean => eaName.length <= longestName && !wide.test(eaName) && length <= largestEas;

/** Size of the extended attributes of a listed entry, MS-FSCC 2.4.12: as FileEaInformation has it. */
export function eaSizeOfListed(sizes: ReadonlyMap<string, number> | undefined): number {
  const eas: FileFullEa[] = [];
  for (const [eaName, length] of sizes ?? []) if (fits(eaName, length)) eas.push({ flags: 0, eaName, eaValue: zeros.subarray(0, length) });
  return eaSizeOf(eas);
}
const zeros = new Uint8Array(largestEas);

/**
 * All extended attributes of a file, if its store has them. Attributes that the protocol cannot express are left out: other programs may
 * have set them.
 */
export function* listEas(handle: Handle): Steps<FileFullEa[] | VfsCode> {
  const names = yield* wait(handle.listXattrs?.());
  if (names === undefined || isCode(names)) return names ?? [];
  const eas: FileFullEa[] = [];
  for (const eaName of names) {
    if (!fits(eaName, 0)) continue;
    const eaValue = yield* wait(handle.getXattr?.(eaName));
    if (eaValue !== undefined && !isCode(eaValue) && fits(eaName, eaValue.length)) eas.push({ flags: 0, eaName, eaValue });
  }
  return eas;
}

/**
 * Sets one extended attribute, or removes it by an empty value. Names that differ only in case are one attribute; it is spelled as it was
 * set last (MS-FSA 2.1.5.15.5), because Unix clients look for the exact spelling that they set.
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
