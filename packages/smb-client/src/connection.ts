import { type Link, type Random, systemRandom } from '@ring3/kit';
import {
  CancelRequest,
  Command,
  type CreateAesGcm,
  type Dialect,
  Header,
  HeaderFlags,
  headerLength,
  MessageCompressor,
  maxSegment,
  nodeAesGcm,
  ProtocolId,
  preauthHash,
  readCompressed,
  TransformHeader,
  transformHeaderLength,
  WriteRequest,
} from '@ring3/smb-proto';
import { DecodeError, Frame } from '@ring3/wire';
import { SmbClientError } from './errors.ts';
import { FrameSplitter, framing } from './framing.ts';
import { type Negotiated, type NegotiateOptions, negotiate } from './negotiate.ts';
import { Exchange, isInterim, lengthOf, type Reply, type Request, toFrame, withHead } from './request.ts';
import { type LogonOptions, Session } from './session.ts';

export interface ConnectionOptions extends NegotiateOptions {
  readonly random?: Random;
  /** The implementation of AES-GCM and AES-GMAC; default: `node:crypto`. */
  readonly aesGcm?: CreateAesGcm | undefined;
  /** Credits that the client tries to hold; default: 512. */
  readonly credits?: number;
  /** Called with each frame before it is sent, after signing and encryption; may replace it. Tests inject faults here. */
  readonly tamper?: (chunks: readonly Uint8Array[]) => readonly Uint8Array[];
  /** Called with unsolicited messages of the server: oplock and lease breaks. */
  readonly unsolicited?: (reply: Reply) => void;
}

/** One connection to a server, MS-SMB2 3.2.1.2: credits, message ids, signatures and encryption over any stream link. */
export class Connection {
  readonly link: Link;
  readonly random: Random;
  readonly aesGcm: CreateAesGcm;
  readonly sessions = new Set<Session>();
  /** Resolves with the reason when the link was closed. */
  readonly closed: Promise<string>;
  /** Connection.PreauthIntegrityHashValue, MS-SMB2 3.2.1.2. */
  preauthHash: Uint8Array = new Uint8Array(64);
  /** The result of NEGOTIATE; undefined before. */
  negotiated: Negotiated | undefined;
  readonly #options: ConnectionOptions;
  readonly #waiting: Exchange[][] = [];
  readonly #inFlight = new Map<number, Exchange>();
  #messageId = 0;
  #credits = 1;
  #ended: string | undefined;
  #end!: (reason: string) => void;

  constructor(link: Link, options: ConnectionOptions = {}) {
    this.link = link;
    this.random = options.random ?? systemRandom();
    this.aesGcm = options.aesGcm ?? nodeAesGcm;
    this.#options = options;
    this.closed = new Promise((resolve) => {
      this.#end = resolve;
    });
    const splitter = new FrameSplitter((chunks, length) => this.#receive(chunks, length));
    link.open({ receive: (bytes) => splitter.receive(bytes), end: (reason) => this.#fail(reason) });
  }

  /** Connects and negotiates. @throws StatusError if the server rejects the request, SmbClientError if the link is closed */
  static async open(link: Link, options: ConnectionOptions = {}): Promise<Connection> {
    const connection = new Connection(link, options);
    connection.negotiated = await negotiate(connection, options);
    return connection;
  }

  /** @throws SmbClientError before NEGOTIATE */
  get dialect(): Dialect {
    return this.#agreed().dialect;
  }

  /** Available credits. */
  get credits(): number {
    return this.#credits;
  }

  /** The next MessageId. */
  get nextMessageId(): number {
    return this.#messageId;
  }

  /** Logs on. @throws StatusError, for example LogonFailure */
  logon(options: LogonOptions): Promise<Session> {
    return Session.logon(this, options);
  }

  /** Sends one request as soon as there are enough credits. */
  send(request: Request): Exchange {
    return this.compound([request])[0] as Exchange;
  }

  /** Sends the requests as one frame, MS-SMB2 3.2.4.1.4. Relatedness is the flag of each request. */
  compound(requests: readonly Request[]): Exchange[] {
    const exchanges = requests.map((request) => new Exchange(request));
    for (const exchange of exchanges) exchange.charge = this.#charge(exchange.request);
    if (this.#ended !== undefined) for (const exchange of exchanges) exchange.fail(new SmbClientError(this.#ended));
    else {
      this.#waiting.push(exchanges);
      this.#pump();
    }
    return exchanges;
  }

  /** Sends CANCEL for a request, MS-SMB2 3.2.4.24. The request still receives a response, usually Cancelled. */
  cancel(exchange: Exchange): void {
    const { head } = CancelRequest.encode({});
    const { session } = exchange.request;
    const asynchronous = exchange.asyncId !== undefined;
    const request: Request = {
      command: Command.Cancel,
      body: { head, rest: [] },
      ...(session !== undefined && { session }),
      ...(exchange.request.treeId !== undefined && { treeId: exchange.request.treeId }),
      flags: asynchronous ? HeaderFlags.AsyncCommand : 0,
    };
    this.#header(head, request, exchange.messageId, 0, 0);
    if (exchange.asyncId !== undefined) head.set(exchange.asyncId, Header.offset.processId);
    this.#transmit(request, [head]);
  }

  /** Sends these bytes unchanged, preceded by the framing: for malformed and replayed messages. */
  sendFrame(...chunks: Uint8Array[]): void {
    this.sendRaw(framing(lengthOf(chunks)), ...chunks);
  }

  /** Sends these bytes without framing. */
  sendRaw(...chunks: Uint8Array[]): void {
    this.link.send(chunks);
  }

  /** Closes the link; pending requests fail. `now` resets it. */
  async close(now = false): Promise<void> {
    this.link.close(now);
    await this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #agreed(): Negotiated {
    if (this.negotiated === undefined) throw new SmbClientError('NEGOTIATE has not happened');
    return this.negotiated;
  }

  /** CreditCharge, MS-SMB2 3.2.4.1.5; zero if the connection has no multi-credit requests; one credit is then used. */
  #charge({ payload = 0 }: Request): number {
    return this.negotiated?.multiCredit === true ? 1 + Math.floor(Math.max(0, payload - 1) / 65536) : 0;
  }

  #pump(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const cost = next.reduce((sum, { charge }) => sum + Math.max(1, charge), 0);
      if (cost > this.#credits) return;
      this.#credits -= cost;
      this.#waiting.shift();
      this.#transmitAll(next);
    }
  }

  #transmitAll(exchanges: readonly Exchange[]): void {
    const wanted = Math.max(1, (this.#options.credits ?? 512) - this.#credits);
    const frame: Uint8Array[] = [];
    exchanges.forEach((exchange, i) => {
      const { request, charge } = exchange;
      exchange.messageId = this.#messageId;
      this.#messageId += Math.max(1, charge);
      this.#inFlight.set(exchange.messageId, exchange);
      const { head, rest } = request.body;
      const length = head.length + lengthOf(rest);
      const padding = i + 1 < exchanges.length ? -length & 7 : 0;
      this.#header(head, request, exchange.messageId, charge, i === 0 ? Math.min(65535, wanted + charge) : Math.max(1, charge));
      if (i + 1 < exchanges.length) new DataView(head.buffer, head.byteOffset).setUint32(Header.offset.nextCommand, length + padding, true);
      const chunks = padding === 0 ? [head, ...rest] : [head, ...rest, new Uint8Array(padding)];
      this.#sign(request, chunks);
      frame.push(...chunks);
    });
    const { request } = exchanges[0] as Exchange;
    this.#takeIn(request, frame);
    this.#put(request, frame);
  }

  #header(head: Uint8Array, request: Request, messageId: number, charge: number, credits: number): void {
    const { session, treeId = 0, flags = 0, command } = request;
    const signed = session?.signs(request) === true ? HeaderFlags.Signed : 0;
    Header.write(new Frame(head), 0, {
      creditCharge: charge,
      status: 0,
      command,
      credits,
      flags: (flags | signed) >>> 0,
      nextCommand: 0,
      messageId,
      processId: 0xfeff,
      treeId,
      sessionId: 0,
      signature: new Uint8Array(16),
    });
    if (session !== undefined) head.set(session.sessionId, Header.offset.sessionId);
  }

  #sign(request: Request, chunks: readonly Uint8Array[]): void {
    if (request.session?.signs(request) === true) request.session.sign(chunks);
  }

  #transmit(request: Request, chunks: readonly Uint8Array[]): void {
    this.#sign(request, chunks);
    this.#put(request, chunks);
  }

  #put(request: Request, chunks: readonly Uint8Array[]): void {
    const plain = request.session?.encrypts(request) !== true;
    const message = request.command === Command.Write ? this.#compressed(chunks) : chunks;
    const out = plain ? message : (request.session as Session).encrypt(message);
    const framed = [framing(lengthOf(out)), ...out];
    this.link.send(this.#options.tamper === undefined ? framed : this.#options.tamper(framed));
  }

  /** A message in its compressed form, if that was negotiated and is smaller. */
  #compressed(chunks: readonly Uint8Array[]): readonly Uint8Array[] {
    const compression = this.negotiated?.compression;
    if (compression === undefined) return chunks;
    const whole = Buffer.concat(chunks);
    const head = headerLength + WriteRequest.fixed.byteLength;
    const target = new Uint8Array(whole.length);
    const coder = new MessageCompressor(whole.subarray(0, head), whole.subarray(head), target, compression);
    return coder.advance(whole.length) === 'done' ? [target.subarray(0, coder.written)] : chunks;
  }

  /** Adds NEGOTIATE to the preauthentication integrity hash of the connection, SESSION_SETUP to that of its session. */
  #takeIn(request: Request, message: readonly Uint8Array[]): void {
    if (request.command === Command.Negotiate) this.preauthHash = preauthHash(this.preauthHash, message);
    if (request.command === Command.SessionSetup) request.session?.takeIn(message);
  }

  #receive(chunks: Uint8Array[], length: number): void {
    if (this.#ended !== undefined) return;
    try {
      const whole = withHead(chunks, Math.min(length, transformHeaderLength));
      const protocolId = length < 4 ? 0 : new Frame(whole[0] as Uint8Array).view.getUint32(0, true);
      const encrypted = protocolId === ProtocolId.Transform;
      const plain = encrypted ? this.#decrypt(whole, length) : whole;
      this.#messages(this.#decompressed(toFrame(plain, lengthOf(plain))), encrypted);
    } catch (error) {
      if (!(error instanceof DecodeError) && !(error instanceof SmbClientError)) throw error;
      this.#fail(error.message);
      this.link.close(true);
    }
  }

  /** The plain message, MS-SMB2 3.2.5.1.1.2. */
  #decompressed(frame: Frame): Frame {
    if (frame.bytes.length < 4 || frame.view.getUint32(0, true) !== ProtocolId.Compression) return frame;
    const { compression, maxReadSize = 0, maxWriteSize = 0, maxTransactSize = 0 } = this.negotiated ?? {};
    if (compression === undefined) throw new SmbClientError('a compressed message without an agreement');
    const message = readCompressed(
      Buffer.concat(frame.chunks(0, frame.length)),
      compression,
      maxSegment(Math.max(maxReadSize, maxWriteSize, maxTransactSize)),
    );
    if (typeof message === 'string') throw new SmbClientError(message);
    const target = new Uint8Array(message.size);
    const coder = message.decompress(target);
    let progress = coder.advance(message.size + 1);
    while (progress === 'more') progress = coder.advance(message.size + 1);
    if (progress === 'failed') throw new SmbClientError('a compressed message that is not valid');
    return new Frame(target);
  }

  #decrypt(chunks: readonly Uint8Array[], length: number): readonly Uint8Array[] {
    if (length < transformHeaderLength) throw new SmbClientError('a transform header that is cut short');
    const at = TransformHeader.offset.sessionId;
    const sessionId = (chunks[0] as Uint8Array).subarray(at, at + 8);
    for (const session of this.sessions) {
      if (Buffer.compare(session.sessionId, sessionId) === 0) return session.decrypt(chunks);
    }
    throw new SmbClientError('an encrypted frame of an unknown session');
  }

  #messages(frame: Frame, encrypted: boolean): void {
    for (let at = 0; ; ) {
      const header = Header.read(frame, at);
      const left = frame.length - at;
      const length = header.nextCommand === 0 ? left : header.nextCommand;
      if (length < headerLength || length > left) throw new SmbClientError(`NextCommand ${header.nextCommand}, ${left} bytes left`);
      this.#message({ header, status: header.status, frame, at, length, encrypted, signed: false });
      if (header.nextCommand === 0) return;
      at += length;
    }
  }

  #message(reply: Reply): void {
    const { header } = reply;
    this.#credits += header.credits;
    const exchange = this.#inFlight.get(header.messageId);
    if (header.messageId === -1) this.#options.unsolicited?.(reply);
    else if (exchange === undefined)
      throw new SmbClientError(`an answer to message ${header.messageId}, which was not asked or is answered`);
    else if (isInterim(header)) {
      exchange.asyncId = reply.frame.slice(reply.at + Header.offset.processId, 8).slice();
      exchange.interim();
    } else this.#final(exchange, reply);
    this.#pump();
  }

  #final(exchange: Exchange, reply: Reply): void {
    this.#inFlight.delete(exchange.messageId);
    exchange.interim();
    const { session } = exchange.request;
    const wrong = session?.distrusts(reply);
    if (wrong !== undefined) exchange.fail(new SmbClientError(`${exchange.name}: ${wrong}`));
    else exchange.answer({ ...reply, signed: session?.hasKeys === true && (reply.header.flags & HeaderFlags.Signed) !== 0 });
  }

  #fail(reason: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    for (const exchange of this.#inFlight.values()) exchange.fail(new SmbClientError(`${exchange.name}: ${reason}`));
    for (const exchange of this.#waiting.flat()) exchange.fail(new SmbClientError(`${exchange.name}: ${reason}`));
    this.#inFlight.clear();
    this.#waiting.length = 0;
    this.#end(reason);
  }
}
