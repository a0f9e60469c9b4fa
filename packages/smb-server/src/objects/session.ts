import { Decryptor, Encryptor, type Logon, type SessionKeys, Signer } from '@ring3/smb-proto';
import type { Identity } from '@ring3/vfs';
import type { Actor } from '../values/events.ts';
import type { Channel, ChannelConnection, WaitingOn } from './channel.ts';
import type { Open } from './open.ts';
import type { Services } from './services.ts';
import type { TreeConnect } from './tree-connect.ts';

/** Session, MS-SMB2 3.3.1.8: one logon, on one connection or several. */
export class Session {
  readonly sessionId: number;
  readonly server: Services;
  /** Session.ChannelList, the oldest first, with those whose logon is in progress. */
  readonly channels = new Set<Channel>();
  /** The channels whose frames may still need the keys of the session: also ended ones. */
  readonly keyHolders = new Set<Channel>();
  /** `inProgress` until the first logon is complete; `ended` after logoff, even if requests still run on it. */
  state: 'inProgress' | 'valid' | 'expired' | 'ended' = 'inProgress';
  identity: Identity = { name: '', sid: 'S-1-5-7', groups: [], guest: false };
  /** The key by which limits count it: that of its first logon. */
  owner = '';
  domain = '';
  workstation = '';
  isGuest = false;
  isAnonymous = false;
  signingRequired = false;
  /** Session.EncryptData: responses are encrypted, and unencrypted requests are rejected. */
  encryptData = false;
  /** Session.SigningKey: that of the first channel, with which further channels are requested. */
  signer: Signer | undefined;
  encryptor: Encryptor | undefined;
  decryptor: Decryptor | undefined;
  /** Session.ApplicationKey, for named pipes. */
  applicationKey: Uint8Array | undefined;
  readonly trees = new Map<number, TreeConnect>();
  /** By volatile id. */
  readonly opens = new Map<number, Open>();
  readonly creationTime: number;
  lastActive: number;
  #nextTree = 1;
  #keysReleased = false;
  #connection: ChannelConnection;

  /** @param connection that of the first channel */
  constructor(sessionId: number, server: Services, connection: ChannelConnection) {
    this.sessionId = sessionId;
    this.server = server;
    this.#connection = connection;
    this.creationTime = this.lastActive = server.clock.wall();
  }

  /** Session.Connection: that of its oldest channel; after its end, that of its last one. */
  get connection(): ChannelConnection {
    return this.#connection;
  }

  /** A channel has ended. MS-SMB2 3.3.7.1: Session.Connection becomes that of the first remaining channel. */
  removeChannel(channel: Channel): void {
    this.channels.delete(channel);
    if (channel.connection !== this.#connection) return;
    for (const { state, connection } of this.channels) {
      if (state !== 'valid') continue;
      this.#connection = connection;
      return;
    }
  }

  /** Whether a channel is left on which its client can send requests. */
  get hasChannel(): boolean {
    for (const { state } of this.channels) if (state === 'valid') return true;
    return false;
  }

  /** Whether a channel is left on which its client can receive a message. */
  get isReachable(): boolean {
    for (const { isLive } of this.channels) if (isLive) return true;
    return false;
  }

  /** Cancels the waiting requests that meet a condition: of its channels, and those that continue without theirs. */
  cancelWhere(meets: (request: WaitingOn) => boolean): void {
    for (const { connection } of this.keyHolders) connection.cancelWhere(meets);
  }

  /** The acting client, for events. */
  get actor(): Actor {
    return { user: this.identity.name, peer: this.#connection.link.peer, session: this.sessionId };
  }

  /** Whether a file or directory is open: pipes do not count. */
  get hasFileOpen(): boolean {
    for (const { handle } of this.opens.values()) if (handle !== undefined) return true;
    return false;
  }

  nextTreeId(): number {
    return this.#nextTree++;
  }

  /** Takes the identity of the logged-on user. */
  logOn(logon: Logon, identity: Identity): void {
    this.identity = identity;
    this.domain = logon.domain;
    this.workstation = logon.workstation;
    this.isGuest = logon.guest;
    this.isAnonymous = logon.anonymous;
    this.state = 'valid';
  }

  /** Takes the keys of the first logon; a later one does not change them (3.3.5.5.3). */
  setKeys(keys: SessionKeys): void {
    const { negotiated, options } = this.#connection;
    const { signingAlgorithm, cipher } = negotiated;
    const { random } = this.server;
    this.signer = new Signer(signingAlgorithm, keys.signing, options.aesGcm);
    this.applicationKey = keys.application;
    if (cipher !== undefined) {
      this.encryptor = new Encryptor(cipher, keys.serverToClient, random, options.aesGcm);
      this.decryptor = new Decryptor(cipher, keys.clientToServer, options.aesGcm);
    }
  }

  /** Releases the keys, once, if it has ended and no request in flight can need them any more. */
  forgetKeys(): void {
    if (this.state !== 'ended' || this.keyHolders.size > 0 || this.#keysReleased) return;
    this.#keysReleased = true;
    this.signer?.dispose();
    this.encryptor?.dispose();
    this.decryptor?.dispose();
  }
}
