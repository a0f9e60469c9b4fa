import { runSteps } from '@ring3/kit';
import { eaSizeOf, fullEas, NtStatus } from '@ring3/smb-proto';
import { isCode } from '@ring3/vfs';
import { noting, redescribed } from '../../objects/noting.ts';
import { isEa, largestEas, listEas, setEa } from '../../values/extended-attributes.ts';
import { statusOf } from '../../values/status-map.ts';
import type { Setter } from './setter.ts';

/** FileFullEaInformation, MS-FSA 2.1.5.15.5: an empty value removes an attribute. */
export const setEas: Setter = function* (ctx, handle, frame) {
  if (handle.setXattr === undefined) return NtStatus.EasNotSupported;
  if (frame.length > largestEas) return NtStatus.EaTooLarge;
  const eas = fullEas.read(frame, 0, frame.length);
  if (!eas.every(isEa)) return NtStatus.InvalidEaName;
  const there = yield* listEas(handle);
  if (isCode(there)) return statusOf(there);
  const replaced = new Set(eas.map(({ eaName }) => eaName.toUpperCase()));
  const kept = there.filter(({ eaName }) => !replaced.has(eaName.toUpperCase()));
  if (eaSizeOf(kept) + frame.length > largestEas) return NtStatus.EaTooLarge;
  for (const { eaName, eaValue } of eas) {
    const failed = yield* noting(ctx.open, redescribed, () => runSteps(setEa(handle, eaName, eaValue)));
    if (failed !== undefined) return failed === 'ENOSPC' ? NtStatus.EaTooLarge : statusOf(failed);
  }
  return NtStatus.Success;
};
