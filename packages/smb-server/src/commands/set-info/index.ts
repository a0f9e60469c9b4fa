import { type MaybePromise, runSteps } from '@ring3/kit';
import { InfoType, NtStatus, SetInfoRequest, SetInfoResponse } from '@ring3/smb-proto';
import { command } from '../../command.ts';
import { setFile } from './file.ts';
import { setSecurity } from './security.ts';

/** SET_INFO, MS-SMB2 3.3.5.21. */
export const setInfo = command({
  needs: 'open',
  request: SetInfoRequest,
  response: SetInfoResponse,
  payload: ({ buffer }) => buffer.length,
  handle(ctx, request): MaybePromise<object | NtStatus> {
    const { connection, open, tree } = ctx;
    if (request.buffer.length > connection.maxTransact) return NtStatus.InvalidParameter;
    if (open.handle === undefined) return request.infoType === InfoType.File ? {} : NtStatus.InvalidDeviceRequest;
    const changes = request.infoType === InfoType.File || request.infoType === InfoType.Security;
    if (changes && !tree.writable) return NtStatus.AccessDenied;
    switch (request.infoType) {
      case InfoType.File:
        return runSteps(done(setFile(ctx, request)));
      case InfoType.Security:
        return runSteps(done(setSecurity(ctx, request)));
      case InfoType.FileSystem:
        return NtStatus.AccessDenied;
      case InfoType.Quota:
        return NtStatus.NotSupported;
      default:
        return NtStatus.InvalidParameter;
    }
  },
});

function* done(steps: Generator<Promise<unknown>, NtStatus, unknown>): Generator<Promise<unknown>, object | NtStatus, unknown> {
  const status = yield* steps;
  return status === NtStatus.Success ? {} : status;
}
