import type { MaybePromise } from '@ring3/kit';
import { isCode } from '@ring3/vfs';
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
  session.connection.server.openClosed(open);
  if (open.pipe !== undefined) open.pipe.close();
  if (open.handle === undefined) return;
  if (open.idle) return letGo(open);
  return new Promise<void>((resolve) => open.whenIdle(() => resolve(letGo(open))));
}

function letGo(open: Open): MaybePromise<void> {
  const { handle, tree } = open;
  if (handle === undefined) return;
  const decision = tree.fileState.submit(handle.fileId, { kind: 'close', openId: open.volatileFileId });
  return decision instanceof Promise ? decision.then(({ unlink }) => release(open, unlink)) : release(open, decision.unlink);
}

function release(open: Open, unlink: boolean): MaybePromise<void> {
  const { server } = open.tree.session.connection;
  const failed = (error: unknown): void => server.failed(error, { open: open.pathName });
  const close = (): MaybePromise<void> => {
    const closed = open.handle?.close();
    const both = open.base?.close();
    if (closed instanceof Promise || both instanceof Promise) return Promise.all([closed, both]).then(() => {}, failed);
  };
  try {
    if (!unlink) return close();
    const gone = open.handle?.unlink();
    if (gone instanceof Promise)
      return gone.then(close, (error: unknown) => {
        failed(error);
        return close();
      });
    if (isCode(gone)) server.log.debug('not deleted on close', { code: gone, path: open.pathName });
    return close();
  } catch (error) {
    failed(error);
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
