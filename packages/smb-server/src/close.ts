import { type MaybePromise, runSteps, type Steps, settle, wait } from '@ring3/kit';
import { NtStatus } from '@ring3/smb-proto';
import { type Handle, isCode } from '@ring3/vfs';
import type { Open } from './open.ts';
import type { Session } from './session.ts';
import type { Tree } from './tree.ts';

/**
 * Closes an open, MS-SMB2 3.3.4.17: it leaves every table at once; the file is let go when no request uses it any more. The last close of a file that waits
 * for its deletion unlinks it.
 */
export function closeOpen(open: Open): MaybePromise<void> {
  if (open.closed) return;
  open.closed = true;
  const { session } = open.tree;
  session.opens.delete(open.volatileFileId);
  session.connection.async.cancelWhere((request) => request.open === open);
  open.watch?.end(NtStatus.NotifyCleanup);
  session.connection.server.openClosed(open);
  if (open.pipe !== undefined) open.pipe.close();
  if (open.handle === undefined) return;
  if (open.idle) return letGo(open);
  return new Promise<void>((resolve) => open.whenIdle(() => resolve(letGo(open))));
}

/** Gives everything back that an open holds; what goes wrong on the way is told, and nobody waits for it. */
const letGo = (open: Open): MaybePromise<void> =>
  settle(
    () => runSteps(release(open)),
    nothing,
    (error) => open.tree.session.connection.server.failed(error, { open: open.pathName }),
  );
const nothing = (): void => {};

/** The state first, so that nobody comes in between; then the last one unlinks what waits for that; then the handles. A stream's file goes the same way. */
function* release({ handle, base, volatileFileId: openId, tree, pathName }: Open): Steps<void> {
  const { log } = tree.session.connection.server;
  const doomed: Handle[] = [];
  for (const entry of [handle, base]) {
    if (entry === undefined) continue;
    const { unlink } = yield* wait(tree.fileState.submit(entry.fileId, { kind: 'close', openId }));
    if (unlink) doomed.push(entry);
  }
  try {
    for (const entry of doomed) {
      const gone = yield* wait(entry.unlink());
      if (isCode(gone)) log.debug('not deleted on close', { code: gone, path: pathName });
    }
  } finally {
    yield* wait(handle?.close());
    yield* wait(base?.close());
  }
}

/** Ends a tree connect with its opens, MS-SMB2 3.3.5.8. */
export function endTree(tree: Tree): MaybePromise<void> {
  const { session } = tree;
  if (!session.trees.delete(tree.treeId)) return;
  session.connection.async.cancelWhere((request) => request.tree === tree);
  return closeAll([...session.opens.values()].filter((open) => open.tree === tree));
}

/** Ends a session with its trees and opens, MS-SMB2 3.3.5.6 and 3.3.7.1. It is in no table afterwards. */
export function endSession(session: Session): MaybePromise<void> {
  const { connection } = session;
  if (session.state === 'ended') return;
  const wasValid = session.state !== 'inProgress';
  session.state = 'ended';
  connection.sessions.delete(session.sessionId);
  connection.server.sessions.delete(session.sessionId);
  connection.async.cancelWhere((request) => request.session === session);
  session.trees.clear();
  if (wasValid) connection.server.sessionEnded(session);
  return closeAll([...session.opens.values()]);
}

function closeAll(opens: readonly Open[]): MaybePromise<void> {
  const pending: Promise<void>[] = [];
  for (const open of opens) {
    const closed = closeOpen(open);
    if (closed instanceof Promise) pending.push(closed);
  }
  return pending.length === 0 ? undefined : Promise.all(pending).then(() => {});
}
