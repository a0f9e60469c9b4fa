import type { Acceptor, CreateAesGcm, Signer } from '@ring3/smb-proto';
import type { Negotiated } from '../values/negotiated.ts';
import type { Open } from './open.ts';
import type { Session } from './session.ts';
import type { TreeConnect } from './tree-connect.ts';

/** The objects of a waiting request, by which it is found when one of them ends. */
export interface WaitingOn {
  readonly session: Session | undefined;
  readonly tree: TreeConnect | undefined;
  readonly open: Open | undefined;
}

/** What sessions use of a connection. Connection implements it. */
export interface ChannelConnection {
  readonly id: number;
  readonly link: { readonly peer: string };
  /** Its client's address, or the network that is counted as one address. */
  readonly network: string;
  /** Whether NEGOTIATE has been answered; before, there is no `negotiated`. */
  readonly isNegotiated: boolean;
  readonly negotiated: Negotiated;
  /** The server's options when the connection began. */
  readonly options: {
    readonly signing: 'required' | 'enabled';
    readonly encryption: 'off' | 'desired' | 'required';
    readonly multichannel: boolean;
    readonly aesGcm: CreateAesGcm;
  };
  readonly ended: boolean;
  /** Whether a user is logged on here. */
  readonly authenticated: boolean;
  /** Connection.SessionTable and Connection.PreauthSessionTable, MS-SMB2 3.3.1.7: by session id. */
  readonly channels: Map<number, Channel>;
  /** Cancels the waiting requests that meet a condition. */
  cancelWhere(meets: (request: WaitingOn) => boolean): void;
  /** A channel is established: the first one lifts the limits that hold before logon. */
  loggedOn(session: Session): void;
  /** An established channel has ended. */
  loggedOff(): void;
  /** Sends a message that is not a response. @param encryptFor the session whose key encrypts it */
  sendMessage(message: Uint8Array, encryptFor?: Session): void;
  /** A channel has ended: its keys are released when no frame in flight needs them. */
  retire(channel: Channel): void;
}

/** Channel, MS-SMB2 3.3.1.14: a session on one connection; while its logon is in progress also the PreauthSession of 3.3.1.15. */
export class Channel {
  readonly session: Session;
  readonly connection: ChannelConnection;
  /** It was bound to a session that existed already. */
  readonly isAdditional: boolean;
  readonly creationTime: number;
  /** `inProgress` until the logon on this connection is complete. */
  state: 'inProgress' | 'valid' | 'ended' = 'inProgress';
  /** Channel.SigningKey; of the first channel it is that of the session. */
  signer: Signer | undefined;
  /** The authentication in progress on this connection: the first, or a later one. */
  acceptor: Acceptor | undefined;
  /** A SESSION_SETUP is being handled: a second one is not started. */
  authenticating = false;
  /** PreauthSession.PreauthIntegrityHashValue, 3.1.1, during the logon. */
  preauthHash: Uint8Array | undefined;

  /** Enters the tables of the session and of the connection. */
  constructor(session: Session, connection: ChannelConnection) {
    this.session = session;
    this.connection = connection;
    this.isAdditional = session.state !== 'inProgress';
    this.creationTime = session.server.clock.wall();
    session.channels.add(this);
    session.keyHolders.add(this);
    connection.channels.set(session.sessionId, this);
  }

  /** Whether its logon binds the connection to a session that exists already. */
  get isBinding(): boolean {
    return this.state === 'inProgress' && this.isAdditional;
  }

  /** The logon on this connection is complete. */
  establish(): void {
    this.state = 'valid';
    this.preauthHash = undefined;
    const { session, connection } = this;
    if (this.isAdditional) session.server.quotas.channels.add(session.owner);
    connection.loggedOn(session);
  }

  /** Whether messages can be sent on it. */
  get isLive(): boolean {
    return this.state === 'valid' && !this.connection.ended;
  }

  /** Leaves the tables. The session may go on. */
  end(): void {
    if (this.state === 'ended') return;
    const wasValid = this.state === 'valid';
    this.state = 'ended';
    this.acceptor = undefined;
    const { session, connection } = this;
    connection.channels.delete(session.sessionId);
    session.removeChannel(this);
    if (wasValid) connection.loggedOff();
    if (wasValid && this.isAdditional) session.server.quotas.channels.remove(session.owner);
    connection.retire(this);
  }

  /** No frame in flight needs its keys any more. */
  forgetKeys(): void {
    const { session, signer } = this;
    if (signer !== session.signer) signer?.dispose();
    session.keyHolders.delete(this);
    session.forgetKeys();
  }
}
