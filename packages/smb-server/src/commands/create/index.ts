import { type MaybePromise, runSteps, type Steps } from '@ring3/kit';
import { CreateRequest, CreateResponse, HeaderFlags, NtStatus } from '@ring3/smb-proto';
import { newTrail } from '../../objects/resolve.ts';
import { type ContextOf, command } from '../../request/command.ts';
import { closeOlderInstance } from './app-instance.ts';
import { reconnectsOpen } from './contexts/durable.ts';
import { askContexts } from './contexts/index.ts';
import { createFile } from './file.ts';
import { openPipe } from './pipe.ts';
import type { CreatePlan } from './plan.ts';
import { reconnectOpen, replayOpen } from './reconnect.ts';
import { validate } from './validate.ts';

type Answer = Parameters<typeof CreateResponse.encode>[0] | NtStatus;

/** CREATE, MS-SMB2 3.3.5.9. */
export const create = command({
  needs: 'tree',
  request: CreateRequest,
  response: CreateResponse,
  handle(ctx, request): MaybePromise<Answer> {
    const { tree, server } = ctx;
    const reconnects = reconnectsOpen(request.createContexts);
    if (tree.share.isPipe) {
      if (reconnects) return NtStatus.ObjectNameNotFound;
      return server.opens.may(tree) ? openPipe(ctx, request) : NtStatus.TooManyOpenedFiles;
    }
    const broken = reconnects ? NtStatus.Success : validate(request);
    if (broken !== NtStatus.Success) return broken;
    const plan = planOf(ctx, request);
    if (typeof plan === 'number') return plan;
    const depth = Math.max(0, plan.path.components.length - 1);
    if (!reconnects && !server.opens.may(tree, depth)) return NtStatus.TooManyOpenedFiles;
    const answer = runSteps(createOrReconnect(plan));
    if (!(answer instanceof Promise)) return answer;
    plan.unbook = server.quotas.fileDescriptors.during(tree, depth);
    return answer.finally(plan.unbook);
  },
});

/** Opens the file; or finds the open that the client reconnects to, or whose CREATE it repeats. */
function* createOrReconnect(plan: CreatePlan): Steps<Answer> {
  const { reconnect, durableRequest } = plan;
  if (reconnect !== undefined) return yield* reconnectOpen(plan, reconnect);
  if (durableRequest?.createGuid === undefined) return yield* createNew(plan);
  return yield* createOnce(plan, durableRequest.createGuid);
}

/**
 * A CREATE with a GUID is done once: sent again with the replay flag, it gets the open that it made. MS-SMB2 3.3.5.9.10. It continues if its
 * channel is lost, because its client replays it on another one (3.2.7.1).
 */
function* createOnce(plan: CreatePlan, createGuid: string): Steps<Answer> {
  const { header, connection, server } = plan.ctx;
  const key = connection.negotiated.clientKey + createGuid;
  const { durables } = server;
  const replays = (header.flags & HeaderFlags.ReplayOperation) !== 0;
  const open = durables.createdBy(key);
  if (open !== undefined && !replays) return NtStatus.DuplicateObjectId;
  if (open?.replayEligible === true) return yield* replayOpen(plan, open);
  if (!durables.begin(key)) return replays ? NtStatus.FileNotAvailable : NtStatus.DuplicateObjectId;
  plan.ctx.outlivesChannel = true;
  try {
    return yield* createNew(plan);
  } finally {
    durables.settle(key);
  }
}

function* createNew(plan: CreatePlan): Steps<Answer> {
  const status = yield* closeOlderInstance(plan);
  return status === NtStatus.Success ? yield* createFile(plan) : status;
}

function planOf(ctx: ContextOf<'tree'>, request: CreateRequest): CreatePlan | NtStatus {
  const { names } = ctx.tree.share;
  const named = names.parse(request.name);
  // a client that reconnects to an open need not name it (3.3.5.9.7)
  const path = typeof named === 'number' && reconnectsOpen(request.createContexts) ? names.parse('') : named;
  if (typeof path === 'number') return path;
  const plan: CreatePlan = {
    ctx,
    request,
    path,
    trail: newTrail(),
    allocationSize: 0,
    descriptor: undefined,
    xattrs: undefined,
    wantsMaximalAccess: false,
    maximalAccess: 0,
    wantsOnDiskId: false,
    durableRequest: undefined,
    reconnect: undefined,
    appInstance: { id: undefined, version: undefined },
    leaseRequest: undefined,
    lease: undefined,
    leaseGrant: undefined,
    unbook: undefined,
    watched: undefined,
  };
  const status = askContexts(plan, request.createContexts);
  return status === NtStatus.Success ? plan : status;
}
