import { CreateContextName, fullEas, NtStatus } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import { isEa, largestEas } from '../../../values/extended-attributes.ts';
import type { ContextRow } from './row.ts';

/** SMB2_CREATE_EA_BUFFER, MS-SMB2 3.3.5.9.1: attributes of a new file. */
export const extendedAttributes: ContextRow = {
  name: CreateContextName.EaBuffer,
  ask(plan, data) {
    if (data.length > largestEas) return NtStatus.EaTooLarge;
    const byFoldedName = new Map<string, readonly [string, Uint8Array]>();
    for (const ea of fullEas.read(new Frame(data), 0, data.length)) {
      if (!isEa(ea)) return NtStatus.InvalidEaName;
      const { eaName, eaValue } = ea;
      if (eaValue.length > 0) byFoldedName.set(eaName.toUpperCase(), [eaName, new Uint8Array(eaValue)]);
      else byFoldedName.delete(eaName.toUpperCase());
    }
    plan.xattrs = new Map(byFoldedName.values());
    return NtStatus.Success;
  },
};
