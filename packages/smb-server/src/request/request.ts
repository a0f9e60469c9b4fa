import type { Link, Log } from '@ring3/kit';
import { type Header, HeaderFlags, NtStatus, type Signer } from '@ring3/smb-proto';
import type { Frame, Slab } from '@ring3/wire';
import type { Channel, ChannelConnection } from '../objects/channel.ts';
import type { Open } from '../objects/open.ts';
import type { ResolvedOptions } from '../objects/resolved-options.ts';
import type { Services } from '../objects/services.ts';
import type { Session } from '../objects/session.ts';
import type { TreeConnect } from '../objects/tree-connect.ts';
import type { Negotiated } from '../values/negotiated.ts';
import { type AsyncList, continues } from './async.ts';

/** Connection, MS-SMB2 3.3.1.7, as its requests use it. `Connection` implements it. */
export interface RequestConnection extends ChannelConnection {
  readonly server: Services;
  readonly options: ResolvedOptions;
  readonly link: Link;
  readonly log: Log;
  /** Connection.AsyncCommandList. */
  readonly async: AsyncList;
  /** Connection.PreauthIntegrityHashValue, 3.1.1. */
  readonly preauthHash: Uint8Array;
  /** A logon failed here a moment ago: the next one waits until its delay is over. */
  logonPenalty: Promise<void> | undefined;
  /** Memory for its responses. */
  readonly responses: Slab;
  /** Bytes of the buffers of reads in progress. */
  reading: number;
  /** Takes what NEGOTIATE decided. */
  adopt(negotiated: Negotiated): void;
  /** Adds a message to the preauthentication hash. */
  hash(message: readonly Uint8Array[]): void;
  /** Ends the connection with everything on it, MS-SMB2 3.3.7.1. */
  end(reason: string): void;
  /** A request waits for something other than the server: others of its user may go on. */
  waits(): void;
}

/** The ids of an open, as a request carries them. */
export interface FileIds {
  readonly persistentFileId: number;
  readonly volatileFileId: number;
}

/** A received frame with its requests. `Compound` implements it. */
export interface Exchange {
  readonly connection: RequestConnection;
  readonly frame: Frame;
  /** The session whose key decrypted the frame. */
  readonly encryptedBy: Session | undefined;
  /** The frame was one WRITE to a file, of which no part is kept: its buffer can be reused. */
  onlyWrote: boolean;
  /** Sends the interim response of a request, MS-SMB2 3.3.4.2. */
  interim(request: Request): void;
  /**
   * Checks that the credit charge covers the payloads of request and response, MS-SMB2 3.3.5.2.5, and that the reply of the chain has space
   * for the response.
   * A charge of 0 covers 64 KiB, as 1 does.
   */
  checkPayload(request: Request, sent: number, expected: number): NtStatus;
}

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
  /** The ids of its header; those of the element before it, if it is related to that. MS-SMB2 3.3.5.2.7.2. */
  sessionId: number;
  treeId: number;
  /** Of a related element: the open of the element before it, or why there is none. */
  inheritedIds: FileIds | NtStatus | undefined;
  session: Session | undefined;
  /** The channel of the session on this connection; and the key that verifies the request and signs its response. */
  channel: Channel | undefined;
  signer: Signer | undefined;
  tree: TreeConnect | undefined;
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
  /** Request.CompressReply, MS-SMB2 3.3.1.11: the response is compressed if that makes it smaller. */
  compressReply = false;
  /** It is blocked on another client's action without a time limit: shutdown does not wait for it. */
  waitsForClient = false;
  /** It continues if its channel is lost and its session has another one: the client replays it there. MS-SMB2 3.2.7.1. */
  outlivesChannel = false;
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
    this.sessionId = header.sessionId;
    this.treeId = header.treeId;
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
   * @returns false if too many requests wait already, or its connection is lost: the handler returns InsufficientResources
   */
  pend(cancel: () => void, waitsForClient = false): boolean {
    if (this.connection.ended && !continues(this)) return false;
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
