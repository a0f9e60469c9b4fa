import { andThen, type MaybePromise, runSteps, type Steps, wait } from '@ring3/kit';
import { Dialect, LockFlags, LockRequest, LockResponse, NtStatus } from '@ring3/smb-proto';
import type { Handle } from '@ring3/vfs';
import { lockOnHost, locksHost } from '../objects/host-locks.ts';
import type { LockSequence } from '../objects/persistent-opens.ts';
import { type ContextOf, command } from '../request/command.ts';
import { submitPending } from '../request/pending.ts';
import type { LockInput } from '../state/index.ts';
import { LockSequences } from '../state/lock-sequences.ts';
import { readDataRights, writeDataRights } from '../values/access.ts';

/** LOCK, MS-SMB2 3.3.5.14: the first element decides whether it locks or unlocks. */
export const lock = command({
  needs: 'open',
  request: LockRequest,
  response: LockResponse,
  handle(ctx, { locks, lockSequence }) {
    const { open } = ctx;
    const [first] = locks;
    if (first === undefined) return NtStatus.InvalidParameter;
    if (open.handle === undefined) return NtStatus.InvalidDeviceRequest;
    if (open.handle.kind !== 'file') return NtStatus.InvalidParameter;
    if (!open.mayAny(readDataRights | writeDataRights)) return NtStatus.AccessDenied;
    const sequences = sequencesOf(ctx, lockSequence);
    if (sequences?.replays(lockSequence) === true) return {};
    const place = lockSequence >>> 4;
    const sequence = sequences === undefined || place > 64 ? undefined : { place, number: lockSequence & 15 };
    const status = (first.flags & LockFlags.Unlock) !== 0 ? unlock(ctx, locks, sequence) : take(ctx, locks, sequence);
    return andThen(status, (done) => {
      if (done !== NtStatus.Success) return done;
      sequences?.done(lockSequence);
      return {};
    });
  },
});

/**
 * The sequence numbers of an open's LOCKs, MS-SMB2 3.3.5.14: of every open at 3.x, where a client may send a LOCK again over another
 * channel; at 2.1 only of those that outlive their connection.
 */
function sequencesOf({ open, connection }: ContextOf<'open'>, lockSequence: number): LockSequences | undefined {
  const { dialect } = connection.negotiated;
  if (lockSequence >>> 4 === 0 || dialect < Dialect.Smb21 || (dialect < Dialect.Smb30 && open.durable === undefined)) return undefined;
  return (open.lockSequences ??= new LockSequences());
}

type Elements = LockRequest['locks'];

const { SharedLock, ExclusiveLock, FailImmediately, Unlock } = LockFlags;
const mayLock: ReadonlySet<number> = new Set([SharedLock, ExclusiveLock, SharedLock | FailImmediately, ExclusiveLock | FailImmediately]);

/** MS-SMB2 3.3.5.14.2: only a single lock may wait. */
function take(ctx: ContextOf<'open'>, locks: Elements, sequence: LockSequence | undefined): MaybePromise<NtStatus> {
  const { open, server, tree } = ctx;
  if (!locks.every(({ flags }) => mayLock.has(flags))) return NtStatus.InvalidParameter;
  const wait = locks.some(({ flags }) => (flags & FailImmediately) === 0);
  if (wait && locks.length > 1) return NtStatus.InvalidParameter;
  const ranges = locks.map(({ offset, length, flags }) => ({ offset, length, exclusive: (flags & ExclusiveLock) !== 0 }));
  const { owner } = ctx.session;
  if (!server.quotas.locks.may(owner, ranges.length)) {
    server.refuse('locks', ctx.session.actor);
    return NtStatus.InsufficientResources;
  }
  const input: LockInput = { kind: 'lock', openId: open.volatileFileId, ticket: server.opens.nextId(), ranges, wait };
  // A LOCK that waits when its open ends does not end with STATUS_CANCELLED: its range is not locked.
  const cancelled = (): NtStatus => (open.ending ? NtStatus.RangeNotLocked : NtStatus.Cancelled);
  const status =
    open.handle === undefined || !locksHost(tree, open.handle)
      ? submitPending(ctx, tree.fileState, fileIdOf(ctx), input, cancelled)
      : runSteps(takeOnHost(ctx, open.handle, input, cancelled));
  return andThen(status, (done) => {
    if (done !== NtStatus.Success) return done;
    count(ctx, ranges.length);
    return open.durable?.kind === 'persistent' ? runSteps(store(ctx, ranges, sequence)) : done;
  });
}

/** The locks of a persistent open are stored before the response is sent; else they are released again. */
function* store(ctx: ContextOf<'open'>, ranges: LockInput['ranges'], sequence: LockSequence | undefined): Steps<NtStatus> {
  const { open, tree, server } = ctx;
  if (yield* wait(server.persistence.locked(open, ranges, sequence))) return NtStatus.Success;
  const { handle } = open;
  if (handle === undefined || open.closed) return NtStatus.InsufficientResources;
  yield* wait(tree.fileState.submit(handle.fileId, { kind: 'unlock', openId: open.volatileFileId, ranges }));
  if (locksHost(tree, handle)) yield* lockOnHost(tree, handle, ranges);
  count(ctx, -ranges.length);
  return NtStatus.InsufficientResources;
}

/** Interval of retries of a lock that another program holds, ms: the host does not report when it is free. */
const retryMs = 200;

/**
 * Takes locks that other programs of the host see. While one waits for such a program, nothing is kept for the client: other clients may
 * take the range.
 */
function* takeOnHost(ctx: ContextOf<'open'>, handle: Handle, input: LockInput, cancelled: () => NtStatus): Steps<NtStatus> {
  const { tree, server } = ctx;
  const { openId, ranges } = input;
  for (;;) {
    const status = yield* wait(submitPending(ctx, tree.fileState, handle.fileId, input, cancelled));
    if (status !== NtStatus.Success || (yield* lockOnHost(tree, handle, ranges))) return status;
    yield* wait(tree.fileState.submit(handle.fileId, { kind: 'unlock', openId, ranges }));
    yield* lockOnHost(tree, handle, ranges);
    if (!input.wait) return NtStatus.LockNotGranted;
    const ended = yield* wait(
      new Promise<NtStatus | undefined>((resolve) => {
        const timer = server.clock.after(retryMs, () => resolve(undefined));
        const stop = (why: NtStatus): void => {
          timer.clear();
          resolve(why);
        };
        if (!ctx.pend(() => stop(cancelled()), true)) stop(NtStatus.InsufficientResources);
      }),
    );
    if (ended !== undefined) return ended;
  }
}

/** Adds to the number of locks that the open holds. */
function count({ open, server, session }: ContextOf<'open'>, change: number): void {
  if (open.closed) return; // it holds none any more
  open.locks += change;
  if (change > 0) server.quotas.locks.add(session.owner, change);
  else if (change < 0) server.quotas.locks.remove(session.owner, -change);
}

/** MS-SMB2 3.3.5.14.1: ranges that were unlocked before an invalid element stay unlocked. */
function unlock(ctx: ContextOf<'open'>, locks: Elements, sequence: LockSequence | undefined): MaybePromise<NtStatus> {
  const wrong = locks.findIndex(({ flags }) => flags !== Unlock);
  const ranges = wrong < 0 ? locks : locks.slice(0, wrong);
  const { open, tree } = ctx;
  const status = tree.fileState.submit(fileIdOf(ctx), { kind: 'unlock', openId: open.volatileFileId, ranges });
  const unlocked = andThen(status, (done) => {
    // Of a list that failed, some ranges may be unlocked.
    const held =
      done === NtStatus.Success ? -ranges.length : tree.fileState.look(fileIdOf(ctx), open.volatileFileId).locks.length - open.locks;
    count(ctx, held);
    const answer = wrong >= 0 && done === NtStatus.Success ? NtStatus.InvalidParameter : done;
    if (open.durable?.kind !== 'persistent') return answer;
    const unlockedRanges = ranges.slice(0, -held);
    return andThen(ctx.server.persistence.unlocked(open, unlockedRanges, answer === NtStatus.Success ? sequence : undefined), (stored) =>
      stored ? answer : NtStatus.InsufficientResources,
    );
  });
  const { handle } = open;
  if (handle === undefined || !locksHost(tree, handle)) return unlocked;
  return andThen(unlocked, (done) => andThen(runSteps(lockOnHost(tree, handle, ranges)), () => done));
}

const fileIdOf = ({ open }: ContextOf<'open'>): string => open.handle?.fileId ?? '';
