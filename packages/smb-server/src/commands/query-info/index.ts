import { type MaybePromise, runSteps } from '@ring3/kit';
import { InfoType, NtStatus, QueryInfoRequest, QueryInfoResponse } from '@ring3/smb-proto';
import { command } from '../../request/command.ts';
import { queryFile } from './file.ts';
import { queryFileSystem } from './file-system.ts';
import { querySecurity } from './security.ts';

/** QUERY_INFO, MS-SMB2 3.3.5.20. */
export const queryInfo = command({
  needs: 'open',
  request: QueryInfoRequest,
  response: QueryInfoResponse,
  sends: ({ input }) => input.length,
  expects: ({ outputBufferLength }) => outputBufferLength,
  handle(ctx, request): MaybePromise<{ buffer: Uint8Array[] } | NtStatus> {
    const { connection, open } = ctx;
    if (request.outputBufferLength > connection.negotiated.maxTransact || request.input.length > connection.negotiated.maxTransact)
      return NtStatus.InvalidParameter;
    switch (request.infoType) {
      case InfoType.File:
        return runSteps(queryFile(ctx, request));
      case InfoType.FileSystem:
        return open.handle === undefined ? NtStatus.InvalidDeviceRequest : runSteps(queryFileSystem(ctx, request));
      case InfoType.Security:
        return open.handle === undefined ? NtStatus.InvalidDeviceRequest : runSteps(querySecurity(ctx, request));
      case InfoType.Quota:
        return NtStatus.NotSupported;
      default:
        return NtStatus.InvalidParameter;
    }
  },
});
