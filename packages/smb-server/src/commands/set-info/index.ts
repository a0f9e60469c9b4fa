import { type MaybePromise, runSteps } from '@ring3/kit';
import { fsInformation, InfoType, NtStatus, SetInfoRequest, SetInfoResponse } from '@ring3/smb-proto';
import type { Open } from '../../objects/open.ts';
import { command } from '../../request/command.ts';
import { checkSet, setFile } from './file.ts';
import { setSecurity } from './security.ts';

/** SET_INFO, MS-SMB2 3.3.5.21. */
export const setInfo = command({
  needs: 'open',
  request: SetInfoRequest,
  response: SetInfoResponse,
  sends: ({ buffer }) => buffer.length,
  handle(ctx, request): MaybePromise<object | NtStatus> {
    const { connection, open, tree } = ctx;
    if (request.buffer.length === 0 || request.buffer.length > connection.negotiated.maxTransact) return NtStatus.InvalidParameter;
    if (open.handle === undefined && request.infoType !== InfoType.File) return NtStatus.InvalidDeviceRequest;
    const changes = request.infoType === InfoType.File || request.infoType === InfoType.Security;
    if (changes && open.handle !== undefined && !tree.writable) return NtStatus.AccessDenied;
    switch (request.infoType) {
      case InfoType.File:
        return runSteps(done(setFile(ctx, request)));
      case InfoType.Security:
        return runSteps(done(setSecurity(ctx, request)));
      case InfoType.FileSystem:
        return setFileSystem(open, request);
      case InfoType.Quota:
        return NtStatus.NotSupported;
      default:
        return NtStatus.InvalidParameter;
    }
  },
});

/** File system information, MS-SMB2 3.3.5.21.2: no store keeps quotas or the object id of a volume, MS-FSCC 2.5. */
function setFileSystem(open: Open, { fileInfoClass, buffer }: SetInfoRequest): NtStatus {
  const row = fsInformation[fileInfoClass];
  const status = checkSet(row, buffer.length);
  if (status !== NtStatus.Success) return status;
  return open.mayAny(row?.set ?? 0) ? NtStatus.InvalidParameter : NtStatus.AccessDenied;
}

function* done(steps: Generator<Promise<unknown>, NtStatus, unknown>): Generator<Promise<unknown>, object | NtStatus, unknown> {
  const status = yield* steps;
  return status === NtStatus.Success ? {} : status;
}
