import type { Steps } from '@ring3/kit';
import { NtStatus, type QueryInfoRequest } from '@ring3/smb-proto';
import type { ContextOf } from '../../command.ts';

/** Security information, MS-SMB2 3.3.5.20.3. */
// biome-ignore lint/correctness/useYield: descriptors come from the store
export function* querySecurity(_ctx: ContextOf<'open'>, _request: QueryInfoRequest): Steps<{ buffer: Uint8Array[] } | NtStatus> {
  return NtStatus.NotSupported;
}
