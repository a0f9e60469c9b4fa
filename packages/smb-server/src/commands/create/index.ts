import { type MaybePromise, runSteps } from '@ring3/kit';
import { CreateRequest, CreateResponse, NtStatus } from '@ring3/smb-proto';
import { type ContextOf, command } from '../../command.ts';
import { newTrail } from '../../resolve.ts';
import { checkReconnect } from './contexts/durable-reconnect.ts';
import { askContexts } from './contexts/index.ts';
import { createFile } from './file.ts';
import { openPipe } from './pipe.ts';
import type { CreatePlan } from './plan.ts';
import { validate } from './validate.ts';

type Answer = Parameters<typeof CreateResponse.encode>[0] | NtStatus;

/** CREATE, MS-SMB2 3.3.5.9. */
export const create = command({
  needs: 'tree',
  request: CreateRequest,
  response: CreateResponse,
  handle(ctx, request): MaybePromise<Answer> {
    const { tree, server } = ctx;
    const reconnects = request.createContexts.length === 0 ? NtStatus.Success : checkReconnect(request.createContexts);
    if (reconnects !== NtStatus.Success) return reconnects;
    if (tree.share.isPipe) return server.mayOpen(tree) ? openPipe(ctx, request) : NtStatus.TooManyOpenedFiles;
    const broken = validate(request);
    if (broken !== NtStatus.Success) return broken;
    const plan = planOf(ctx, request);
    if (typeof plan === 'number') return plan;
    const depth = Math.max(0, plan.path.components.length - 1);
    if (!server.mayOpen(tree, depth)) return NtStatus.TooManyOpenedFiles;
    const answer = runSteps(createFile(plan));
    return answer instanceof Promise ? answer.finally(server.quotas.fileDescriptors.during(tree, depth)) : answer;
  },
});

function planOf(ctx: ContextOf<'tree'>, request: CreateRequest): CreatePlan | NtStatus {
  const path = ctx.tree.share.names.parse(request.name);
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
    leaseRequest: undefined,
    lease: undefined,
    leaseGrant: undefined,
  };
  const status = askContexts(plan, request.createContexts);
  return status === NtStatus.Success ? plan : status;
}
