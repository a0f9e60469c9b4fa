import { AppInstanceId, AppInstanceVersion, CreateContextName, Dialect, NtStatus } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import { guidKey } from '../../../values/guid-key.ts';
import type { ContextRow } from './row.ts';

/** SMB2_CREATE_APP_INSTANCE_ID, MS-SMB2 3.3.5.9.13: the application that opens the file, which may have moved to another machine. */
export const appInstanceId: ContextRow = {
  name: CreateContextName.AppInstanceId,
  ask(plan, data) {
    const { appInstanceId } = AppInstanceId.read(new Frame(data), 0);
    if (plan.ctx.connection.negotiated.dialect >= Dialect.Smb30) plan.appInstance.id = guidKey(appInstanceId);
    return NtStatus.Success;
  },
};

/** SMB2_CREATE_APP_INSTANCE_VERSION, MS-SMB2 3.3.5.9.13: only at 3.1.1. */
export const appInstanceVersion: ContextRow = {
  name: CreateContextName.AppInstanceVersion,
  ask(plan, data) {
    const { appInstanceVersionHigh, appInstanceVersionLow } = AppInstanceVersion.read(new Frame(data), 0);
    if (plan.ctx.connection.negotiated.dialect === Dialect.Smb311)
      plan.appInstance.version = (appInstanceVersionHigh << 64n) | appInstanceVersionLow;
    return NtStatus.Success;
  },
};
