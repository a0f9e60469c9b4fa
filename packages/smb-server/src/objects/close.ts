import { andThen, type MaybePromise, runSteps, type Steps, settle, wait } from '@ring3/kit';
import { CreateOptions, NtStatus } from '@ring3/smb-proto';
import { type Handle, isCode, type VfsCode, VfsError } from '@ring3/vfs';
import type { Actor } from '../values/events.ts';
import type { Channel } from './channel.ts';
import { childChanged, nameChanged } from './child-changes.ts';
import { type Durable, outlivesConnection } from './durable.ts';
import { nameRemoved } from './find-entry.ts';
import { lockOnHost, locksHost } from './host-locks.ts';
import { noteWritten } from './noting.ts';
import type { Open } from './open.ts';
import type { Services } from './services.ts';
import type { Session } from './session.ts';
import type { TreeConnect } from './tree-connect.ts';

/**
 * Closes an open, MS-SMB2 3.3.4.17: it is removed from every table at once; its handles are released when no request uses it any more. The
 * last close of a file that is delete-pending unlinks it.
 */
export const closeOpen = (open: Open): MaybePromise<void> => endOpen(open);

/** The server ends: a persistent open is removed from it like any other, but continues with the next one, with its locks and caches. */
function suspendOpen(open: Open): MaybePromise<void> {
  open.suspended = true;
  open.server.persistence.suspend(open);
  return endOpen(open);
}

function endOpen(open: Open): MaybePromise<void> {
  if (open.closed) return;
  open.closed = true;
  const { server } = open;
  leaveSession(open);
  server.opens.leave(open);
  server.durables.closed(open);
  open.share.outside?.stop(open);
  releaseBreaks(open);
  if (open.lease !== undefined) server.leases.closed(open.lease, open);
  server.reports.closed(open);
  if (open.pipe !== undefined) open.pipe.close();
  if (open.handle === undefined) return;
  const releasing = open.idle ? releaseOpen(open) : new Promise<void>((resolve) => open.whenIdle(() => resolve(releaseOpen(open))));
  const released = open.durable?.kind === 'persistent' ? andThen(releasing, () => server.persistence.ended(open)) : releasing;
  const { fileDescriptors } = server.quotas;
  if (released instanceof Promise) {
    server.shutdown.openClosed(open, released);
    void released.then(() => fileDescriptors.closed(open));
  } else fileDescriptors.closed(open);
  return released;
}

/** The response of the CREATE of an open is sent, or will never be: the breaks that were held until then are sent. */
export function releaseBreaks(open: Open): void {
  const { answered } = open;
  open.answered = undefined;
  answered?.();
}

/** Removes the open from its session, and ends the requests that wait on it. */
function leaveSession(open: Open): void {
  const { attachment } = open;
  if (attachment === undefined) return;
  const { session } = attachment;
  session.opens.delete(open.volatileFileId);
  session.cancelWhere((request) => request.open === open);
  open.watch?.end(NtStatus.NotifyCleanup);
}

/**
 * The client of a durable open is disconnected: the open stays in the state of its file, with its locks and its cache, and waits for the
 * client. MS-SMB2 3.3.7.1.
 */
function detach(open: Open, durable: Durable): void {
  leaveSession(open);
  open.attachment = undefined;
  open.server.durables.detach(open, durable, () => void closeOpen(open));
  if (durable.kind !== 'durable') endBreak(open);
}

/** No client is left that could acknowledge a break: operations that wait for it continue. */
function endBreak({ handle, fileState, volatileFileId, owner, lease }: Open): void {
  if (handle === undefined || !fileState.look(handle.fileId, volatileFileId).breaking) return;
  for (const { attachment } of lease?.opens ?? []) if (attachment !== undefined) return;
  void fileState.submit(handle.fileId, { kind: 'expire', owner });
}

/**
 * Detaches the opens of a session that outlive it, all at once: their client may reconnect at any time. MS-SMB2 3.3.7.1. Only persistent ones
 * outlive the server.
 */
function detachAll({ opens, server }: Session): void {
  for (const open of [...opens.values()]) {
    if (server.shutdown.begun && open.durable?.kind !== 'persistent') continue;
    if (outlivesConnection(open)) detach(open, open.durable as Durable);
  }
}

/** The client has reconnected: the open belongs to another tree connect. MS-SMB2 3.3.5.9.7, 3.3.5.9.12. */
export function reattach(open: Open, tree: TreeConnect): void {
  open.server.durables.attach(open);
  open.attachment = tree;
  open.actor = tree.session.actor;
  tree.session.opens.set(open.volatileFileId, open);
}

/** Releases everything the open holds. Errors are logged, not returned. */
const releaseOpen = (open: Open): MaybePromise<void> => attempt(open, release(open));

/**
 * Removes a closed open from the state of its file while a store still works on it. Only when no client is left that could observe the end
 * of that work.
 */
export const releaseState = (open: Open): MaybePromise<void> => attempt(open, leaveState(open));

const attempt = (open: Open, steps: Steps<void>): MaybePromise<void> =>
  settle(
    () => runSteps(steps),
    nothing,
    (error) => open.server.failed(error, { open: open.pathName }),
  );
const nothing = (): void => {};

/**
 * The state first, so that no other open is admitted in between; then the last close unlinks a delete-pending file; then the handles are
 * closed. The file of a stream is closed in the same way.
 */
function* release(open: Open): Steps<void> {
  try {
    yield* leaveState(open);
  } finally {
    try {
      if (open.handle !== undefined) yield* noteWritten(open);
      if (open.wrote) childChanged(open);
    } finally {
      yield* wait(open.handle?.close());
      yield* wait(open.base?.close());
      yield* wait(open.link?.close());
    }
  }
}

function* leaveState(open: Open): Steps<void> {
  const { handle, base, link, volatileFileId: openId, server, actor, fileState } = open;
  const deleter = (open.createOptions & CreateOptions.DeleteOnClose) !== 0 ? actor : undefined;
  const doomed: { readonly entry: Handle; readonly deleter: Actor }[] = [];
  for (const entry of [handle, base, link]) {
    if (entry === undefined) continue;
    const held = entry === handle && locksHost(open, entry) ? fileState.look(entry.fileId, openId).locks : [];
    if (open.suspended) {
      yield* wait(fileState.submit(entry.fileId, { kind: 'withdraw', openId }));
      continue;
    }
    const closed = yield* wait(fileState.submit(entry.fileId, { kind: 'close', openId, deleter }));
    if (deleter !== undefined) yield* wait(server.persistence.saveFile(fileState, entry));
    if (held.length > 0) yield* lockOnHost(open, entry, held);
    if (closed.unlink) doomed.push({ entry, deleter: closed.deleter ?? actor });
  }
  for (const { entry, deleter } of doomed) {
    const code = yield* unlinked(entry);
    if (code === undefined) nameChanged(open);
    if (code === undefined && entry !== base) nameRemoved(open);
    if (code === undefined) server.reports.deleted(open, entry === base, deleter);
    else if (code !== 'ENOENT') server.reports.notDeleted(open, entry === base, deleter, code); // another program deleted it
  }
}

/** Deletes a file. @returns the error code, also if the store throws */
function* unlinked(entry: Handle): Steps<VfsCode | undefined> {
  try {
    const code = yield* wait(entry.unlink());
    return isCode(code) ? code : undefined;
  } catch (error) {
    if (error instanceof VfsError) return error.code;
    throw error;
  }
}

/** Ends a tree connect with its opens, MS-SMB2 3.3.5.8. */
export function endTree(tree: TreeConnect): MaybePromise<void> {
  const { session } = tree;
  if (!session.trees.delete(tree.treeId)) return;
  session.server.quotas.trees.remove(session.owner);
  session.cancelWhere((request) => request.tree === tree);
  const closed = closeAll(
    [...session.opens.values()].filter((open) => open.attachment === tree),
    session.server,
  );
  releaseRoot(tree);
  return closed;
}

/** The share's directory is closed when no request uses it any more; only a closing server waits for that. */
function releaseRoot(tree: TreeConnect): void {
  const { root, share } = tree;
  if (root === undefined) return;
  const { server } = tree.session;
  const close = (): MaybePromise<void> =>
    settle(
      () => root.close(),
      nothing,
      (error) => server.failed(error, { share: share.name }),
    );
  const released = tree.idle ? close() : new Promise<void>((resolve) => tree.whenIdle(() => resolve(close())));
  if (released instanceof Promise) server.shutdown.treeEnded(released);
}

/**
 * Ends a session with its tree connects and opens, MS-SMB2 3.3.5.6 and 3.3.7.1. It is in no table afterwards.
 * @param closesAll durable opens are closed, too: an administrator or the server ends the session
 */
export function endSession(session: Session, closesAll = false): MaybePromise<void> {
  const { server } = session;
  if (session.state === 'ended') return;
  const wasValid = session.state !== 'inProgress';
  session.state = 'ended';
  server.sessions.delete(session.sessionId);
  session.cancelWhere((request) => request.session === session);
  const trees = [...session.trees.values()];
  session.trees.clear();
  if (trees.length > 0) server.quotas.trees.remove(session.owner, trees.length);
  if (wasValid) server.sessionEnded(session);
  for (const channel of [...session.channels]) channel.end();
  session.forgetKeys();
  if (!closesAll) detachAll(session);
  const closed = closeAll([...session.opens.values()], server);
  const released = server.closing.each(trees, releaseRoot);
  if (released instanceof Promise && server.closing.busy) server.shutdown.treeEnded(released);
  return closed;
}

/**
 * A connection is lost, or a logon on it was given up: its channel ends, and the session with its last channel. MS-SMB2 3.3.7.1.
 */
export function endChannel(channel: Channel): void {
  const { session } = channel;
  channel.end();
  if (session.hasChannel) return;
  void endSession(session);
}

/** The server ends: closes every open that waits for its client, except persistent ones, which the next server restores. */
export function closeDetached(server: Services): void {
  const opens = server.durables.all();
  void closeAll(
    opens.filter(({ durable }) => durable?.kind !== 'persistent'),
    server,
  );
  void closeAll(
    opens.filter(({ durable }) => durable?.kind === 'persistent'),
    server,
    suspendOpen,
  );
}

/** Closes opens: many of them in later turns. A server that closes waits for that. */
function closeAll(opens: readonly Open[], server: Services, close = closeOpen): MaybePromise<void> {
  const closed = server.closing.each(opens, close);
  if (closed instanceof Promise && server.closing.busy) server.shutdown.treeEnded(closed);
  return closed;
}
