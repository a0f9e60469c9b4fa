import {
  ChangeNotifyRequest,
  CloseFlags,
  CloseRequest,
  CloseResponse,
  Command,
  type CreateResponse,
  FlushRequest,
  IoctlFlags,
  IoctlRequest,
  IoctlResponse,
  LockRequest,
  NtStatus,
  QueryDirectoryRequest,
  QueryDirectoryResponse,
  QueryInfoRequest,
  QueryInfoResponse,
  ReadFlags,
  ReadRequest,
  ReadResponse,
  SetInfoRequest,
  WriteRequest,
  WriteResponse,
} from '@ring3/smb-proto';
import type { InputOf } from '@ring3/wire';
import { type Exchange, encodeForFile, expectStatus, type FileId, lengthOf, type Reply } from './request.ts';
import type { TreeConnect } from './tree-connect.ts';

const joined = (chunks: readonly Uint8Array[]): Uint8Array => (chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks));
const empty = new Uint8Array();

/** The fields of a request; a field is optional if it has a sensible default. */
type Fields<D> = Partial<Omit<InputOf<D>, 'persistentFileId' | 'volatileFileId'>>;

/** An open file, directory or pipe, MS-SMB2 3.2.1.6. Methods throw StatusError with the server's status. */
export class Open {
  readonly tree: TreeConnect;
  readonly name: string;
  readonly fileId: FileId;
  readonly response: CreateResponse;

  constructor(tree: TreeConnect, name: string, fileId: FileId, response: CreateResponse) {
    this.tree = tree;
    this.name = name;
    this.fileId = fileId;
    this.response = response;
  }

  /** @returns the bytes as received, not joined; empty at the end of the file */
  async read(offset: number, length: number, fields: Fields<typeof ReadRequest> = {}): Promise<Uint8Array[]> {
    const compressed = this.tree.connection.negotiated?.compression !== undefined;
    const body = encodeForFile(ReadRequest, this.fileId, {
      flags: compressed ? ReadFlags.RequestCompressed : 0,
      length,
      offset,
      minimumCount: 0,
      channel: 0,
      remainingBytes: 0,
      readChannelInfo: empty,
      ...fields,
    });
    const reply = await this.tree.send(Command.Read, body, { payload: length }).reply;
    if (reply.status === NtStatus.EndOfFile) return [];
    expectStatus(reply, `READ ${this.name}`, NtStatus.BufferOverflow);
    return ReadResponse.read(reply.frame, reply.at, reply.length).data;
  }

  /** @param data chunks that must not change until the response arrives @returns bytes written */
  async write(offset: number, data: readonly Uint8Array[], fields: Fields<typeof WriteRequest> = {}): Promise<number> {
    const body = encodeForFile(WriteRequest, this.fileId, {
      offset,
      channel: 0,
      remainingBytes: 0,
      flags: 0,
      writeChannelInfo: empty,
      data,
      ...fields,
    });
    const reply = await this.tree.send(Command.Write, body, { payload: lengthOf(data) }).reply;
    expectStatus(reply, `WRITE ${this.name}`);
    return WriteResponse.read(reply.frame, reply.at, reply.length).count;
  }

  async flush(): Promise<void> {
    expectStatus(await this.tree.send(Command.Flush, encodeForFile(FlushRequest, this.fileId, {})).reply, `FLUSH ${this.name}`);
  }

  /** @returns the file's attributes if `postquery` requests them */
  async close(postquery = false): Promise<CloseResponse> {
    const body = encodeForFile(CloseRequest, this.fileId, { flags: postquery ? CloseFlags.PostqueryAttrib : 0 });
    const reply = expectStatus(await this.tree.send(Command.Close, body).reply, `CLOSE ${this.name}`);
    return CloseResponse.read(reply.frame, reply.at, reply.length);
  }

  /** One QUERY_DIRECTORY. @returns the bytes of the list; undefined after the last entry */
  async queryDirectory(fileInformationClass: number, fields: Fields<typeof QueryDirectoryRequest> = {}): Promise<Uint8Array> {
    const outputBufferLength = fields.outputBufferLength ?? Math.min(65536, this.tree.connection.negotiated?.maxTransactSize ?? 65536);
    const body = encodeForFile(QueryDirectoryRequest, this.fileId, {
      fileInformationClass,
      flags: 0,
      fileIndex: 0,
      fileName: '*',
      ...fields,
      outputBufferLength,
    });
    const reply = await this.tree.send(Command.QueryDirectory, body, { payload: outputBufferLength }).reply;
    if (reply.status === NtStatus.NoMoreFiles) return empty;
    expectStatus(reply, `QUERY_DIRECTORY ${this.name}`);
    return joined(QueryDirectoryResponse.read(reply.frame, reply.at, reply.length).buffer);
  }

  /** QUERY_INFO. A list truncated by BufferOverflow is returned as far as it was sent. */
  async queryInfo(infoType: number, fileInfoClass: number, fields: Fields<typeof QueryInfoRequest> = {}): Promise<Uint8Array> {
    const outputBufferLength = fields.outputBufferLength ?? 65536;
    const body = encodeForFile(QueryInfoRequest, this.fileId, {
      infoType,
      fileInfoClass,
      additionalInformation: 0,
      flags: 0,
      input: empty,
      ...fields,
      outputBufferLength,
    } as Omit<InputOf<typeof QueryInfoRequest>, 'persistentFileId' | 'volatileFileId'>);
    const reply = await this.tree.send(Command.QueryInfo, body, { payload: outputBufferLength }).reply;
    expectStatus(reply, `QUERY_INFO ${this.name}`, NtStatus.BufferOverflow);
    return joined(QueryInfoResponse.read(reply.frame, reply.at, reply.length).buffer);
  }

  async setInfo(infoType: number, fileInfoClass: number, buffer: Uint8Array, additionalInformation = 0): Promise<void> {
    const body = encodeForFile(SetInfoRequest, this.fileId, { infoType, fileInfoClass, additionalInformation, buffer } as Omit<
      InputOf<typeof SetInfoRequest>,
      'persistentFileId' | 'volatileFileId'
    >);
    expectStatus(await this.tree.send(Command.SetInfo, body, { payload: buffer.length }).reply, `SET_INFO ${this.name}`);
  }

  /** @param maxOutputResponse maximum number of bytes in the response */
  async ioctl(ctlCode: number, input: Uint8Array = empty, maxOutputResponse = 65536): Promise<Uint8Array> {
    return ioctl(this.tree, this.fileId, ctlCode, input, maxOutputResponse);
  }

  async lock(locks: InputOf<typeof LockRequest>['locks'], lockSequence = 0): Promise<void> {
    expectStatus(await this.lockExchange(locks, lockSequence).reply, `LOCK ${this.name}`);
  }

  /** A LOCK that may wait. */
  lockExchange(locks: InputOf<typeof LockRequest>['locks'], lockSequence = 0): Exchange {
    return this.tree.send(Command.Lock, encodeForFile(LockRequest, this.fileId, { lockSequence, locks }));
  }

  /** CHANGE_NOTIFY, which waits for a change. */
  changeNotify(completionFilter: number, flags = 0, outputBufferLength = 65536): Exchange {
    const body = encodeForFile(ChangeNotifyRequest, this.fileId, { flags, outputBufferLength, completionFilter });
    return this.tree.send(Command.ChangeNotify, body, { payload: outputBufferLength });
  }
}

/** IOCTL, also without an open file (FileId all ones). @throws StatusError */
export async function ioctl(
  tree: TreeConnect,
  fileId: FileId,
  ctlCode: number,
  input: Uint8Array,
  maxOutputResponse = 65536,
): Promise<Uint8Array> {
  const body = encodeForFile(IoctlRequest, fileId, {
    ctlCode,
    maxInputResponse: 0,
    maxOutputResponse,
    flags: IoctlFlags.IsFsctl,
    input,
    output: empty,
  } as Omit<InputOf<typeof IoctlRequest>, 'persistentFileId' | 'volatileFileId'>);
  const reply: Reply = await tree.send(Command.Ioctl, body, { payload: Math.max(input.length, maxOutputResponse) }).reply;
  expectStatus(reply, 'IOCTL', NtStatus.BufferOverflow);
  return joined(IoctlResponse.read(reply.frame, reply.at, reply.length).output);
}
