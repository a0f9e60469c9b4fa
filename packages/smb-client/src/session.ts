import { systemClock } from '@ring3/kit';
import {
  Capabilities,
  Command,
  cipherBits,
  createNtlmInitiator,
  Decryptor,
  Dialect,
  Encryptor,
  Header,
  HeaderFlags,
  type Initiator,
  initialPreauthHash,
  LogoffRequest,
  NtStatus,
  preauthHash,
  SecurityMode,
  SessionFlags,
  SessionSetupRequest,
  SessionSetupResponse,
  Signer,
  SpnegoInitiator,
  StatusError,
  sessionKeys,
} from '@ring3/smb-proto';
import type { Connection } from './connection.ts';
import { SmbClientError } from './errors.ts';
import type { Negotiated } from './negotiate.ts';
import { expectStatus, messageOf, type Reply, type Request } from './request.ts';
import { TreeConnect } from './tree-connect.ts';

export interface LogonOptions {
  /** Empty for an anonymous logon. */
  readonly user: string;
  /** The password, or its NT hash. */
  readonly password: string | Uint8Array;
  readonly domain?: string;
  readonly workstation?: string;
  /** Sign all requests, even if the server does not require it. */
  readonly sign?: boolean;
  /** Encrypt all requests, even if the server does not require it. */
  readonly encrypt?: boolean;
  /** Raw NTLMSSP tokens, without SPNEGO. */
  readonly raw?: boolean;
  /** Eight bytes: PreviousSessionId, the session that the server ends after a lost connection. */
  readonly previousSessionId?: Uint8Array;
}

interface Keys {
  readonly signer: Signer;
  readonly encryptor: Encryptor | undefined;
  readonly decryptor: Decryptor | undefined;
  /** 16 bytes, for higher layers. */
  readonly application: Uint8Array;
}

/** An authenticated user on one connection, MS-SMB2 3.2.1.3. */
export class Session {
  readonly connection: Connection;
  /** Eight bytes as the server sent them. */
  sessionId: Uint8Array = new Uint8Array(8);
  /** SessionFlags of the response. */
  flags = 0;
  #keys: Keys | undefined;
  #preauthHash: Uint8Array | undefined;
  #sign: boolean;
  #encrypt: boolean;

  private constructor(connection: Connection, options: LogonOptions) {
    this.connection = connection;
    const { serverSecurityMode, clientSecurityMode } = this.#negotiated;
    const required = (serverSecurityMode | clientSecurityMode) & SecurityMode.SigningRequired;
    this.#sign = options.sign === true || required !== 0;
    this.#encrypt = options.encrypt === true;
  }

  /** Logs on, MS-SMB2 3.2.4.2.3. @throws StatusError from the server, SmbClientError if the server's response cannot be verified */
  static async logon(connection: Connection, options: LogonOptions): Promise<Session> {
    const session = new Session(connection, options);
    connection.sessions.add(session);
    try {
      await session.#setup(options);
    } catch (error) {
      connection.sessions.delete(session);
      throw error;
    }
    return session;
  }

  get guest(): boolean {
    return (this.flags & SessionFlags.IsGuest) !== 0;
  }

  get anonymous(): boolean {
    return (this.flags & SessionFlags.IsNull) !== 0;
  }

  /** Returns whether the session has a signing key: guest and anonymous sessions do not. */
  get hasKeys(): boolean {
    return this.#keys !== undefined;
  }

  /** Session.ApplicationKey. @throws SmbClientError for a guest */
  get applicationKey(): Uint8Array {
    return this.#must().application;
  }

  /** Reauthenticates the session, MS-SMB2 3.2.4.2.3. The keys stay. */
  reauthenticate(options: LogonOptions): Promise<void> {
    return this.#setup(options);
  }

  /** @param share a name, or a whole UNC path @throws StatusError, for example BadNetworkName */
  connect(share: string): Promise<TreeConnect> {
    return TreeConnect.connect(this, share.startsWith('\\\\') ? share : `\\\\${this.connection.link.peer.replace(/:\d+$/, '')}\\${share}`);
  }

  /** LOGOFF, MS-SMB2 3.2.4.23. @throws StatusError */
  async logoff(): Promise<void> {
    const { reply } = this.connection.send({ command: Command.Logoff, body: LogoffRequest.encode({}), session: this });
    expectStatus(await reply, 'LOGOFF');
    this.connection.sessions.delete(this);
  }

  /** Returns whether the request is signed, MS-SMB2 3.2.4.1.1. */
  signs(request: Request): boolean {
    if (this.#keys === undefined || this.encrypts(request)) return false;
    return this.#sign || (this.connection.dialect === Dialect.Smb311 && request.command === Command.TreeConnect);
  }

  /** Returns whether the request is encrypted, MS-SMB2 3.2.4.1.8. */
  encrypts({ command, encrypt = this.#encrypt }: Request): boolean {
    return encrypt && command !== Command.SessionSetup && this.#keys?.encryptor !== undefined;
  }

  /** Writes the signature into the request. */
  sign(message: readonly Uint8Array[]): void {
    this.#must().signer.sign(message, 'client');
  }

  /** The frame, encrypted. */
  encrypt(message: readonly Uint8Array[]): Uint8Array[] {
    return (this.#must().encryptor as Encryptor).encrypt(message, this.sessionId);
  }

  /** Decrypts a frame, possibly in place. @throws SmbClientError if authentication fails */
  decrypt(frame: readonly Uint8Array[]): readonly Uint8Array[] {
    const plain = this.#keys?.decryptor?.decrypt(frame);
    if (plain === undefined) throw new SmbClientError('an encrypted frame whose tag is wrong');
    return plain;
  }

  /** Adds an outgoing SESSION_SETUP request to the preauthentication integrity hash. */
  takeIn(message: readonly Uint8Array[]): void {
    if (this.#preauthHash !== undefined) this.#preauthHash = preauthHash(this.#preauthHash, message);
  }

  /** Returns the reason to discard a response, MS-SMB2 3.2.5.1.3; undefined if it is valid. */
  distrusts(reply: Reply): string | undefined {
    if (this.#keys === undefined || reply.encrypted) return undefined;
    // A server that has ended the session has no key any more: its response may have the flag, and cannot have a signature.
    if (reply.status === NtStatus.UserSessionDeleted) return undefined;
    if ((reply.header.flags & HeaderFlags.Signed) !== 0) {
      return this.#keys.signer.verify(messageOf(reply), 'server') ? undefined : 'the signature is wrong';
    }
    if (this.#encrypt) return 'the answer came in the clear';
    return this.#sign && reply.status !== NtStatus.NetworkSessionExpired ? 'the answer is not signed' : undefined;
  }

  get #negotiated(): Negotiated {
    return this.connection.negotiated as Negotiated;
  }

  #must(): Keys {
    if (this.#keys === undefined) throw new SmbClientError('the session has no keys');
    return this.#keys;
  }

  #initiator(options: LogonOptions): Initiator {
    const { user, password, domain = '', workstation = '' } = options;
    const target = `cifs/${this.connection.link.peer.replace(/:\d+$/, '')}`;
    const ntlm = createNtlmInitiator({
      user,
      password,
      domain,
      workstation,
      target,
      random: this.connection.random,
      now: systemClock.wall,
    });
    return options.raw === true ? ntlm : new SpnegoInitiator(ntlm);
  }

  async #setup(options: LogonOptions): Promise<void> {
    const initiator = this.#initiator(options);
    const renewed = this.#keys !== undefined;
    if (!renewed) this.#preauthHash = this.#negotiated.dialect === Dialect.Smb311 ? this.connection.preauthHash : initialPreauthHash;
    for (let token: Uint8Array | undefined; ; ) {
      const step = initiator.next(token);
      if (step.state === 'failed') throw new StatusError(step.status, step.reason);
      const reply = await this.#exchange(step.token ?? new Uint8Array(), options);
      const response = SessionSetupResponse.read(reply.frame, reply.at, reply.length);
      token = response.securityBuffer;
      if (reply.status === NtStatus.MoreProcessingRequired && step.state === 'continue') {
        this.takeIn(messageOf(reply));
        continue;
      }
      expectStatus(reply, 'SESSION_SETUP');
      if (step.state !== 'complete') throw new SmbClientError('the server is content before the client is');
      const failed = initiator instanceof SpnegoInitiator ? initiator.finish(token) : undefined;
      if (failed !== undefined) throw new SmbClientError(failed.reason);
      this.flags = response.sessionFlags;
      if (!renewed && !this.guest && !this.anonymous && options.user !== '') this.#establish(step.sessionKey, reply);
      return;
    }
  }

  async #exchange(securityBuffer: Uint8Array, options: LogonOptions): Promise<Reply> {
    const { clientSecurityMode, clientCapabilities } = this.#negotiated;
    const body = SessionSetupRequest.encode({
      flags: 0,
      securityMode: clientSecurityMode,
      capabilities: clientCapabilities & Capabilities.Dfs,
      channel: 0,
      previousSessionId: 0,
      securityBuffer,
    });
    if (options.previousSessionId !== undefined)
      body.head.set(options.previousSessionId, 64 + SessionSetupRequest.fixed.offset.previousSessionId);
    const reply = await this.connection.send({ command: Command.SessionSetup, body, session: this }).reply;
    expectStatus(reply, 'SESSION_SETUP', NtStatus.MoreProcessingRequired);
    this.sessionId = reply.frame.slice(reply.at + Header.offset.sessionId, 8).slice();
    return reply;
  }

  /** Derives the keys and verifies the signature of the final response, MS-SMB2 3.2.5.3.1. */
  #establish(fullSessionKey: Uint8Array, reply: Reply): void {
    const { dialect, cipher, signingAlgorithm } = this.#negotiated;
    const keys = sessionKeys(dialect, fullSessionKey, this.#preauthHash, cipher === undefined ? 128 : cipherBits(cipher));
    this.#preauthHash = undefined;
    const { random, aesGcm } = this.connection;
    const signer = new Signer(signingAlgorithm, keys.signing, aesGcm);
    const signed = (reply.header.flags & HeaderFlags.Signed) !== 0;
    if (signed ? !signer.verify(messageOf(reply), 'server') : dialect === Dialect.Smb311) {
      throw new SmbClientError(`SESSION_SETUP: the final answer ${signed ? 'is signed wrongly' : 'is not signed'}`);
    }
    this.#keys = {
      signer,
      encryptor: cipher === undefined ? undefined : new Encryptor(cipher, keys.clientToServer, random, aesGcm),
      decryptor: cipher === undefined ? undefined : new Decryptor(cipher, keys.serverToClient, aesGcm),
      application: keys.application,
    };
    if ((this.flags & SessionFlags.EncryptData) !== 0) this.#encrypt = true;
    if (this.#encrypt && cipher === undefined) throw new SmbClientError('no encryption was negotiated');
  }
}
