import {
  ChangeNotifyRequest,
  CloseRequest,
  Command,
  CreateResponse,
  EchoRequest,
  FileInformationClass,
  FileRenameInformation,
  IoctlRequest,
  LockRequest,
  LogoffRequest,
  OplockBreak,
  QueryDirectoryRequest,
  QueryInfoRequest,
  ReadRequest,
  SessionSetupRequest,
  SetInfoRequest,
  TreeDisconnectRequest,
  WriteRequest,
} from '@ring3/smb-proto';
import { type Answer, createBody, type Element } from './raw-client.ts';

/** The ids of an open. */
export interface Ids {
  readonly persistentFileId: number;
  readonly volatileFileId: number;
}
const none = new Uint8Array(0);
/** Those of the previous open, in a related element. */
export const inherited: Ids = { persistentFileId: -1, volatileFileId: -1 };

/** The ids in a CREATE response. */
export function idsOf(answer: Answer): Ids {
  const { persistentFileId, volatileFileId } = answer.read(CreateResponse);
  return { persistentFileId, volatileFileId };
}

export const echo: Element = { command: Command.Echo, body: EchoRequest.encode({}) };
export const loggingOff: Element = { command: Command.Logoff, body: LogoffRequest.encode({}) };
export const disconnecting: Element = { command: Command.TreeDisconnect, body: TreeDisconnectRequest.encode({}) };

export const opening = (name: string, more: Parameters<typeof createBody>[1] = {}): Element => ({
  command: Command.Create,
  body: createBody(name, more),
});

/** Waits for a change in a directory. Default: of any kind. */
export const watching = (ids: Ids, { flags = 0, outputBufferLength = 1000, completionFilter = 0xfff } = {}): Element => ({
  command: Command.ChangeNotify,
  body: ChangeNotifyRequest.encode({ ...ids, flags, outputBufferLength, completionFilter }),
});

export const closing = (ids: Ids, flags = 0): Element => ({ command: Command.Close, body: CloseRequest.encode({ flags, ...ids }) });

export const reading = (ids: Ids, length: number, offset = 0): Element => ({
  command: Command.Read,
  body: ReadRequest.encode({ ...ids, flags: 0, length, offset, minimumCount: 0, channel: 0, remainingBytes: 0, readChannelInfo: none }),
});

export const writing = (ids: Ids, data: string | Uint8Array, offset = 0): Element => ({
  command: Command.Write,
  body: WriteRequest.encode({ ...ids, offset, channel: 0, remainingBytes: 0, flags: 0, writeChannelInfo: none, data: [Buffer.from(data)] }),
});

export const asking = (ids: Ids, fileInfoClass: number, more: Partial<Parameters<typeof QueryInfoRequest.encode>[0]> = {}): Element => ({
  command: Command.QueryInfo,
  body: QueryInfoRequest.encode({
    ...ids,
    infoType: 1,
    fileInfoClass,
    outputBufferLength: 4096,
    additionalInformation: 0,
    flags: 0,
    input: none,
    ...more,
  }),
});

export const setting = (
  ids: Ids,
  fileInfoClass: number,
  buffer: Uint8Array,
  more: Partial<Parameters<typeof SetInfoRequest.encode>[0]> = {},
): Element => ({
  command: Command.SetInfo,
  body: SetInfoRequest.encode({ ...ids, infoType: 1, fileInfoClass, additionalInformation: 0, buffer, ...more }),
});

/** Gives an open's file another name, by its path in the share. */
export const renaming = (ids: Ids, fileName: string, replaceIfExists = 0): Element =>
  setting(ids, FileInformationClass.Rename, FileRenameInformation.encode({ replaceIfExists, rootDirectory: 0n, fileName }).head);

/** Sets or clears the deletion of an open's file at its last close. */
export const disposing = (ids: Ids, going: boolean): Element =>
  setting(ids, FileInformationClass.Disposition, Uint8Array.of(going ? 1 : 0));

export const acknowledging = (ids: Ids, oplockLevel: number): Element => ({
  command: Command.OplockBreak,
  body: { head: OplockBreak.encode({ oplockLevel, ...ids }).head, rest: [] },
});

export const listing = (ids: Ids, fileName: string, more: Partial<Parameters<typeof QueryDirectoryRequest.encode>[0]> = {}): Element => ({
  command: Command.QueryDirectory,
  body: QueryDirectoryRequest.encode({
    ...ids,
    fileInformationClass: 12,
    flags: 0,
    fileIndex: 0,
    fileName,
    outputBufferLength: 65536,
    ...more,
  }),
});

export const control = (ids: Ids, ctlCode: number, more: Partial<Parameters<typeof IoctlRequest.encode>[0]> = {}): Element => ({
  command: Command.Ioctl,
  body: IoctlRequest.encode({
    ctlCode,
    ...ids,
    maxInputResponse: 0,
    maxOutputResponse: 4096,
    flags: 1,
    input: none,
    output: none,
    ...more,
  }),
});

export const locking = (ids: Ids, offset: bigint, length: bigint, flags: number, lockSequence = 0): Element => ({
  command: Command.Lock,
  body: LockRequest.encode({ ...ids, lockSequence, locks: [{ offset, length, flags }] }),
});

/** A SESSION_SETUP with this token. */
export const settingUp = (securityBuffer: Uint8Array, more: Partial<Parameters<typeof SessionSetupRequest.encode>[0]> = {}): Element => ({
  command: Command.SessionSetup,
  body: SessionSetupRequest.encode({
    flags: 0,
    securityMode: 1,
    capabilities: 0,
    channel: 0,
    previousSessionId: 0,
    securityBuffer,
    ...more,
  }),
});
