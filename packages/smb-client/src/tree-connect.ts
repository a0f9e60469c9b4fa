import {
  Command,
  CreateDisposition,
  CreateOptions,
  CreateRequest,
  CreateResponse,
  fileGenericRead,
  fileGenericWrite,
  ImpersonationLevel,
  OplockLevel,
  ShareAccess,
  ShareFlags,
  TreeConnectRequest,
  TreeConnectResponse,
  TreeDisconnectRequest,
} from '@ring3/smb-proto';
import type { Encoded, InputOf } from '@ring3/wire';
import type { Connection } from './connection.ts';
import { Open } from './open.ts';
import { type Exchange, expectStatus, fileIdOf, type Reply, type Request } from './request.ts';
import type { Session } from './session.ts';

/** The fields of CREATE. Defaults: read and write access, share all, open an existing file. */
export type CreateFields = Partial<InputOf<typeof CreateRequest>> & { readonly name: string };

/** The body of a CREATE. */
export const createBody = (fields: CreateFields): Encoded =>
  CreateRequest.encode({
    requestedOplockLevel: OplockLevel.None,
    impersonationLevel: ImpersonationLevel.Impersonation,
    desiredAccess: fileGenericRead | fileGenericWrite,
    fileAttributes: 0,
    shareAccess: ShareAccess.Read | ShareAccess.Write | ShareAccess.Delete,
    createDisposition: CreateDisposition.Open,
    createOptions: 0,
    createContexts: [],
    ...fields,
  });

/** A share that the session has connected to, MS-SMB2 3.2.1.4. */
export class TreeConnect {
  readonly session: Session;
  readonly treeId: number;
  readonly response: TreeConnectResponse;

  private constructor(session: Session, reply: Reply) {
    this.session = session;
    this.treeId = reply.header.treeId;
    this.response = TreeConnectResponse.read(reply.frame, reply.at, reply.length);
  }

  /** @param path `\\server\share` @throws StatusError */
  static async connect(session: Session, path: string): Promise<TreeConnect> {
    const body = TreeConnectRequest.encode({ flags: 0, path });
    const reply = await session.connection.send({ command: Command.TreeConnect, body, session }).reply;
    return new TreeConnect(session, expectStatus(reply, `TREE_CONNECT ${path}`));
  }

  get connection(): Connection {
    return this.session.connection;
  }

  /** Builds a request on this tree connect, for `Connection.compound`. */
  request(command: Command, body: Encoded, more: Pick<Request, 'payload' | 'flags' | 'encrypt'> = {}): Request {
    const encrypt = (this.response.shareFlags & ShareFlags.EncryptData) !== 0 ? { encrypt: true } : {};
    return { command, body, session: this.session, treeId: this.treeId, ...encrypt, ...more };
  }

  /** Sends a request on this tree connect. */
  send(command: Command, body: Encoded, more: Pick<Request, 'payload' | 'flags' | 'encrypt'> = {}): Exchange {
    return this.connection.send(this.request(command, body, more));
  }

  /** CREATE, MS-SMB2 3.2.4.3. @throws StatusError */
  async create(fields: CreateFields): Promise<Open> {
    return this.opened(await this.send(Command.Create, createBody(fields)).reply, fields.name);
  }

  /** Returns the open file of a CREATE response. @throws StatusError */
  opened(reply: Reply, name: string): Open {
    expectStatus(reply, `CREATE ${name}`);
    return new Open(this, name, fileIdOf(reply, CreateResponse), CreateResponse.read(reply.frame, reply.at, reply.length));
  }

  /** Creates a directory and returns it open. @throws StatusError */
  createDirectory(name: string): Promise<Open> {
    return this.create({ name, createDisposition: CreateDisposition.Create, createOptions: CreateOptions.DirectoryFile });
  }

  /** TREE_DISCONNECT, MS-SMB2 3.2.4.22. @throws StatusError */
  async disconnect(): Promise<void> {
    expectStatus(await this.send(Command.TreeDisconnect, TreeDisconnectRequest.encode({})).reply, 'TREE_DISCONNECT');
  }
}
