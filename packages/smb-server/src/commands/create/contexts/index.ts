import { type CreateContext, NtStatus } from '@ring3/smb-proto';
import type { Stat } from '@ring3/vfs';
import type { Open } from '../../../objects/open.ts';
import type { CreatePlan } from '../plan.ts';
import { allocationSize } from './allocation-size.ts';
import { appInstanceId, appInstanceVersion } from './app-instance.ts';
import { durableContextsConflict, durableReconnect, durableReconnectV2, durableRequest, durableRequestV2 } from './durable.ts';
import { extendedAttributes } from './extended-attributes.ts';
import { lease } from './lease.ts';
import { maximalAccess } from './maximal-access.ts';
import { queryOnDiskId } from './query-on-disk-id.ts';
import type { ContextRow } from './row.ts';
import { securityDescriptor } from './security-descriptor.ts';
import { timewarp } from './timewarp.ts';

const rows: ReadonlyMap<string, ContextRow> = new Map(
  [
    allocationSize,
    appInstanceId,
    appInstanceVersion,
    durableReconnect,
    durableReconnectV2,
    durableRequest,
    durableRequestV2,
    extendedAttributes,
    lease,
    maximalAccess,
    queryOnDiskId,
    securityDescriptor,
    timewarp,
  ].map((row) => [row.name, row]),
);

/** Names have four letters, or the sixteen bytes of a GUID. */
const shortestName = 4;

/** Handles all contexts of a request; unknown ones are ignored (3.3.5.9). */
export function askContexts(plan: CreatePlan, contexts: readonly CreateContext[]): NtStatus {
  if (durableContextsConflict(contexts)) return NtStatus.InvalidParameter;
  for (const { name, data } of contexts) {
    if (name.length < shortestName) return NtStatus.InvalidParameter;
    const status = rows.get(name)?.ask(plan, data) ?? NtStatus.Success;
    if (status !== NtStatus.Success) return status;
  }
  return NtStatus.Success;
}

/** The contexts of the response, in the order of the request. */
export function answerContexts(plan: CreatePlan, open: Open, stat: Stat): { name: string; data: Uint8Array }[] {
  const answers: { name: string; data: Uint8Array }[] = [];
  for (const { name } of plan.request.createContexts) {
    const data = rows.get(name)?.answer?.(plan, open, stat);
    if (data !== undefined) answers.push({ name, data });
  }
  return answers;
}
