import type { MaybePromise } from '@ring3/kit';
import { IoctlFlags, IoctlRequest, IoctlResponse, NtStatus } from '@ring3/smb-proto';
import { command } from '../../command.ts';
import type { IoctlContext, IoctlRow } from './row.ts';
import { rows } from './table.ts';

type Answer = Parameters<typeof IoctlResponse.encode>[0] | NtStatus;
const none = new Uint8Array(0);

/** IOCTL, MS-SMB2 3.3.5.15. Unknown codes are an invalid device request, and never the end of a connection. */
export const ioctl = command({
  needs: 'session',
  request: IoctlRequest,
  response: IoctlResponse,
  payload: ({ input, output, maxInputResponse, maxOutputResponse }) =>
    Math.max(input.length + output.length, maxInputResponse + maxOutputResponse),
  handle(ctx, request): MaybePromise<Answer> {
    const { connection } = ctx;
    if ((request.flags & IoctlFlags.IsFsctl) === 0) return NtStatus.NotSupported;
    const { maxTransact } = connection;
    if (request.input.length > maxTransact || request.maxOutputResponse > maxTransact || request.maxInputResponse > maxTransact) {
      return NtStatus.InvalidParameter;
    }
    const row: IoctlRow | undefined = rows[request.ctlCode];
    const status = admit(ctx as IoctlContext, row?.needs ?? 'nothing', request);
    if (status !== NtStatus.Success) return status;
    if (row === undefined) return NtStatus.InvalidDeviceRequest;
    const output = row.handle(ctx as IoctlContext, request);
    return output instanceof Promise ? output.then((later) => answer(request, later)) : answer(request, output);
  },
});

/** Finds the open that a code works on. */
function admit(ctx: IoctlContext, needs: IoctlRow['needs'], { persistentFileId, volatileFileId }: IoctlRequest): NtStatus {
  const { session, compound } = ctx;
  if (needs === 'nothing') return NtStatus.Success;
  const tree = session.trees.get(compound.treeIdOf(ctx));
  if (tree === undefined) return NtStatus.NetworkNameDeleted;
  if (tree.share.options?.encryption === 'required' && !ctx.encrypted) return NtStatus.AccessDenied;
  (ctx as { tree: typeof tree }).tree = tree;
  const ids = compound.inheritIds(ctx, { persistentFileId, volatileFileId });
  if (typeof ids === 'number') return ids;
  const open = session.opens.get(ids.volatileFileId);
  if (open === undefined || open.persistentFileId !== ids.persistentFileId || open.tree !== tree) return NtStatus.FileClosed;
  (ctx as { open: typeof open }).open = open;
  return NtStatus.Success;
}

function answer({ ctlCode, persistentFileId, volatileFileId }: IoctlRequest, output: Uint8Array | NtStatus): Answer {
  if (typeof output === 'number') return output;
  return { ctlCode, persistentFileId, volatileFileId, flags: 0, input: none, output: [output] };
}
