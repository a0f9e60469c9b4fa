import { wait } from '@ring3/kit';
import { fullEas, NtStatus } from '@ring3/smb-proto';
import { isCode } from '@ring3/vfs';
import { isEaName } from '../../extended-attributes.ts';
import { statusOf } from '../../status-map.ts';
import type { Setter } from './file.ts';

/** FileFullEaInformation, MS-FSA 2.1.5.15.5: an empty value takes an attribute away. */
export const setEas: Setter = function* (_ctx, handle, frame) {
  if (handle.setXattr === undefined) return NtStatus.EasNotSupported;
  const eas = fullEas.read(frame, 0, frame.length);
  for (const { eaName, eaValue } of eas) {
    if (!isEaName(eaName)) return NtStatus.InvalidEaName;
    const set = yield* wait(handle.setXattr(eaName.toUpperCase(), eaValue.length === 0 ? undefined : eaValue));
    if (isCode(set)) return set === 'ENOSPC' ? NtStatus.EaTooLarge : statusOf(set);
  }
  return NtStatus.Success;
};
