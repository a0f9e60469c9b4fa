import { type Steps, wait } from '@ring3/kit';
import { Capabilities, CreateAction, type CreateResponse, Dialect, FileAttributes, NtStatus, type OplockLevel } from '@ring3/smb-proto';
import { type Handle, isCode, type Stat, type VfsCode } from '@ring3/vfs';
import { directoryChanged } from '../../objects/child-changes.ts';
import { closeOpen, releaseBreaks } from '../../objects/close.ts';
import { keepsHandle } from '../../objects/durable.ts';
import { attributesOf, metadataOfOpen } from '../../objects/metadata.ts';
import { Open, originOf } from '../../objects/open.ts';
import { openParent, release, shownPath } from '../../objects/resolve.ts';
import { channelSequenceOf } from '../../request/channel-sequence.ts';
import { statusOf } from '../../values/status-map.ts';
import { withdrawOpen } from './admission.ts';
import { requestCaching, requestsCaching, watchOutside } from './caching.ts';
import { answerContexts } from './contexts/index.ts';
import { type DispositionRow, dispositions } from './disposition.ts';
import { openFound } from './found.ts';
import { makeMissing } from './make.ts';
import { type CreatePlan, parentLeaseOf } from './plan.ts';
import { isFull } from './room.ts';
import { closeTarget, lookUp, type Made, type Target } from './target.ts';

type Answer = Parameters<typeof CreateResponse.encode>[0];

/** Number of attempts if another CREATE made or deleted the file meanwhile. */
const attempts = 8;

/** Opens or creates a file or directory, and requests its lease. */
export function* createFile(plan: CreatePlan): Steps<Answer | NtStatus> {
  const { ctx, leaseRequest } = plan;
  if (leaseRequest === undefined) return yield* openOrCreate(plan);
  const { leases } = ctx.server;
  plan.lease = leases.begin(ctx.connection, leaseRequest.leaseKey, leaseRequest.version);
  try {
    return yield* openOrCreate(plan);
  } finally {
    leases.settle(plan.lease, ctx.open);
  }
}

/** Resolves the name to an identity, which the state of the file admits; nothing is changed before that. */
function* openOrCreate(plan: CreatePlan): Steps<Answer | NtStatus> {
  const { tree } = plan.ctx;
  const row = dispositions[plan.request.createDisposition] as DispositionRow;
  const { trail } = plan;
  const parent = yield* openParent(tree, plan.path.components, trail);
  if (typeof parent === 'number') return parent;
  try {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const target = yield* lookUp(plan, parent);
      const refused = leaseOfOther(plan, target)
        ? NtStatus.InvalidParameter
        : waitsForClient(plan, target)
          ? NtStatus.FileNotAvailable
          : NtStatus.Success;
      if (refused !== NtStatus.Success) {
        yield* closeTarget(target);
        return refused;
      }
      const made = target.found ? yield* openFound(plan, target, row) : yield* makeMissing(plan, parent, target, row);
      if (made !== 'again') return typeof made === 'number' ? made : yield* finish(plan, made, parent);
    }
    // the target of the link does not exist: there is nothing to open, and nothing is created through it
    return typeof row.there === 'number' ? row.there : NtStatus.ObjectNameNotFound;
  } finally {
    yield* release(tree, parent);
  }
}

/** Whether the lease key is in use for another file, MS-SMB2 3.3.5.9.8. */
function leaseOfOther({ lease, ctx }: CreatePlan, target: Target): boolean {
  if (lease?.file === undefined) return false;
  return !target.found || lease.isOfOther(ctx.tree.fileState, target.handle.fileId);
}

/** Whether a persistent open of the file waits for its client, MS-SMB2 3.3.5.9: at 3.x other clients try again later. */
const waitsForClient = ({ ctx }: CreatePlan, target: Target): boolean =>
  target.found &&
  ctx.connection.negotiated.dialect >= Dialect.Smb30 &&
  ctx.server.durables.waitsForClient(ctx.tree.fileState, target.handle.fileId);

/** Adds the open to the tables, if its session and tree connect still exist, and describes it. */
function* finish(plan: CreatePlan, made: Made, parent: Handle): Steps<Answer | NtStatus> {
  const { ctx } = plan;
  try {
    return yield* enter(plan, made, parent);
  } finally {
    if (ctx.open === undefined) yield* giveUp(plan, made);
  }
}

function* giveUp(plan: CreatePlan, made: Made): Steps<void> {
  yield* withdrawOpen(plan, made);
  for (const file of [made.handle, made.base, made.link]) yield* wait(file?.close());
}

function* enter(plan: CreatePlan, made: Made, parent: Handle): Steps<Answer | NtStatus> {
  const { handle, base, link, name, granted, action, openId, stat: checked } = made;
  const { ctx, request, trail } = plan;
  const { session, tree, server } = ctx;
  if (plan.allocationSize > 0 && action === CreateAction.Created && handle.kind === 'file') {
    const reserved = yield* wait(handle.allocate?.(plan.allocationSize));
    if (isFull(reserved)) {
      yield* wait(handle.unlink());
      directoryChanged(server, tree.fileState, parent.fileId, parentLeaseOf(plan));
      return statusOf(reserved);
    }
  }
  yield* watchOutside(plan, made, parent); // before the client learns anything that it may cache
  const known = typeof plan.watched === 'object' ? undefined : checked;
  const stat: Stat | VfsCode = known ?? (yield* wait(handle.stat()));
  if (isCode(stat)) return statusOf(stat);
  if (session.state !== 'valid' || session.trees.get(tree.treeId) !== tree) return NtStatus.UserSessionDeleted;
  plan.unbook?.();
  if (!server.opens.may(tree, trail.names.length)) return NtStatus.TooManyOpenedFiles; // the limit was reached while the store worked
  const open = new Open({
    persistentFileId: server.nextId(),
    volatileFileId: openId,
    from: originOf(tree),
    grantedAccess: granted,
    createOptions: request.createOptions,
    channelSequence: channelSequenceOf(ctx),
    handle,
    base,
    link,
    lease: plan.lease,
    createGuid: plan.durableRequest?.createGuid,
    createAction: action,
    appInstance: plan.appInstance,
    pipe: undefined,
    parentDescriptor: trail.descriptor,
    ancestors: plan.path.components.length === 0 ? [] : trail.ids,
    targetAncestors: link === undefined ? undefined : trail.behindIds,
    parentLease: parentLeaseOf(plan),
    pathName: base === undefined ? shownPath(trail, name) : shownPath(trail, name, handle.name),
  });
  open.fileGuard.archived = (attributesOf(stat, (base ?? handle).kind) & FileAttributes.Archive) !== 0;
  server.opens.enter(open);
  ctx.open = open;
  server.reports.opened(open, action);
  server.durables.created(open);
  const oplockLevel = yield* grantCaching(plan, open);
  const { indexNumber: _id, ...metadata } = metadataOfOpen(open, stat);
  return {
    oplockLevel,
    createAction: action,
    ...metadata,
    persistentFileId: open.persistentFileId,
    volatileFileId: open.volatileFileId,
    createContexts: answerContexts(plan, open, stat),
  };
}

/**
 * Grants the oplock or lease, and durability. A break in the meantime is sent after the response (Lease.BreakNotification, MS-SMB2 3.3.1.12): a client does not know
 * before what it is of.
 */
function* grantCaching(plan: CreatePlan, open: Open): Steps<OplockLevel> {
  const { ctx } = plan;
  const { persistence, heldBreaks } = ctx.server;
  if (requestsCaching(plan)) {
    open.answered = heldBreaks.hold(open.owner);
    ctx.sent = () => queueMicrotask(() => releaseBreaks(open)); // it is passed to the link in this turn
  }
  const oplockLevel = yield* requestCaching(plan, open);
  if (open.lease !== undefined) yield* wait(persistence.saveLease(open.lease));
  yield* grantDurability(plan, open);
  return oplockLevel;
}

/**
 * The open becomes persistent on a share with continuous availability; else durable if it caches its handle. MS-SMB2 3.3.5.9.6 and
 * 3.3.5.9.10.
 */
function* grantDurability({ ctx, durableRequest }: CreatePlan, open: Open): Steps<void> {
  if (durableRequest === undefined) return;
  const { version, timeoutMs: asked, persistent } = durableRequest;
  const { durableMs, maxDurableMs } = ctx.server.limits;
  const timeoutMs = asked === 0 ? durableMs : Math.min(asked, maxDurableMs);
  if (persistent && mayPersist(ctx, open)) {
    open.durable = { kind: 'persistent', version, timeoutMs };
    if (yield* wait(ctx.server.persistence.enter(open))) return;
    open.durable = undefined;
    if (open.attachment === undefined) return void closeOpen(open); // its client was disconnected meanwhile, and does not know it
  }
  if (keepsHandle(open)) open.durable = { kind: 'durable', version, timeoutMs };
}

/** Not through a link: its target may be another file after a restart. */
const mayPersist = ({ connection, server }: CreatePlan['ctx'], { handle, link, share }: Open): boolean =>
  (connection.negotiated.serverCapabilities & Capabilities.PersistentHandles) !== 0 &&
  handle?.kind === 'file' &&
  link === undefined &&
  server.persistence.isAvailable(share);
