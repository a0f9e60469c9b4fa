import type { Steps } from '@ring3/kit';
import { accessToQuery, encodeSecurityDescriptor, NtStatus, type QueryInfoRequest, selectSecurity } from '@ring3/smb-proto';
import { type Handle, isCode } from '@ring3/vfs';
import { descriptorOf } from '../../objects/descriptors.ts';
import type { ContextOf } from '../../request/command.ts';
import { statusOf } from '../../values/status-map.ts';

/** Security information, MS-SMB2 3.3.5.20.3: the requested parts, or the space that they need. */
export function* querySecurity(ctx: ContextOf<'open'>, request: QueryInfoRequest): Steps<{ buffer: Uint8Array[] } | NtStatus> {
  const { open } = ctx;
  if (!open.may(accessToQuery(request.additionalInformation))) return NtStatus.AccessDenied;
  const descriptor = yield* descriptorOf(open.base ?? (open.handle as Handle), open.parentDescriptor);
  if (isCode(descriptor)) return statusOf(descriptor);
  const bytes = encodeSecurityDescriptor(selectSecurity(descriptor, request.additionalInformation));
  return bytes.length <= request.outputBufferLength ? { buffer: [bytes] } : ctx.tooSmall(bytes.length);
}
