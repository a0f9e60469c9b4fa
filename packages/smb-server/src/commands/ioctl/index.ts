import type { MaybePromise } from '@ring3/kit';
import { IoctlFlags, IoctlRequest, IoctlResponse, NtStatus } from '@ring3/smb-proto';
import { command } from '../../request/command.ts';
import { findOpen, noFileId } from '../../request/find-open.ts';
import { type IoctlAnswer, type IoctlContext, type IoctlRow, nothing } from './row.ts';
import { rows } from './table.ts';

type Answer = Parameters<typeof IoctlResponse.encode>[0] | NtStatus;

/** IOCTL, MS-SMB2 3.3.5.15. An unknown code is an invalid device request, and never ends the connection. */
export const ioctl = command({
  needs: 'tree',
  request: IoctlRequest,
  response: IoctlResponse,
  sends: ({ input, output }) => input.length + output.length,
  expects: ({ maxInputResponse, maxOutputResponse }) => maxInputResponse + maxOutputResponse,
  handle(ctx, request): MaybePromise<Answer> {
    const { maxTransact } = ctx.connection.negotiated;
    if ((request.flags & IoctlFlags.IsFsctl) === 0) return NtStatus.NotSupported;
    if (request.input.length > maxTransact || request.maxOutputResponse > maxTransact || request.maxInputResponse > maxTransact) {
      return NtStatus.InvalidParameter;
    }
    const row: IoctlRow = rows[request.ctlCode] ?? unknown;
    const status = admit(ctx as IoctlContext, row, request);
    if (status !== NtStatus.Success) return status;
    const output = row.handle(ctx as IoctlContext, request);
    if (!(output instanceof Promise)) return answer(ctx as IoctlContext, request, output);
    return output.then((later) => answer(ctx as IoctlContext, request, later));
  },
});

/** An unknown code needs an open: an unknown file, or none, is reported first. */
const unknown: IoctlRow = { needs: 'open', handle: () => NtStatus.InvalidDeviceRequest };

const namesFile = ({ persistentFileId, volatileFileId }: IoctlRequest): boolean =>
  persistentFileId !== noFileId || volatileFileId !== noFileId;

/** Finds the open of a code, and checks its access. */
function admit(ctx: IoctlContext, { needs, access, changes }: IoctlRow, request: IoctlRequest): NtStatus {
  if (needs === 'tree') return namesFile(request) ? NtStatus.InvalidParameter : NtStatus.Success;
  const found = findOpen(ctx, request);
  if (found !== NtStatus.Success || needs === 'open') return found;
  const { open, tree } = ctx;
  if (open.handle === undefined) return NtStatus.InvalidDeviceRequest;
  if (needs === 'file' && open.handle.kind !== 'file') return NtStatus.InvalidParameter;
  if (changes === true && !tree.writable) return NtStatus.AccessDenied;
  return access === undefined || open.mayAny(access) ? NtStatus.Success : NtStatus.AccessDenied;
}

function answer(ctx: IoctlContext, request: IoctlRequest, output: IoctlAnswer): Answer {
  if (typeof output === 'number') return output;
  const { ctlCode, persistentFileId, volatileFileId } = request;
  if (output.length > request.maxOutputResponse) return ctx.tooSmall(output.length);
  const { open } = ctx;
  const ids = open === undefined ? { persistentFileId, volatileFileId } : open;
  return {
    ctlCode,
    persistentFileId: ids.persistentFileId,
    volatileFileId: ids.volatileFileId,
    flags: 0,
    input: nothing,
    output: [output],
  };
}
