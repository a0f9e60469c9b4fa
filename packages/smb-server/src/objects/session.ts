import { type Acceptor, Decryptor, Encryptor, type Logon, type SessionKeys, Signer } from '@ring3/smb-proto';
import type { Identity } from '@ring3/vfs';
import type { Connection } from '../connection/connection.ts';
import type { Actor } from '../values/events.ts';
import type { Open } from './open.ts';
import type { Tree } from './tree.ts';

/** Session, MS-SMB2 3.3.1.8: one logon. */
export class Session {
  readonly sessionId: number;
  readonly connection: Connection;
  /** `inProgress` until the first logon is complete; `ended` after logoff, even if requests still run on it. */
  state: 'inProgress' | 'valid' | 'expired' | 'ended' = 'inProgress';
  /** The authentication in progress: the first, or a later one. */
  acceptor: Acceptor | undefined;
  /** A SESSION_SETUP of this session is being handled: a second one is not started. */
  authenticating = false;
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
  signer: Signer | undefined;
  encryptor: Encryptor | undefined;
  decryptor: Decryptor | undefined;
  /** Session.ApplicationKey, for named pipes. */
  applicationKey: Uint8Array | undefined;
  /** Session.PreauthIntegrityHashValue, 3.1.1, during the logon. */
  preauthHash: Uint8Array | undefined;
  readonly trees = new Map<number, Tree>();
  /** By volatile id. */
  readonly opens = new Map<number, Open>();
  readonly creationTime: number;
  lastActive: number;
  #nextTree = 1;

  constructor(sessionId: number, connection: Connection, now: number) {
    this.sessionId = sessionId;
    this.connection = connection;
    this.creationTime = this.lastActive = now;
  }

  /** The acting client, for events. */
  get actor(): Actor {
    return { user: this.identity.name, peer: this.connection.link.peer, session: this.sessionId };
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
    const { negotiated, server, options } = this.connection;
    const { signingAlgorithm, cipher } = negotiated;
    this.signer = new Signer(signingAlgorithm, keys.signing, options.aesGcm);
    this.applicationKey = keys.application;
    if (cipher !== undefined) {
      this.encryptor = new Encryptor(cipher, keys.serverToClient, server.random, options.aesGcm);
      this.decryptor = new Decryptor(cipher, keys.clientToServer, options.aesGcm);
    }
  }

  /** Forgets the keys, once it has ended and no request in flight can need them any more. */
  forgetKeys(): void {
    this.signer?.dispose();
    this.encryptor?.dispose();
    this.decryptor?.dispose();
  }
}
