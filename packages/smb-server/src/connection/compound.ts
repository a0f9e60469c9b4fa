import { Command, Header, HeaderFlags, headerLength, isError, NtStatus, ProtocolId } from '@ring3/smb-proto';
import type { Frame } from '@ring3/wire';
import { rowOf } from '../commands/index.ts';
import { encryptedFor } from '../message/encryption.ts';
import { bodyReply, headroom, interimReply, type Reply, statusReply } from '../message/reply.ts';
import { mustSign, signReply } from '../message/signing.ts';
import type { Session } from '../objects/session.ts';
import { leaveChannelSequence } from '../request/channel-sequence.ts';
import type { AnyCommand } from '../request/command.ts';
import { emitRefusal } from '../request/refusals.ts';
import type { Exchange, FileIds } from '../request/request.ts';
import { Request } from '../request/request.ts';
import { disconnect, noResponse } from '../values/no-response.ts';
import type { Connection } from './connection.ts';
import { dispatch, type Outcome } from './dispatch.ts';
import { trace, tracePending } from './trace.ts';

/** Maximum number of elements of a chain that run in one turn, however long they take. */
const fewElements = 16;
/** A longer chain runs at most this long in a turn of the event loop, ms. */
const turnMs = 2;

/**
 * One received frame: a request, or a chain of them (MS-SMB2 3.3.5.2.7). Elements run one after the other; their responses are sent
 * together. Related elements inherit ids from the previous one, never validity: each object is looked up again.
 */
export class Compound implements Exchange {
  readonly connection: Connection;
  readonly frame: Frame;
  /** When the frame had arrived, milliseconds of the monotonic clock. */
  readonly #arrived: number;
  readonly encryptedBy: Session | undefined;
  /** The buffer of the pool that holds the frame, if it is in one. */
  readonly pooled: Uint8Array | undefined;
  onlyWrote = false;
  #at = 0;
  #replies: Reply[] = [];
  /** The current element. */
  #current: Request | undefined;
  #room: number;
  #sessionId = -1;
  #treeId = 0xffffffff;
  #ids: FileIds | undefined;
  /** Status of the last CREATE of the chain, if it failed. */
  #createFailure: NtStatus | undefined;
  #broken = false;
  /** An element went async: latencies of this frame are not recorded. */
  #waited = false;
  #ended = false;
  /** Responses that are being compressed. */
  #sending: readonly Reply[] = [];

  constructor(connection: Connection, frame: Frame, arrived: number, encryptedBy: Session | undefined, pooled?: Uint8Array) {
    this.connection = connection;
    this.frame = frame;
    this.#arrived = arrived;
    this.encryptedBy = encryptedBy;
    this.pooled = pooled;
    this.#room = connection.maxReply;
  }

  /** Runs the elements; returns when all are done or one must be awaited. */
  run(): void {
    const { clock } = this.connection.server;
    let start = 0;
    for (let done = 0; !this.#ended && !this.connection.ended && this.#at < this.frame.length; done++) {
      if (done === fewElements) start = clock.now();
      if (done > fewElements && done % fewElements === 0 && clock.now() - start > turnMs) {
        this.connection.server.defer(() => this.#resume());
        return;
      }
      const request = this.#next();
      if (request === undefined) {
        this.#drop('a message id that was not granted, or a broken chain');
        return;
      }
      this.#current = request;
      const outcome = this.#chained(request) ? dispatch(request) : NtStatus.InvalidParameter;
      if (outcome instanceof Promise) {
        void outcome.then((later) => this.#goOn(request, later));
        return;
      }
      this.#finish(request, outcome);
    }
    if (!this.#ended) this.#end();
  }

  /** An awaited result has arrived. */
  #goOn(request: Request, outcome: Outcome): void {
    this.#resume(() => this.#finish(request, outcome));
  }

  /** Continues after other connections had their turn. */
  #resume(first?: () => void): void {
    try {
      first?.();
      this.run();
    } catch (error) {
      this.connection.server.failed(error, { connection: this.connection.id });
      this.#drop('a frame could not be handled');
    }
  }

  /** The next element in its window. @returns undefined if the connection must be closed */
  #next(): Request | undefined {
    const { frame, connection } = this;
    const at = this.#at;
    const left = frame.length - at;
    if (at + headerLength > frame.bytes.length) return undefined;
    if (frame.view.getUint32(at, true) !== ProtocolId.Smb2 || frame.view.getUint16(at + 4, true) !== headerLength) return undefined;
    const header = Header.read(frame, at);
    const { nextCommand } = header;
    if (nextCommand !== 0 && (nextCommand < headerLength || nextCommand % 8 !== 0 || nextCommand + headerLength > left)) return undefined;
    if (header.flags & HeaderFlags.ServerToRedir) return undefined;
    this.#at = nextCommand === 0 ? frame.length : at + nextCommand;
    const request = new Request(this, header, at, nextCommand === 0 ? left : nextCommand, nextCommand === 0);
    if (this.#inherits(request)) this.#relate(request);
    if (header.command === Command.Cancel) return request;
    return connection.takeMessageId(header) ? request : undefined;
  }

  /**
   * Whether a related element has a predecessor to relate to: a chain that begins with a related element, or whose session has ended, fails
   * to its end. MS-SMB2 3.3.5.2.7.2.
   */
  #chained(request: Request): boolean {
    if (!request.related) this.#broken = false;
    else if (request.at === 0) this.#broken = true;
    return !this.#broken;
  }

  #inherits(request: Request): boolean {
    return request.related && request.at > 0;
  }

  /** A related element has the session, the tree connect and, if it names none, the open of the element before it. */
  #relate(request: Request): void {
    request.sessionId = this.#sessionId;
    request.treeId = this.#treeId;
    request.inheritedIds = this.#ids ?? this.#createFailure ?? NtStatus.InvalidParameter;
  }

  /** Whether a response of this frame is, or may yet be, protected by the keys of a session. */
  uses(session: Session): boolean {
    if (this.encryptedBy === session || this.#current?.session === session) return true;
    return [...this.#replies, ...this.#sending].some(({ request }) => request.session === session);
  }

  checkPayload(request: Request, sent: number, expected: number): NtStatus {
    const payload = sent > expected ? sent : expected;
    if (payload > 65536 && this.connection.negotiated.multiCredit && payload > Math.max(1, request.header.creditCharge) * 65536) {
      return NtStatus.InvalidParameter;
    }
    return expected > this.#room ? NtStatus.InsufficientResources : NtStatus.Success;
  }

  /**
   * Sends the interim response of a waiting request, preceded by the finished responses. Inside a chain nothing is sent: the following
   * elements wait too.
   */
  interim(request: Request): void {
    if (!request.last || request.interim || this.#ended || this.connection.ended) return;
    request.interim = true;
    if (this.connection.server.debug.on.smb) tracePending(request);
    const reply = interimReply(request);
    this.#grant(reply);
    this.#replies.push(reply);
    this.#send();
  }

  #finish(request: Request, outcome: Outcome): void {
    const { connection } = this;
    const { server } = connection;
    connection.async.remove(request);
    leaveChannelSequence(request);
    if (server.debug.on.smb) trace(request, outcome, server.clock.now() - this.#arrived);
    if (this.#ended) return;
    this.#count(request, outcome);
    if (typeof outcome === 'number' && outcome !== 0) emitRefusal(request, outcome);
    if (outcome === disconnect) {
      this.#drop('a request that is not allowed here');
      return;
    }
    this.#pass(request, outcome);
    if (outcome === noResponse || request.header.command === Command.Cancel) return; // a rejected CANCEL has no response either
    const reply = this.#reply(request, outcome);
    if (!request.interim) this.#grant(reply);
    this.#room -= reply.length;
    this.#replies.push(reply);
  }

  #count({ header, status, waited }: Request, outcome: Outcome): void {
    const { requests } = this.connection.server.numbers;
    requests.answered(header.command, typeof outcome === 'object' ? status : outcome);
    if (!waited) return;
    this.#waited = true;
    requests.waited(header.command);
  }

  #reply(request: Request, outcome: Outcome): Reply {
    if (typeof outcome !== 'object') return statusReply(request, outcome as number);
    const { command } = request.header;
    const { response, moved } = rowOf(request) as AnyCommand;
    try {
      if (moved !== undefined) this.connection.server.numbers.requests.moved(command, moved(outcome));
      return bodyReply(request, response, outcome);
    } catch (error) {
      this.connection.server.failed(error, { connection: this.connection.id, command: request.header.command });
      return statusReply(request, NtStatus.InternalError);
    }
  }

  /** Keeps what the next element inherits if it is related to this one. */
  #pass(request: Request, outcome: Outcome): void {
    const { session, tree, open, header } = request;
    this.#sessionId = session?.sessionId ?? request.sessionId;
    this.#treeId = tree?.treeId ?? request.treeId;
    const failed = typeof outcome === 'number' && isError(outcome);
    if (outcome === NtStatus.UserSessionDeleted) this.#broken = true;
    if (header.command === Command.Create && failed) {
      this.#createFailure = outcome;
      this.#ids = undefined;
    } else if (open !== undefined) {
      this.#ids = open;
      this.#createFailure = undefined;
    } else if (!this.#inherits(request)) {
      this.#ids = undefined;
      this.#createFailure = failed ? outcome : undefined;
    }
  }

  #grant({ request, view }: Reply): void {
    const { header } = request;
    view.setUint16(headroom + Header.offset.credits, this.connection.grantCredits(header.credits), true);
  }

  /** Links the elements, signs each, and passes the frame to the connection. @returns a promise if it is not sent at once */
  #send(): Promise<void> | undefined {
    const replies = this.#replies;
    this.#replies = [];
    if (replies.length === 0) return undefined;
    const encrypt = encryptedFor(replies[0] as Reply, this.encryptedBy);
    const last = replies.length - 1;
    for (let i = 0; i <= last; i++) {
      const reply = replies[i] as Reply;
      if (last > 0) pad(reply, i < last);
      if (mustSign(reply, encrypt !== undefined)) signReply(reply);
    }
    const sending = this.connection.sendReplies(replies, encrypt);
    if (sending !== undefined) this.#sending = replies;
    if (!this.#waited) this.#took(replies);
    return sending;
  }

  #took(replies: readonly Reply[]): void {
    const { clock, numbers } = this.connection.server;
    const ms = clock.now() - this.#arrived;
    for (const { request } of replies) if (!request.waited) numbers.requests.took(request.header.command, ms);
  }

  #end(): void {
    this.#ended = true;
    const sending = this.#send();
    if (sending === undefined) this.connection.finished(this);
    else void sending.catch((error) => this.connection.server.failed(error, {})).then(() => this.connection.finished(this));
  }

  #drop(reason: string): void {
    this.#ended = true;
    this.#replies = [];
    this.connection.end(reason);
    this.connection.finished(this);
  }
}

/** Pads an element of a chain to a multiple of eight, and sets the offset of the next one. */
function pad(reply: Reply, followed: boolean): void {
  const padding = -reply.length & 7;
  if (padding > 0) {
    if (reply.rest.length > 0) reply.rest = [...reply.rest, new Uint8Array(padding)];
    else {
      const bytes = new Uint8Array(reply.bytes.length + padding);
      bytes.set(reply.bytes);
      reply.bytes = bytes;
      reply.view = new DataView(bytes.buffer);
    }
    reply.length += padding;
  }
  if (followed) reply.view.setUint32(headroom + Header.offset.nextCommand, reply.length, true);
}
