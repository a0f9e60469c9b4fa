import { type Steps, wait } from '@ring3/kit';
import { NtStatus } from '@ring3/smb-proto';
import { closeOpen } from '../../objects/close.ts';
import type { Open } from '../../objects/open.ts';
import { namesOpen } from './names-open.ts';
import type { CreatePlan } from './plan.ts';

/**
 * Closes the open that another client made for the same instance of an application, which has moved to the requesting client. MS-SMB2
 * 3.3.5.9.13. Only an open of the same user, so that a client that knows an id cannot close another user's file.
 */
export function* closeOlderInstance(plan: CreatePlan): Steps<NtStatus> {
  const { id, version } = plan.appInstance;
  if (id === undefined) return NtStatus.Success;
  const older = find(plan, id);
  if (older === undefined) return NtStatus.Success;
  const { version: itsVersion } = older.appInstance;
  if (version !== undefined && itsVersion !== undefined && itsVersion >= version) return NtStatus.FileForcedClosed;
  yield* wait(closeOpen(older));
  return NtStatus.Success;
}

function find(plan: CreatePlan, id: string): Open | undefined {
  const { server, tree, connection } = plan.ctx;
  for (const open of server.durables.ofAppInstance(id)) {
    if (open.clientKey === connection.negotiated.clientKey || open.share !== tree.share) continue;
    if (open.durableOwner === tree.session.identity.sid && namesOpen(plan, open)) return open;
  }
  return undefined;
}
