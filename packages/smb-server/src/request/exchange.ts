import type { Link, Log } from '@ring3/kit';
import type { NtStatus } from '@ring3/smb-proto';
import type { Frame } from '@ring3/wire';
import type { ChannelConnection } from '../objects/channel.ts';
import type { ResolvedOptions } from '../objects/resolved-options.ts';
import type { Services } from '../objects/services.ts';
import type { Session } from '../objects/session.ts';
import type { Negotiated } from '../values/negotiated.ts';
import type { AsyncList } from './async.ts';
import type { Request } from './request.ts';

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
  /** The ids of a request's header; those of the element before it, if it is related to that. */
  sessionIdOf(request: Request): number;
  treeIdOf(request: Request): number;
  /** The ids of the open in a body, or inherited ones. */
  fileIdOf(request: Request, view: DataView, at: number): FileIds | NtStatus;
  /** The given ids; in a related element whose ids are all ones, those of the previous open. */
  inheritIds(request: Request, ids: FileIds): FileIds | NtStatus;
  /**
   * Checks that the credit charge covers the payloads of request and response, MS-SMB2 3.3.5.2.5, and that the reply of the chain has space
   * for the response.
   * A charge of 0 covers 64 KiB, as 1 does.
   */
  admit(request: Request, sent: number, expected: number): NtStatus;
}
