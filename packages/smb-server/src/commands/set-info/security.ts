import type { Steps } from '@ring3/kit';
import { NtStatus, type SetInfoRequest } from '@ring3/smb-proto';
import type { ContextOf } from '../../command.ts';

/** Security information, MS-SMB2 3.3.5.21.3. */
// biome-ignore lint/correctness/useYield: descriptors go to the store
export function* setSecurity(_ctx: ContextOf<'open'>, _request: SetInfoRequest): Steps<NtStatus> {
  return NtStatus.NotSupported;
}
