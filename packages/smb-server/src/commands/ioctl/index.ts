import type { MaybePromise } from '@ring3/kit';
import { IoctlFlags, IoctlRequest, IoctlResponse, NtStatus } from '@ring3/smb-proto';
import { command } from '../../command.ts';
import { type IoctlAnswer, type IoctlContext, type IoctlRow, nothing } from './row.ts';
import { rows } from './table.ts';

type Answer = Parameters<typeof IoctlResponse.encode>[0] | NtStatus;

/** IOCTL, MS-SMB2 3.3.5.15. Unknown codes are an invalid device request, and never the end of a connection. */
export const ioctl = command({
  needs: 'session',
  request: IoctlRequest,
  response: IoctlResponse,
  payload: ({ input, output, maxInputResponse, maxOutputResponse }) =>
    Math.max(input.length + output.length, maxInputResponse + maxOutputResponse),
  handle(ctx, request): MaybePromise<Answer> {
    const { maxTransact } = ctx.connection;
    if ((request.flags & IoctlFlags.IsFsctl) === 0) return NtStatus.NotSupported;
    if (request.input.length > maxTransact || request.maxOutputResponse > maxTransact || request.maxInputResponse > maxTransact) {
      return NtStatus.InvalidParameter;
    }
    const row: IoctlRow | undefined = rows[request.ctlCode];
    const anyFile = request.persistentFileId === -1 && request.volatileFileId === -1 && !ctx.related;
    const status = admit(ctx as IoctlContext, row ?? (anyFile ? unknownAnywhere : unknown), request);
    if (status !== NtStatus.Success) return status;
    if (row === undefined) return NtStatus.InvalidDeviceRequest;
    const { open } = ctx;
    const output = row.handle(ctx as IoctlContext, request);
    if (!(output instanceof Promise)) return answer(ctx as IoctlContext, request, output);
    open?.enter();
    return output.then((later) => answer(ctx as IoctlContext, request, later)).finally(() => open?.leave());
  },
});

/** A code that nobody knows: whether its file is there is looked at first. */
const unknown: IoctlRow = { needs: 'open', handle: () => NtStatus.InvalidDeviceRequest };
const unknownAnywhere: IoctlRow = { needs: 'nothing', handle: () => NtStatus.InvalidDeviceRequest };

/** Finds the open that a code works on, and asks whether it may. */
function admit(ctx: IoctlContext, { needs, access, changes }: IoctlRow, { persistentFileId, volatileFileId }: IoctlRequest): NtStatus {
  const { session, compound } = ctx;
  if (needs === 'nothing') return NtStatus.Success;
  const tree = session.trees.get(compound.treeIdOf(ctx));
  if (tree === undefined) return NtStatus.NetworkNameDeleted;
  if (tree.share.options?.encryption === 'required' && !ctx.encrypted) return NtStatus.AccessDenied;
  const ids = compound.inheritIds(ctx, { persistentFileId, volatileFileId });
  if (typeof ids === 'number') return ids;
  const open = session.opens.get(ids.volatileFileId);
  if (open === undefined || open.persistentFileId !== ids.persistentFileId || open.tree !== tree) return NtStatus.FileClosed;
  Object.assign(ctx, { tree, open });
  if (needs === 'open') return NtStatus.Success;
  if (open.handle === undefined) return NtStatus.InvalidDeviceRequest;
  if (needs === 'file' && open.handle.kind !== 'file') return NtStatus.InvalidParameter;
  if (changes === true && !tree.writable) return NtStatus.AccessDenied;
  return access === undefined || open.mayAny(access) ? NtStatus.Success : NtStatus.AccessDenied;
}

function answer(ctx: IoctlContext, request: IoctlRequest, output: IoctlAnswer): Answer {
  if (typeof output === 'number') return output;
  const { ctlCode, persistentFileId, volatileFileId } = request;
  if (output.length > request.maxOutputResponse) return NtStatus.BufferTooSmall;
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
