import { FileInformationClass, fileInformation, NtStatus, type QueryInfoRequest } from '@ring3/smb-proto';
import type { ContextOf } from '../../request/command.ts';
import { encodeInformation, fitted, least } from './answer.ts';

/** File information of a named pipe. */
export function queryPipe(ctx: ContextOf<'open'>, request: QueryInfoRequest): { buffer: Uint8Array[] } | NtStatus {
  const declaration = supported.has(request.fileInfoClass) ? fileInformation[request.fileInfoClass]?.declaration : undefined;
  if (declaration === undefined) return NtStatus.InvalidInfoClass;
  const value = {
    allocationSize: 4096n,
    endOfFile: 0n,
    numberOfLinks: 1,
    deletePending: 1,
    directory: 0,
    readMode: 1,
    completionMode: 0,
    namedPipeType: 1,
    namedPipeConfiguration: 2,
    maximumInstances: 0xffffffff,
    currentInstances: 1,
    inboundQuota: 65536,
    readDataAvailable: 0,
    outboundQuota: 65536,
    writeQuotaAvailable: 65536,
    namedPipeState: 3,
    namedPipeEnd: 0,
  };
  return fitted(ctx, encodeInformation(declaration, value), least(declaration), request.outputBufferLength);
}

const supported: ReadonlySet<number> = new Set([FileInformationClass.Standard, FileInformationClass.Pipe, FileInformationClass.PipeLocal]);
