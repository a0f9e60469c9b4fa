/** Well-formed requests for tests to change. */
import { createBody, encodeForFile, type FileId } from '@ring3/smb-client';
import {
  CancelRequest,
  ChangeNotifyRequest,
  CloseRequest,
  Command,
  CreateContextName,
  CreateDisposition,
  EchoRequest,
  FileInformationClass,
  FlushRequest,
  Fsctl,
  InfoType,
  IoctlRequest,
  LockRequest,
  LogoffRequest,
  OplockBreak,
  QueryDirectoryRequest,
  QueryInfoRequest,
  ReadRequest,
  SessionSetupRequest,
  SetInfoRequest,
  TreeConnectRequest,
  TreeDisconnectRequest,
  WriteRequest,
} from '@ring3/smb-proto';
import type { Encoded } from '@ring3/wire';

const empty = new Uint8Array(0);

/** One well-formed request of each command, with every variable part. */
export function requests(fileId: FileId): [Command, Encoded][] {
  const [input, name] = [Buffer.alloc(24, 1), 'some name'];
  const context = (name: string, length: number) => ({ name, data: Buffer.alloc(length) });
  const contexts = [context(CreateContextName.QueryMaximalAccess, 8), context(CreateContextName.QueryOnDiskId, 0), context('None', 5)];
  const setup = { flags: 0, securityMode: 1, capabilities: 0, channel: 0, previousSessionId: 0 };
  const ioctl = { ctlCode: Fsctl.SrvCopychunk, maxInputResponse: 0, maxOutputResponse: 4096, flags: 1, input, output: empty } as const;
  const query = { additionalInformation: 0, flags: 0, outputBufferLength: 4096, input };
  return [
    [Command.SessionSetup, SessionSetupRequest.encode({ ...setup, securityBuffer: input })],
    [Command.TreeConnect, TreeConnectRequest.encode({ flags: 0, path: '\\\\server\\share' })],
    [Command.TreeDisconnect, TreeDisconnectRequest.encode({})],
    [Command.Logoff, LogoffRequest.encode({})],
    [Command.Create, createBody({ name, createDisposition: CreateDisposition.OpenIf, createContexts: contexts })],
    [Command.Close, encodeForFile(CloseRequest, fileId, { flags: 1 })],
    [Command.Flush, encodeForFile(FlushRequest, fileId, {})],
    [
      Command.Read,
      encodeForFile(ReadRequest, fileId, {
        flags: 0,
        length: 4096,
        offset: 0,
        minimumCount: 0,
        channel: 0,
        remainingBytes: 0,
        readChannelInfo: input,
      }),
    ],
    [
      Command.Write,
      flat(
        encodeForFile(WriteRequest, fileId, { offset: 0, channel: 0, remainingBytes: 0, flags: 0, writeChannelInfo: empty, data: [input] }),
      ),
    ],
    [Command.Lock, encodeForFile(LockRequest, fileId, { lockSequence: 0, locks: [{ offset: 0n, length: 1n, flags: 0x12 }] })],
    [Command.Ioctl, encodeForFile(IoctlRequest, fileId, ioctl as never)],
    [Command.Cancel, CancelRequest.encode({})],
    [Command.Echo, EchoRequest.encode({})],
    [
      Command.QueryDirectory,
      encodeForFile(QueryDirectoryRequest, fileId, {
        fileInformationClass: FileInformationClass.IdBothDirectory,
        flags: 1,
        fileIndex: 0,
        outputBufferLength: 4096,
        fileName: '*',
      }),
    ],
    [Command.ChangeNotify, encodeForFile(ChangeNotifyRequest, fileId, { flags: 0, outputBufferLength: 4096, completionFilter: 1 })],
    [
      Command.QueryInfo,
      encodeForFile(QueryInfoRequest, fileId, { infoType: InfoType.File, fileInfoClass: FileInformationClass.All, ...query } as never),
    ],
    [
      Command.SetInfo,
      encodeForFile(SetInfoRequest, fileId, {
        infoType: InfoType.File,
        fileInfoClass: FileInformationClass.EndOfFile,
        additionalInformation: 0,
        buffer: Buffer.alloc(8, 0),
      } as never),
    ],
    [Command.OplockBreak, encodeForFile(OplockBreak, fileId, { oplockLevel: 0 } as never)],
  ];
}
const flat = ({ head, rest }: Encoded): Encoded => ({ head: Buffer.concat([head, ...rest]), rest: [] });
