import type { Link, Log, Timer } from '@ring3/kit';
import { Command, type Compression, type Header, initialPreauthHash, NtStatus, ProtocolId, preauthHash } from '@ring3/smb-proto';
import { DecodeError, Frame, Slab } from '@ring3/wire';
import { compressorOf, openCompressed, wantsCompression } from '../message/compression.ts';
import { decrypt, encrypt } from '../message/encryption.ts';
import { type FrameEvents, FrameReader, framed, protocolIdOf, toFrame } from '../message/frame.ts';
import { assemble } from '../message/outgoing.ts';
import type { Outgoing } from '../message/reply.ts';
import { headroom, type Reply } from '../message/reply.ts';
import type { Channel, WaitingOn } from '../objects/channel.ts';
import { closeOpen, endChannel } from '../objects/close.ts';
import type { ResolvedOptions } from '../objects/resolved-options.ts';
import type { Services } from '../objects/services.ts';
import type { Session } from '../objects/session.ts';
import { AsyncList } from '../request/async.ts';
import type { RequestConnection } from '../request/request.ts';
import type { Account } from '../values/budget.ts';
import { CommandSequenceWindow } from '../values/credits.ts';
import type { Negotiated } from '../values/negotiated.ts';
import type { Stranger } from '../values/strangers.ts';
import { Compound } from './compound.ts';
import { RetiredChannels } from './retired-channels.ts';
import { answerSmb1 } from './smb1.ts';

/** Overhead of one frame in addition to its bytes, and the maximum size of what surrounds its payload. */
const frameSlack = 64 * 1024;
/** Time that a turn of the event loop works for all connections of one user, and half of the minimum for each of them, ms. */
const turnMs = 2;
const leastTurnMs = 0.1;

/** A received frame. */
interface Received {
  readonly chunks: readonly Uint8Array[];
  readonly length: number;
  /** Milliseconds of the monotonic clock. */
  readonly arrived: number;
  /** The buffer of the pool that holds it, if it is in one. */
  readonly pooled: Uint8Array | undefined;
}

/**
 * The client cannot receive a response. An open that only the response would name is closed: the session may go on, on other channels. One with
 * a CreateGuid can be claimed by a replay of the CREATE (3.3.5.9), a durable one by a reconnect.
 */
function undelivered({ request, status }: Reply): void {
  request.sent?.();
  const { header, open } = request;
  if (header.command !== Command.Create || status !== NtStatus.Success || open === undefined) return;
  if (open.createGuid === undefined && open.durable === undefined) void closeOpen(open);
}

/** Connection, MS-SMB2 3.3.1.7: receives frames, sends replies, and keeps what was negotiated. Requests are handled elsewhere. */
export class Connection implements Stranger, RequestConnection {
  readonly id: number;
  readonly server: Services;
  /** The server's options when the connection began: it negotiates by these, whatever changes later. */
  readonly options: ResolvedOptions;
  readonly link: Link;
  readonly network: string;
  readonly log: Log;
  readonly creationTime: number;
  readonly async: AsyncList;
  readonly responses = new Slab();
  /** Its sessions, with those whose logon on it is in progress, by session id. */
  readonly channels = new Map<number, Channel>();
  readonly #window: CommandSequenceWindow;
  readonly #reader: FrameReader;
  #negotiated: Negotiated | undefined;
  /** Maximum size of a whole reply, bytes. */
  #maxReply = 65536 + frameSlack;
  /** SMB1's multi-protocol negotiate was answered with 2.???: the SMB2 NEGOTIATE follows. */
  awaitsSecondNegotiate = false;
  preauthHash: Uint8Array = initialPreauthHash;
  lastActive: number;
  bytesIn = 0;
  bytesOut = 0;
  ended = false;
  logonPenalty: Promise<void> | undefined;
  reading = 0;
  /** Bytes of messages that are being compressed or decompressed. */
  #coding = 0;
  /** A frame is being decompressed: the next one starts after it. */
  #decompressing = false;
  /** Established channels. */
  #loggedOn = 0;
  /** The user that its logon counts for. */
  #user = '';
  /** A named user is logged on, or was. */
  #hadUser = false;
  readonly #waiting: Received[] = [];
  readonly #inFlight = new Set<Compound>();
  readonly #retired = new RetiredChannels();
  #inFlightBytes = 0;
  #pumping = false;
  /** Milliseconds of work since other connections had their turn. */
  #spent = 0;
  /** Its next request is handled in a later turn of the event loop. */
  #resting = false;
  readonly #rested = (): void => {
    this.#resting = false;
    this.#pump();
  };
  /** When bytes last arrived. */
  #now: number;
  /** Set when no more requests are accepted: the reason for the end. */
  #leaving: string | undefined;
  #paused = false;
  /** Bytes that are booked in the server's budget, and the account. */
  #booked = 0;
  #account: Account;
  readonly #wake = (): void => this.#pump();
  #logonTimer: Timer | undefined;

  constructor(server: Services, link: Link, id: number, network: string) {
    const { limits, clock } = server;
    this.id = id;
    this.server = server;
    this.link = link;
    this.network = network;
    this.#account = server.budget.join(network);
    this.log = server.log.child({ connection: id, peer: link.peer });
    this.options = server.options;
    this.creationTime = this.lastActive = clock.wall();
    this.#now = clock.now();
    this.async = new AsyncList(server);
    this.#window = new CommandSequenceWindow(limits.maxCredits);
    const events: FrameEvents = {
      frame: (chunks, length, pooled) => this.#onFrame({ chunks, length, arrived: this.#now, pooled }),
      sessionRequest: () => void this.link.send([Uint8Array.of(0x82, 0, 0, 0)]),
      broken: (reason, tooLong) => this.#broken(reason, tooLong),
    };
    this.#reader = new FrameReader(limits.frameBeforeLogon, events, server.buffers, server.announced);
    this.#expectLogon();
  }

  /** Starts to listen to the link. */
  open(): void {
    this.link.open({
      receive: (bytes) => {
        this.bytesIn += bytes.length;
        this.#now = this.server.clock.now();
        this.#reader.receive(bytes);
        if (this.authenticated) this.#pump(this.#now);
        else if (!this.#resting) {
          this.#rest(); // one piece of the stream in each of its turns
          this.#throttle();
        }
      },
      buffer: () => this.#reader.buffer(),
      end: (reason) => this.end(reason),
      drain: () => this.#pump(),
    });
  }

  #broken(reason: string, tooLong: boolean): void {
    if (tooLong && !this.authenticated) this.server.numbers.refused.add('frameBeforeLogon');
    this.end(reason);
  }

  #expectLogon(): void {
    const { clock, limits } = this.server;
    this.#logonTimer = clock.after(limits.logonMs, () => this.#lateLogon());
  }

  #lateLogon(): void {
    this.server.numbers.refused.add('logonMs');
    this.end('logon timeout');
  }

  /** Whether NEGOTIATE has decided. */
  get isNegotiated(): boolean {
    return this.#negotiated !== undefined;
  }

  /** What NEGOTIATE decided. @throws Error before that: dispatch lets no other request through */
  get negotiated(): Negotiated {
    if (this.#negotiated === undefined) throw new Error('the connection has not negotiated');
    return this.#negotiated;
  }

  /** NEGOTIATE has decided: once for a connection. */
  adopt(negotiated: Negotiated): void {
    this.#negotiated = negotiated;
    this.#maxReply = Math.max(negotiated.maxRead, negotiated.maxTransact) + frameSlack;
    this.awaitsSecondNegotiate = false;
  }

  get authenticated(): boolean {
    return this.#loggedOn > 0;
  }

  /** A user has logged on for the first time in a session: the first such session lifts the limits that hold before logon. */
  loggedOn({ owner: user, isGuest, isAnonymous }: Session): void {
    this.#hadUser ||= !isGuest && !isAnonymous;
    if (this.#loggedOn++ > 0) return;
    this.#logonTimer?.clear();
    this.#reader.limit = Math.max(this.negotiated.maxWrite, this.negotiated.maxTransact) + frameSlack;
    this.#user = user;
    this.server.connectionLoggedOn(this, user);
    this.#moveTo(user);
  }

  /** A session with a logged-on user has ended: after the last one the limits that hold before logon hold again, among them the time to log on. */
  loggedOff(): void {
    if (--this.#loggedOn > 0) return;
    this.server.connectionLoggedOff(this, this.#user);
    if (this.ended) return;
    this.#reader.limit = this.server.limits.frameBeforeLogon;
    this.#moveTo(this.network);
    this.#expectLogon();
  }

  /** From now on the bytes it holds count for another user or address. */
  #moveTo(key: string): void {
    const { budget } = this.server;
    budget.change(this.#account, -this.#booked);
    budget.leave(this.#account);
    this.#account = budget.join(key);
    budget.change(this.#account, this.#booked);
  }

  /** Maximum size of a whole reply, bytes. */
  get maxReply(): number {
    return this.#maxReply;
  }

  /** Re-reports the bytes that this connection holds. Sends drain without notifying the budget. */
  recount(): void {
    this.#throttle();
  }

  /** Bytes that it holds, as booked in the server's budget. */
  get held(): number {
    return this.#booked;
  }

  /** The account of these bytes. */
  get account(): Account {
    return this.#account;
  }

  /** Frames received and not yet answered. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Bytes sent that the client's transport has acknowledged; undefined if the link does not report them. */
  get acknowledged(): number | undefined {
    const { unacknowledged } = this.link;
    return unacknowledged === undefined ? undefined : this.bytesOut - unacknowledged;
  }

  /** When the client last sent something, milliseconds of the monotonic clock. */
  get heard(): number {
    return this.#now;
  }

  /** Whether the server works for the client, or will; requests that wait for an action of a client do not count. */
  get working(): boolean {
    return this.#waiting.length > 0 || this.#decompressing || this.#inFlight.size > this.async.waitingForClients;
  }

  /** Whether no file is open and nothing is in flight: pipes do not count. */
  get idle(): boolean {
    if (this.#inFlight.size > 0 || this.#waiting.length > 0 || this.#decompressing || this.link.queued > 0) return false;
    for (const { session } of this.channels.values()) if (session.hasFileOpen) return false;
    return true;
  }

  #onFrame(received: Received): void {
    if (this.#leaving !== undefined) return;
    this.#waiting.push(received);
    this.#inFlightBytes += received.length;
  }

  /** Whether another frame may be started: before logon one at a time, later as long as the budget allows. */
  #mayStart(): boolean {
    if (this.#decompressing) return false;
    if (!this.authenticated) return this.#inFlight.size === 0;
    const { limits, budget } = this.server;
    if (budget.exceeds(this.#account, this.#booked)) return false;
    if (this.#inFlight.size - this.async.size >= limits.requestsForConnection) return false;
    return this.link.queued + this.reading + this.#coding < limits.connectionBytes;
  }

  /** One of its requests waits for something: another may run meanwhile. */
  waits(): void {
    if (this.#waiting.length > 0 && !this.#pumping) this.server.defer(() => this.#pump());
  }

  #pump(start = this.server.clock.now()): void {
    if (this.#pumping || this.#resting || this.ended) return;
    if (!this.authenticated) {
      if (this.#waiting.length > 0 && this.#mayStart()) this.#rest();
      this.#throttle();
      return;
    }
    const { clock } = this.server;
    const allowed = Math.max(turnMs / this.#account.connections, leastTurnMs) - this.#spent;
    this.#pumping = true;
    while (!this.ended && this.#waiting.length > 0 && this.#mayStart()) {
      this.#begin(this.#waiting.shift() as Received);
      if (this.#waiting.length > 0 && clock.now() - start > allowed) break;
    }
    this.#pumping = false;
    const worked = clock.now() - start;
    if (worked > allowed) this.#rest();
    else this.#spent += worked;
    this.#throttle();
    if (this.#waiting.length > 0 && !this.#resting && this.#mayStart()) this.#rest(); // it holds less now
  }

  /** Yields to other connections: a user's connection continues after them, one without a logon in its turn among those. */
  #rest(): void {
    if (this.ended) return;
    this.#spent = 0;
    this.#resting = true;
    if (this.authenticated) this.server.defer(this.#rested);
    else this.server.strangers.add(this);
  }

  /** Handles one frame of a connection without a logon. */
  step(): void {
    this.#resting = false;
    if (this.ended) return;
    this.#pumping = true;
    if (this.#waiting.length > 0 && this.#mayStart()) this.#begin(this.#waiting.shift() as Received);
    this.#pumping = false;
    this.#pump();
  }

  /** Pauses the link while too much is unfinished or unsent. */
  #throttle(): void {
    if (this.ended) return;
    const held = this.#inFlightBytes + this.link.queued + this.reading + this.#coding + this.#reader.held;
    const { limits, budget } = this.server;
    const change = held - this.#booked;
    this.#booked = held; // first: the change may resume this very connection
    const crowded = budget.change(this.#account, change);
    let pause = this.#resting || held > limits.connectionBytes || (this.#waiting.length > 0 && !this.#mayStart());
    if (crowded) {
      this.server.crowded();
      if (budget.exceeds(this.#account, held)) {
        budget.wait(this.#wake);
        pause = true;
      }
    }
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.link.pause();
    else this.link.resume();
  }

  #begin(received: Received): void {
    try {
      this.#start(received);
    } catch (error) {
      this.#unhandled(error);
    }
  }

  /** A frame could not be handled: an invalid transform header is the client's fault. */
  #unhandled(error: unknown): void {
    if (!(error instanceof DecodeError)) this.server.failed(error, { connection: this.id });
    this.end('a frame could not be handled');
  }

  #start({ chunks, length, arrived, pooled }: Received): void {
    this.lastActive = this.server.clock.wall();
    const protocol = protocolIdOf(chunks);
    if (protocol === ProtocolId.Smb2) this.#run(new Compound(this, toFrame(chunks, length), arrived, undefined, pooled));
    else if (protocol === ProtocolId.Transform) this.#startEncrypted(chunks, length, arrived, pooled);
    else if (protocol === ProtocolId.Compression) this.#startCompressed(toFrame(chunks, length), arrived, undefined, pooled);
    else if (protocol === ProtocolId.Smb1 && !this.isNegotiated && !this.awaitsSecondNegotiate) this.#startSmb1(chunks, length);
    else this.end('an unknown protocol');
  }

  #startEncrypted(chunks: readonly Uint8Array[], length: number, arrived: number, pooled: Uint8Array | undefined): void {
    const opened = decrypt(this, chunks, length);
    const inPlace = typeof opened !== 'string' && pooled?.buffer === opened.frame.bytes.buffer;
    if (pooled !== undefined && !inPlace) this.server.buffers.give(pooled);
    if (typeof opened === 'string') {
      this.end(opened);
      return;
    }
    const { frame, session } = opened;
    this.#inFlightBytes -= length - frame.length;
    const rest = inPlace ? pooled : undefined;
    if (frame.view.getUint32(0, true) === ProtocolId.Compression) this.#startCompressed(frame, arrived, session, rest);
    else this.#run(new Compound(this, frame, arrived, session, rest));
  }

  /** Decompresses a frame, in steps if it is large, and starts it. MS-SMB2 3.3.5.2.1.2. */
  #startCompressed(frame: Frame, arrived: number, encryptedBy: Session | undefined, pooled: Uint8Array | undefined): void {
    const { buffers, coders, limits } = this.server;
    const message = openCompressed(frame.bytes, this.#negotiated, this.authenticated ? undefined : limits.frameBeforeLogon);
    if (typeof message === 'string') {
      this.end(message);
      return;
    }
    const { size } = message;
    const buffer = buffers.take(size);
    const plain = buffer.subarray(0, size);
    this.#coding += size;
    this.#decompressing = true;
    const ended = (done: boolean): void => {
      this.#coding -= size;
      this.#decompressing = false;
      this.#inFlightBytes += size - frame.length;
      if (pooled !== undefined) buffers.give(pooled);
      if (done) this.#run(new Compound(this, new Frame(plain), arrived, encryptedBy, buffer));
      else {
        buffers.give(buffer);
        this.end('a compressed frame that is not valid');
      }
    };
    const result = coders.run(this.#account.key, message.decompress(plain), () => !this.ended);
    if (!(result instanceof Promise)) ended(result);
    else
      void result
        .then(ended)
        .catch((error: unknown) => this.#unhandled(error))
        .then(() => this.#pump());
  }

  #startSmb1(chunks: readonly Uint8Array[], length: number): void {
    this.#inFlightBytes -= length;
    const refusal = answerSmb1(this, toFrame(chunks, length));
    if (refusal !== undefined) this.end(refusal);
  }

  #run(compound: Compound): void {
    this.#inFlight.add(compound);
    compound.run();
  }

  /** The frame has been answered. */
  finished(compound: Compound): void {
    if (!this.#inFlight.delete(compound)) return;
    this.#inFlightBytes -= compound.frame.length;
    if (compound.pooled !== undefined && compound.onlyWrote) this.server.buffers.give(compound.pooled);
    this.#retired.finished(compound);
    if (this.#inFlight.size === 0 && this.ended) {
      if (this.#booked > 0) this.#keepBooked(0);
      this.server.shutdown.connectionSettled(this);
    }
    if (this.#leaving !== undefined) this.server.defer(() => this.#leave()); // when the response has been passed to the link
    if (!this.#pumping && this.#waiting.length > 0) this.#pump();
    else if (!this.#pumping) this.#throttle();
  }

  /** Books the bytes that it holds after its end; if there are none, it leaves its account. */
  #keepBooked(bytes: number): void {
    const { budget } = this.server;
    budget.change(this.#account, bytes - this.#booked);
    this.#booked = bytes;
    if (bytes === 0) budget.leave(this.#account);
  }

  retire(channel: Channel): void {
    this.#retired.add(channel, this.#inFlight);
  }

  cancelWhere(meets: (request: WaitingOn) => boolean): void {
    this.async.cancelWhere(meets);
  }

  /** Accepts no more requests, and ends when those in flight are answered; those that wait for an action of a client are cancelled. */
  leave(reason: string): void {
    if (this.#leaving === undefined) {
      this.#leaving = reason;
      for (const { length } of this.#waiting.splice(0)) this.#inFlightBytes -= length;
    }
    this.#leave();
  }

  #leave(): void {
    if (this.ended || this.working || this.link.queued > 0) return;
    this.#end(this.#leaving as string, false);
  }

  /** Removes the message ids of a request from the window, MS-SMB2 3.3.5.2.3. */
  takeMessageId(header: Header): boolean {
    return this.#window.consume(header.messageId, this.#negotiated?.multiCredit === true ? Math.max(1, header.creditCharge) : 1);
  }

  /** Takes the id that SMB1's negotiate uses. */
  takeFirstMessageId(): void {
    this.#window.consume(0, 1);
  }

  /** Grants credits for one response: one at a time while the budget is exceeded. */
  grantCredits(asked: number): number {
    const { connectionBytes, maxCredits } = this.server.limits;
    const tight = this.#inFlightBytes + this.link.queued > connectionBytes;
    return this.#window.grant(this.authenticated || asked <= 1 ? asked : Math.min(asked, 64), tight ? 1 : maxCredits);
  }

  /** Updates the preauthentication hash of the connection with a message, 3.1.1. */
  hash(message: readonly Uint8Array[]): void {
    this.preauthHash = preauthHash(this.preauthHash, message);
  }

  /** Sends finished elements as one frame. @returns a promise if they are compressed first in several turns of the event loop */
  sendReplies(replies: readonly Reply[], encryptFor: Session | undefined): Promise<void> | undefined {
    if (this.ended) {
      for (const reply of replies) undelivered(reply);
      return undefined;
    }
    for (const { request, bytes, rest } of replies) request.replied?.([bytes.subarray(headroom), ...rest]);
    const compression = this.#negotiated?.compression;
    if (compression !== undefined && wantsCompression(replies)) return this.#sendCompressed(replies, encryptFor, compression);
    this.#send(assemble(replies, encryptFor, this.server.buffers));
    return undefined;
  }

  #sendCompressed(replies: readonly Reply[], encryptFor: Session | undefined, compression: Compression): Promise<void> | undefined {
    const { buffers, coders } = this.server;
    const { coder, target } = compressorOf(replies, compression, (length) => buffers.take(length));
    this.#coding += target.length;
    const ended = (done: boolean): void => {
      this.#coding -= target.length;
      if (!done || this.ended) {
        buffers.give(target);
        if (this.ended) for (const reply of replies) undelivered(reply);
        else this.#send(assemble(replies, encryptFor, buffers));
        return;
      }
      for (const { request } of replies) request.sent?.();
      const message = [target.subarray(0, coder.written)];
      const give = (): void => buffers.give(target);
      this.#send(encryptFor === undefined ? { chunks: framed(message), sent: give } : encrypt(encryptFor, message, buffers));
      if (encryptFor !== undefined) give();
    };
    const result = coders.run(this.#account.key, coder, () => !this.ended);
    if (result instanceof Promise) return result.then(ended);
    ended(result);
    return undefined;
  }

  #send({ chunks, sent }: Outgoing): void {
    for (const chunk of chunks) this.bytesOut += chunk.length;
    this.link.send(chunks, sent);
  }

  /** Sends a message without a request of SMB2: a negotiate response to SMB1, or an oplock break. */
  sendMessage(message: Uint8Array, encryptFor?: Session): void {
    if (!this.ended)
      this.#send(encryptFor === undefined ? { chunks: framed([message]) } : encrypt(encryptFor, [message], this.server.buffers));
  }

  /** Ends the connection with everything on it. MS-SMB2 3.3.7.1. */
  end(reason: string): void {
    this.#end(reason, true);
  }

  /** @param now unsent bytes are discarded */
  #end(reason: string, now: boolean): void {
    if (this.ended) return;
    this.ended = true;
    this.#logonTimer?.clear();
    this.#waiting.length = 0;
    this.server.budget.forget(this.#wake);
    this.server.strangers.delete(this);
    this.#reader.dispose();
    if (this.#hadUser) this.log.info('connection ended', { reason });
    else this.log.debug('connection ended', { reason }); // strangers must not fill the log
    this.#keepBooked(this.async.disconnected());
    for (const channel of [...this.channels.values()]) endChannel(channel);
    this.link.close(now);
    this.server.connectionEnded(this, reason);
  }
}
