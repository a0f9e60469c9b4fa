import { type Header, HeaderFlags, NtStatus } from '@ring3/smb-proto';
import type { Frame } from '@ring3/wire';
import type { Compound } from './compound.ts';
import type { Connection } from './connection.ts';
import type { Open } from './open.ts';
import type { Server } from './server.ts';
import type { Session } from './session.ts';
import type { Tree } from './tree.ts';

/** Request, MS-SMB2 3.3.1.11: one element of a compound on its way through the pipeline, in its own window of bytes. */
export class Request {
  readonly compound: Compound;
  readonly connection: Connection;
  readonly header: Header;
  readonly frame: Frame;
  /** The element's window: where its header starts, and bytes. */
  readonly at: number;
  readonly length: number;
  /** Nothing follows it in its compound. */
  readonly last: boolean;
  session: Session | undefined;
  tree: Tree | undefined;
  open: Open | undefined;
  /** The open whose outstanding requests it is one of, MS-SMB2 3.3.1.10. */
  countedOn: Open | undefined;
  /** Goes with a body that the handler answers. */
  status: NtStatus = NtStatus.Success;
  /** Goes with an error status: ErrorData of 2.2.2. */
  errorData: Uint8Array | undefined;
  /** Error contexts that `errorData` consists of; 0 where it is plain data. */
  errorContexts = 0;
  /** Of a request that waits; 0 before. */
  asyncId = 0;
  /** It waits, or waited, for something else than the server. */
  waited = false;
  /** Whether an interim response has gone out. */
  interim = false;
  /** The response is signed whatever the request was: the last one of a log-on. */
  signResponse = false;
  /** It waits for something that a client does, as long as that takes: nobody waits for it when the server closes. */
  patient = false;
  /** Set while the request can be cancelled. */
  cancel: (() => void) | undefined;
  /** Called with the finished response, before it is encrypted: the preauthentication hash takes it in. */
  replied: ((message: readonly Uint8Array[]) => void) | undefined;
  /** Called when the response is with the link: gives pooled buffers back. */
  sent: (() => void) | undefined;

  constructor(compound: Compound, header: Header, at: number, length: number, last: boolean) {
    this.compound = compound;
    this.connection = compound.connection;
    this.frame = compound.frame;
    this.header = header;
    this.at = at;
    this.length = length;
    this.last = last;
  }

  get server(): Server {
    return this.connection.server;
  }

  get encrypted(): boolean {
    return this.compound.sealedBy !== undefined;
  }

  get related(): boolean {
    return (this.header.flags & HeaderFlags.RelatedOperations) !== 0;
  }

  get signed(): boolean {
    return (this.header.flags & HeaderFlags.Signed) !== 0;
  }

  /**
   * Says that the answer comes later: the client gets an interim response (3.3.4.2), and may cancel.
   * @param patient it waits for something that a client does, as long as that takes
   * @returns false where too many requests wait already: answer InsufficientResources
   */
  pend(cancel: () => void, patient = false): boolean {
    const reached = this.connection.async.add(this, cancel);
    if (reached !== undefined) {
      this.server.refuse(reached, this.session?.actor ?? { address: this.connection.network });
      return false;
    }
    this.waited = true;
    this.patient = patient;
    this.compound.interim(this);
    this.connection.waits();
    return true;
  }
}
