import { type Steps, wait } from '@ring3/kit';
import { CreateAction, CreateContextName, type CreateResponse, fileAllAccess, NtStatus } from '@ring3/smb-proto';
import { isCode } from '@ring3/vfs';
import { reattach } from '../../objects/close.ts';
import { metadataOfOpen } from '../../objects/metadata.ts';
import type { Open } from '../../objects/open.ts';
import type { TreeConnect } from '../../objects/tree-connect.ts';
import { restartChannelSequence } from '../../request/channel-sequence.ts';
import { cachingBits, oplockLevelOf } from '../../state/index.ts';
import { noGuid } from '../../values/guid-key.ts';
import { statusOf } from '../../values/status-map.ts';
import { answerContexts } from './contexts/index.ts';
import { namesOpen } from './names-open.ts';
import type { CreatePlan, Reconnect } from './plan.ts';

type Answer = Parameters<typeof CreateResponse.encode>[0];

/** CREATE that reconnects to a durable open, MS-SMB2 3.3.5.9.7 and 3.3.5.9.12. */
export function* reconnectOpen(plan: CreatePlan, reconnect: Reconnect): Steps<Answer | NtStatus> {
  const open = findDetached(plan, reconnect);
  if (open === undefined) return NtStatus.ObjectNameNotFound;
  const status = mayReconnect(plan, reconnect, open);
  if (status !== NtStatus.Success) return status;
  reattach(open, plan.ctx.tree);
  restartChannelSequence(plan.ctx, open);
  plan.ctx.open = open;
  return yield* describe(plan, open, CreateAction.Opened);
}

/**
 * CREATE that was sent again with the replay flag and has been done: it gets the same open, MS-SMB2 3.3.5.9.10. A persistent one also over
 * another session: its client may have lost the connection, or the server, before the response.
 * @param open created with the same GUID, and not used since
 */
export function* replayOpen(plan: CreatePlan, open: Open): Steps<Answer | NtStatus> {
  const { tree } = plan.ctx;
  if (open.durableOwner !== tree.session.identity.sid) return NtStatus.AccessDenied;
  const waits = open.attachment === undefined && open.durable?.kind === 'persistent' && isOfShare(open, tree);
  if (!waits && open.attachment !== tree) return NtStatus.DuplicateObjectId;
  if (!sameLease(plan, open)) return NtStatus.AccessDenied;
  if (waits) {
    reattach(open, tree);
    restartChannelSequence(plan.ctx, open);
  }
  plan.ctx.open = open;
  const answer = yield* describe(plan, open, open.createAction);
  const { requestedOplockLevel } = plan.request;
  if (typeof answer === 'number' || answer.oplockLevel <= requestedOplockLevel) return answer;
  // a client that requests a lower oplock now does not rely on a durable open
  const createContexts = answer.createContexts.filter(({ name }) => name !== CreateContextName.DurableHandleRequestV2);
  return { ...answer, oplockLevel: requestedOplockLevel, createContexts };
}

/** A client that did not get the response of its CREATE knows no id, only its GUID: enough for a persistent open. MS-SMB2 3.3.5.9.12. */
function findDetached({ ctx }: CreatePlan, { persistentFileId, createGuid, persistent }: Reconnect): Open | undefined {
  const { durables } = ctx.server;
  const open = durables.find(persistentFileId);
  return open === undefined && persistent && createGuid !== undefined ? durables.findPersistent(createGuid) : open;
}

/** Whether an open is of the share of a tree connect, perhaps with other options now, and its access is not more than these allow. */
const isOfShare = ({ share, grantedAccess }: Open, tree: TreeConnect): boolean =>
  share.name === tree.share.name && share.fileState === tree.share.fileState && (grantedAccess & fileAllAccess & ~tree.maximalAccess) === 0;

/** Both versions of the context find opens of both versions. */
function mayReconnect(plan: CreatePlan, { version, createGuid, persistent }: Reconnect, open: Open): NtStatus {
  const { tree } = plan.ctx;
  if (open.durable === undefined || !isOfShare(open, tree)) return NtStatus.ObjectNameNotFound;
  if (version === 2 && open.durable.kind === 'persistent' && !persistent) return NtStatus.ObjectNameNotFound;
  if (createGuid !== undefined && (open.createGuid ?? noGuid) !== createGuid) return NtStatus.ObjectNameNotFound;
  if (!sameLease(plan, open)) return NtStatus.ObjectNameNotFound;
  if (open.durableOwner !== tree.session.identity.sid) return NtStatus.AccessDenied;
  return open.lease !== undefined && !namesOpen(plan, open) ? NtStatus.InvalidParameter : NtStatus.Success;
}

/** Whether the request names the lease of the open, and is sent by its client; or neither has a lease. */
function sameLease({ ctx, leaseRequest }: CreatePlan, { lease }: Open): boolean {
  if (lease === undefined || leaseRequest === undefined) return lease === undefined && leaseRequest === undefined;
  return lease.isOf(ctx.connection) && Buffer.compare(lease.key, leaseRequest.leaseKey) === 0;
}

/** The response for an existing open: with its current metadata and oplock. */
function* describe(plan: CreatePlan, open: Open, createAction: Open['createAction']): Steps<Answer | NtStatus> {
  const { handle, persistentFileId, volatileFileId } = open;
  if (handle === undefined) return NtStatus.ObjectNameNotFound;
  const stat = yield* wait(handle.stat());
  if (isCode(stat)) return statusOf(stat);
  const { oplock, breaking, epoch } = open.fileState.look(handle.fileId, volatileFileId);
  if (open.lease !== undefined) {
    plan.lease = open.lease;
    plan.leaseGrant = { level: cachingBits[oplock] === 0 ? 'none' : (oplock as 'R'), breaking, epoch };
  }
  const { indexNumber: _id, ...metadata } = metadataOfOpen(open, stat);
  return {
    oplockLevel: oplockLevelOf[oplock],
    createAction,
    ...metadata,
    persistentFileId,
    volatileFileId,
    createContexts: answerContexts(plan, open, stat),
  };
}
