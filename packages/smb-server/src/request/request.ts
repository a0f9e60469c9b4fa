import { type Header, HeaderFlags, NtStatus, type Signer } from '@ring3/smb-proto';
import type { Frame } from '@ring3/wire';
import type { Channel } from '../objects/channel.ts';
import type { Open } from '../objects/open.ts';
import type { Services } from '../objects/services.ts';
import type { Session } from '../objects/session.ts';
import type { Tree } from '../objects/tree.ts';
import type { Exchange, RequestConnection } from './exchange.ts';

/** Request, MS-SMB2 3.3.1.11: one element of a compound in the pipeline, in its own window of bytes. */
export class Request {
  readonly compound: Exchange;
  readonly connection: RequestConnection;
  readonly header: Header;
  readonly frame: Frame;
  /** The element's window: the offset of its header, and its size in bytes. */
  readonly at: number;
  readonly length: number;
  /** It is the last element of its compound. */
  readonly last: boolean;
  session: Session | undefined;
  /** The channel of the session on this connection; and the key that verifies the request and signs its response. */
  channel: Channel | undefined;
  signer: Signer | undefined;
  tree: Tree | undefined;
  open: Open | undefined;
  /** The open for which it counts as outstanding, MS-SMB2 3.3.1.10. */
  countedOn: Open | undefined;
  /** Status of a response with a body. */
  status: NtStatus = NtStatus.Success;
  /** ErrorData of an error response, 2.2.2.2, without an error context. */
  errorData: Uint8Array | undefined;
  /** AsyncId of a waiting request; 0 before. */
  asyncId = 0;
  /** It waits, or waited, for something other than the server. */
  waited = false;
  /** Whether an interim response was sent. */
  interim = false;
  /** The response is signed even if the request was not: the last one of a logon. */
  signResponse = false;
  /** It is blocked on another client's action without a time limit: shutdown does not wait for it. */
  waitsForClient = false;
  /** Set while the request can be cancelled. */
  cancel: (() => void) | undefined;
  /** Called with the finished response, before it is encrypted: updates the preauthentication hash. */
  replied: ((message: readonly Uint8Array[]) => void) | undefined;
  /** Called when the response was passed to the link: returns pooled buffers. */
  sent: (() => void) | undefined;

  constructor(compound: Exchange, header: Header, at: number, length: number, last: boolean) {
    this.compound = compound;
    this.connection = compound.connection;
    this.frame = compound.frame;
    this.header = header;
    this.at = at;
    this.length = length;
    this.last = last;
  }

  get server(): Services {
    return this.connection.server;
  }

  get encrypted(): boolean {
    return this.compound.encryptedBy !== undefined;
  }

  get related(): boolean {
    return (this.header.flags & HeaderFlags.RelatedOperations) !== 0;
  }

  get signed(): boolean {
    return (this.header.flags & HeaderFlags.Signed) !== 0;
  }

  /**
   * STATUS_BUFFER_TOO_SMALL, whose error data is the required length (2.2.2.2).
   * @param needed bytes
   */
  tooSmall(needed: number): NtStatus {
    this.errorData = new Uint8Array(4);
    new DataView(this.errorData.buffer).setUint32(0, needed, true);
    return NtStatus.BufferTooSmall;
  }

  /**
   * Marks the request as waiting: the client gets an interim response (3.3.4.2), and may cancel.
   * @param waitsForClient it waits for an action of a client, without a time limit
   * @returns false if too many requests wait already: the handler returns InsufficientResources
   */
  pend(cancel: () => void, waitsForClient = false): boolean {
    const reached = this.connection.async.add(this, cancel);
    if (reached !== undefined) {
      this.server.refuse(reached, this.session?.actor ?? { address: this.connection.network });
      return false;
    }
    this.waited = true;
    this.waitsForClient = waitsForClient;
    this.compound.interim(this);
    this.connection.waits();
    return true;
  }
}
