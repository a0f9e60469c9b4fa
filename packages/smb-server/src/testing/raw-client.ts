import { FakeClock, fakeRandom, type Link } from '@ring3/kit';
import {
  Command,
  CreateDisposition,
  CreateRequest,
  createNtlmInitiator,
  Dialect,
  defaultSigningAlgorithm,
  ErrorResponse,
  Header,
  HeaderFlags,
  headerLength,
  initialPreauthHash,
  type NegotiateContext,
  NegotiateRequest311,
  NegotiateResponse,
  NtStatus,
  preauthHash,
  SessionSetupFlags,
  SessionSetupRequest,
  SessionSetupResponse,
  Signer,
  sessionKeys,
  TreeConnectRequest,
  WriteRequest,
} from '@ring3/smb-proto';
import { createMemoryStore } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import { connectMemory } from '../links/memory.ts';
import { resolveOptions } from '../server/options.ts';
import { Server } from '../server/server.ts';
import type { SmbServerOptions } from '../server/smb-server-options.ts';
import type { LocalFileStateOptions } from '../state/index.ts';
import { RemoteFileState } from './remote-file-state.ts';

/** `RING3_STATE=remote`: every test has the state of its files across a boundary that answers in a later turn. */
const createState =
  process.env['RING3_STATE'] === 'remote' ? (environment: LocalFileStateOptions) => new RemoteFileState(environment, 'later') : undefined;

/**
 * A server without a socket, with a memory store as `share`, a read-only one as `look`, and users `ann` and `bob`. Failed logons are
 * answered at once.
 */
export const testServer = (more: Partial<SmbServerOptions> = {}): Server =>
  new Server(
    resolveOptions({
      shares: { share: createMemoryStore(), look: { vfs: createMemoryStore(), readOnly: true } },
      users: { ann: 'secret', bob: 'word' },
      signing: 'enabled',
      clock: new FakeClock(),
      limits: { failedLogonDelayMs: 0, ...more.limits },
      ...Object.fromEntries(Object.entries(more).filter(([name]) => name !== 'limits')),
    }),
    createState,
  );

/** One element to send. The defaults are those of a correct client. */
export interface Element {
  readonly command: number;
  /** Headroom and body, as a declaration encodes it. */
  readonly body: { readonly head: Uint8Array; readonly rest: readonly Uint8Array[] };
  readonly header?: Partial<Parameters<typeof Header.write>[2]>;
  readonly related?: boolean;
  readonly sign?: boolean;
}

/** One element of a response. */
export interface Answer {
  readonly header: ReturnType<typeof Header.read>;
  readonly status: number;
  readonly bytes: Uint8Array;
  read<T>(declaration: { read(frame: Frame, at: number, length?: number): T }): T;
}

let clients = 0;

/** A client that sends exactly what a test asks for, and exposes all it knows: for tests of the server. */
export class RawClient {
  readonly server: Server;
  readonly #link: Link;
  readonly #number: number;
  readonly #frames: Answer[][] = [];
  #waiting: ((answers: Answer[] | undefined) => void)[] = [];
  #buffer = Buffer.alloc(0);
  #preauth: Uint8Array = initialPreauthHash;
  dialect: number = Dialect.Smb302;
  messageId = 0;
  sessionId = 0;
  treeId = 0;
  signer: Signer | undefined;
  /** Session.SigningKey: the key of the first channel. */
  sessionSigner: Signer | undefined;
  /** Whether requests of a logon are signed: of a reauthentication, if the session requires signing. */
  signsLogons = false;
  /** Whether all of its requests are signed unless an element says otherwise. */
  signsAll = false;
  /** The results of the logon. */
  sessionKey: Uint8Array | undefined;
  #last: Uint8Array | undefined;
  ended: string | undefined;
  /** Each client has its own. Connections with the same one are one client to the server: its leases belong to all of them. */
  clientGuid: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => (i < 4 ? clients >>> (8 * i) : 7));

  constructor(server: Server) {
    this.#number = ++clients;
    this.server = server;
    this.#link = connectMemory(server);
    this.#link.open({
      receive: (bytes) => this.#receive(bytes),
      end: (reason) => {
        this.ended = reason;
        for (const call of this.#waiting.splice(0)) call(undefined);
      },
    });
  }

  /** A client that has logged on as `ann`, at `share`. Below 3.1.1, so that nothing has to be signed. */
  static async at(
    server: Server,
    share = 'share',
    user = 'ann',
    password = 'secret',
    dialect: number = Dialect.Smb302,
    clientGuid?: Uint8Array,
    capabilities = 0,
  ): Promise<RawClient> {
    const client = new RawClient(server);
    if (clientGuid !== undefined) client.clientGuid = clientGuid;
    await client.negotiate([dialect], [], capabilities);
    await client.logOn(user, password);
    await client.connect(share);
    return client;
  }

  #receive(bytes: Uint8Array): void {
    this.#buffer = Buffer.concat([this.#buffer, bytes]);
    while (this.#buffer.length >= 4 && this.#buffer.length >= 4 + this.#buffer.readUIntBE(1, 3)) {
      const length = this.#buffer.readUIntBE(1, 3);
      const message = new Uint8Array(this.#buffer.subarray(4, 4 + length));
      this.#buffer = this.#buffer.subarray(4 + length);
      if (length === 0) continue; // NetBIOS: a positive session response
      this.#last = message;
      const answers = message[0] === 0xfe ? answersIn(message) : []; // encrypted and compressed ones are for nextRaw
      const call = this.#waiting.shift();
      if (call === undefined) this.#frames.push(answers);
      else call(answers);
    }
  }

  /** The next frame that arrives; undefined if the connection ends first. */
  next(): Promise<Answer[] | undefined> {
    const there = this.#frames.shift();
    if (there !== undefined || this.ended !== undefined) return Promise.resolve(there);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next frame as bytes: encrypted ones too. */
  async nextRaw(): Promise<Uint8Array | undefined> {
    return (await this.next()) === undefined ? undefined : this.#last;
  }

  /** Disconnects. */
  end(): void {
    this.#link.close();
  }

  /** Sends bytes unchanged. */
  sendBytes(bytes: Uint8Array): void {
    this.#link.send([bytes]);
  }

  /** Sends one frame, with framing. */
  sendFrame(message: Uint8Array): void {
    const framing = Buffer.alloc(4);
    framing.writeUIntBE(message.length, 1, 3);
    this.sendBytes(Buffer.concat([framing, message]));
  }

  /** The bytes of a chain of elements. */
  encode(elements: readonly Element[]): Uint8Array {
    const parts = elements.map((element, i) => this.#encode(element, i + 1 < elements.length));
    return new Uint8Array(Buffer.concat(parts));
  }

  #encode(
    { command, body, header = {}, related = false, sign = this.signsAll && this.signer !== undefined }: Element,
    followed: boolean,
  ): Uint8Array {
    const plain = Buffer.concat([body.head, ...body.rest]);
    const bytes = new Uint8Array(followed ? (plain.length + 7) & ~7 : plain.length);
    bytes.set(plain);
    const flags = (related ? HeaderFlags.RelatedOperations : 0) | (sign ? HeaderFlags.Signed : 0);
    const creditCharge = header.creditCharge ?? chargeOf(command, plain.length);
    const messageId = header.messageId ?? this.messageId;
    if (command !== Command.Cancel && header.messageId === undefined) this.messageId += Math.max(1, creditCharge);
    const ids = related ? { treeId: 0xffffffff, sessionId: -1 } : { treeId: this.treeId, sessionId: this.sessionId };
    Header.write(new Frame(bytes), 0, {
      status: 0,
      command,
      credits: 8,
      flags,
      nextCommand: followed ? bytes.length : 0,
      processId: 0xfeff,
      ...ids,
      signature: new Uint8Array(16),
      ...header,
      creditCharge,
      messageId,
    });
    if (sign) this.signer?.sign([bytes], 'client');
    return bytes;
  }

  /** Sends elements as one frame and waits for the next frame. */
  async chain(...elements: Element[]): Promise<Answer[]> {
    this.sendFrame(this.encode(elements));
    return (await this.next()) ?? [];
  }

  /** Sends one element. @throws if the connection ends instead of a response */
  async ask(element: Element): Promise<Answer> {
    const [answer] = await this.chain(element);
    if (answer === undefined) throw new Error(`no answer: ${this.ended}`);
    return answer;
  }

  async negotiate(
    dialects: readonly number[] = [Dialect.Smb302],
    contexts: readonly NegotiateContext[] = [],
    capabilities = 0,
  ): Promise<Answer> {
    const body = NegotiateRequest311.encode({
      securityMode: 1,
      capabilities,
      clientGuid: this.clientGuid,
      dialects: [...dialects],
      negotiateContexts: [...contexts],
    });
    const message = this.encode([{ command: Command.Negotiate, body }]);
    this.sendFrame(message);
    const [answer] = (await this.next()) ?? [];
    if (answer === undefined) throw new Error(`no answer: ${this.ended}`);
    if (answer.status === 0) this.dialect = answer.read(NegotiateResponse).dialectRevision;
    this.#preauth = preauthHash(preauthHash(initialPreauthHash, [message]), [answer.bytes]);
    return answer;
  }

  /**
   * Logs on by NTLM without SPNEGO. @returns the last response
   * @param binds asks for a channel of the session `sessionId`, whose signing key is in `signer`: it signs the requests
   */
  async logOn(user: string, password: string, previousSessionId = 0, binds = false): Promise<Answer> {
    const initiator = createNtlmInitiator({
      user,
      password,
      random: fakeRandom(this.#number * 1000 + this.messageId),
      now: () => this.server.clock.wall(),
    });
    let hash = this.#preauth;
    let step = initiator.next();
    for (;;) {
      if (step.state === 'failed' || step.token === undefined) throw new Error('the client could not continue the logon');
      const body = SessionSetupRequest.encode({
        flags: binds ? SessionSetupFlags.Binding : 0,
        securityMode: 1,
        capabilities: 0,
        channel: 0,
        previousSessionId,
        securityBuffer: step.token,
      });
      const message = this.encode([{ command: Command.SessionSetup, body, ...(binds || this.signsLogons ? { sign: true } : {}) }]);
      hash = preauthHash(hash, [message]);
      this.sendFrame(message);
      const [answer] = (await this.next()) ?? [];
      if (answer === undefined) throw new Error(`no answer: ${this.ended}`);
      if (step.state === 'complete' && answer.status === 0) this.#keys(step.sessionKey, hash, binds);
      if (step.state === 'complete' || answer.status !== NtStatus.MoreProcessingRequired) return answer;
      this.sessionId = answer.header.sessionId;
      hash = preauthHash(hash, [answer.bytes]);
      step = initiator.next(answer.read(SessionSetupResponse).securityBuffer);
    }
  }

  /** Asks for a channel on this connection to the session of another client, as the same user or another. @returns the last response */
  bind(other: RawClient, user = 'ann', password = 'secret'): Promise<Answer> {
    this.sessionId = other.sessionId;
    this.treeId = other.treeId;
    this.signer = this.sessionSigner = other.sessionSigner;
    return this.logOn(user, password, 0, true);
  }

  #keys(sessionKey: Uint8Array, hash: Uint8Array, binds: boolean): void {
    this.sessionKey = sessionKey;
    this.signer = new Signer(defaultSigningAlgorithm(this.dialect), sessionKeys(this.dialect, sessionKey, hash).signing);
    if (!binds) this.sessionSigner = this.signer;
  }

  async connect(share: string): Promise<Answer> {
    const answer = await this.ask({
      command: Command.TreeConnect,
      ...(this.dialect === Dialect.Smb311 && this.signer !== undefined ? { sign: true } : {}),
      body: TreeConnectRequest.encode({ flags: 0, path: `\\\\server\\${share}` }),
    });
    if (answer.status === 0) this.treeId = answer.header.treeId;
    return answer;
  }

  /** Opens or creates. */
  create(name: string, more: Partial<Parameters<typeof CreateRequest.encode>[0]> = {}): Promise<Answer> {
    return this.ask({ command: Command.Create, body: createBody(name, more) });
  }
}

/** CreditCharge of a request, MS-SMB2 3.1.5.2: of a WRITE by its payload, else 1. */
const chargeOf = (command: number, bytes: number): number =>
  command === Command.Write ? Math.max(1, Math.ceil((bytes - headerLength - WriteRequest.fixed.byteLength) / 65536)) : 1;

/** The body of a CREATE that opens or makes a file with all access and all sharing. */
export const createBody = (name: string, more: Partial<Parameters<typeof CreateRequest.encode>[0]> = {}): Element['body'] =>
  CreateRequest.encode({
    requestedOplockLevel: 0,
    impersonationLevel: 2,
    desiredAccess: 0x001f01ff,
    fileAttributes: 0,
    shareAccess: 7,
    createDisposition: CreateDisposition.OpenIf,
    createOptions: 0,
    name,
    createContexts: [],
    ...more,
  });

function answersIn(message: Uint8Array): Answer[] {
  const answers: Answer[] = [];
  for (let at = 0; ; ) {
    const frame = new Frame(message);
    const header = Header.read(frame, at);
    const length = header.nextCommand === 0 ? message.length - at : header.nextCommand;
    const from = at;
    answers.push({
      header,
      status: header.status,
      bytes: message.subarray(from, from + length),
      read: (declaration) => declaration.read(frame, from, length),
    });
    if (header.nextCommand === 0) return answers;
    at += length;
  }
}

/** Bytes of an error response: the header and 9. */
export const errorLength = headerLength + ErrorResponse.fixed.byteLength + 1;
