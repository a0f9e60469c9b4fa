import { AccessMask, ChangeNotifyFlags, ChangeNotifyRequest, ChangeNotifyResponse, NtStatus } from '@ring3/smb-proto';
import { ChangeWatch, type Notified } from '../objects/notify/change-watch.ts';
import { type ContextOf, command } from '../request/command.ts';

type Answer = { readonly buffer: readonly Uint8Array[] } | NtStatus;

/** CHANGE_NOTIFY, MS-SMB2 3.3.5.19: waits for a change in the directory, until it is cancelled or its open ends. */
export const changeNotify = command({
  needs: 'open',
  request: ChangeNotifyRequest,
  response: ChangeNotifyResponse,
  expects: ({ outputBufferLength }) => outputBufferLength,
  handle(ctx, { outputBufferLength, completionFilter, flags }): Promise<Answer> | Answer {
    const { open, connection } = ctx;
    const { handle } = open;
    if (outputBufferLength > connection.negotiated.maxTransact) return NtStatus.InvalidParameter;
    if (handle?.kind !== 'folder') return NtStatus.InvalidParameter;
    if (!open.may(AccessMask.FileListDirectory)) return NtStatus.AccessDenied;
    if (open.share.options?.changeNotify === false) return NtStatus.NotImplemented; // as smbd, whose share option it is
    if (handle.watch === undefined) return NtStatus.NotSupported;
    if (open.watch === undefined) {
      const { session, server } = ctx;
      const book = (bytes: number): boolean => server.keeps(session, bytes);
      open.watch = new ChangeWatch(completionFilter, outputBufferLength, book, open.share.names.vetoed);
      void open.watch
        .listen(handle, (flags & ChangeNotifyFlags.WatchTree) !== 0, ctx.server.watches)
        .catch((error) => ctx.server.failed(error, { open: open.pathName }));
    }
    return wait(ctx, open.watch, outputBufferLength);
  },
});

function wait(ctx: ContextOf<'open'>, watch: ChangeWatch, room: number): Promise<Answer> | Answer {
  let answered: Answer | undefined;
  let later: ((answer: Answer) => void) | undefined;
  const stop = watch.ask(room, (notified) => {
    answered = answerOf(ctx, notified);
    later?.(answered);
  });
  if (answered !== undefined) return answered;
  // The next element of its chain must not wait for a change that may never happen.
  if (!ctx.last) stop(NtStatus.InternalError);
  // It is not a cancellation if its open, tree connect or session ends.
  else if (!ctx.pend(() => stop(ctx.open.ending ? NtStatus.NotifyCleanup : NtStatus.Cancelled), true)) stop(NtStatus.InsufficientResources);
  return answered ?? new Promise((resolve) => (later = resolve));
}

function answerOf(ctx: ContextOf<'open'>, notified: Notified): Answer {
  if (typeof notified !== 'number') return { buffer: [notified] };
  if (notified !== NtStatus.NotifyEnumDir) return notified;
  ctx.status = notified;
  return { buffer: [] };
}
