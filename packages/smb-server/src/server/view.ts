import { AccessMask, Cipher, dialects, SigningAlgorithm } from '@ring3/smb-proto';
import type { Vfs } from '@ring3/vfs';
import { nameOf } from '@ring3/wire';
import type { Connection } from '../connection/connection.ts';
import { closeOpen, endSession, endTree } from '../objects/close.ts';
import type { Durability } from '../objects/durable.ts';
import type { Lease } from '../objects/leases.ts';
import type { Open } from '../objects/open.ts';
import type { Session } from '../objects/session.ts';
import type { TreeConnect } from '../objects/tree-connect.ts';
import type { Level, OpenState, StateTotals } from '../state/index.ts';
import { hexOf } from '../values/guid-key.ts';
import { userKey } from '../values/users.ts';
import type { Server } from './server.ts';

/** One connection, for people. Times are milliseconds since 1970. */
export interface ConnectionView {
  readonly id: number;
  readonly peer: string;
  /** Such as `3.1.1`; undefined before NEGOTIATE. */
  readonly dialect: string | undefined;
  readonly since: number;
  readonly lastActive: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly inFlight: number;
  readonly sessions: number;
}
/** One session, for people. */
export interface SessionView {
  readonly id: number;
  /** Of its first channel. */
  readonly connection: number;
  readonly peer: string;
  /** The clients' ends of all of its channels. */
  readonly peers: readonly string[];
  readonly user: string;
  readonly domain: string;
  readonly workstation: string;
  readonly guest: boolean;
  readonly anonymous: boolean;
  /** Such as `3.1.1`. */
  readonly dialect: string;
  /** Whether every message must be signed. */
  readonly signed: boolean;
  /** Such as `AES-128-GMAC`; undefined without a signing key. */
  readonly signing: string | undefined;
  /** Whether every message is encrypted. */
  readonly encrypted: boolean;
  /** Such as `AES-128-GCM`; undefined if encryption is not possible. */
  readonly cipher: string | undefined;
  readonly since: number;
  readonly shares: readonly string[];
  readonly opens: number;
}
/** One channel, for people: a connection of a session. */
export interface ChannelView {
  readonly session: number;
  readonly connection: number;
  readonly peer: string;
  readonly user: string;
  /** Such as `3.1.1`. */
  readonly dialect: string;
  /** Such as `AES-128-GMAC`; undefined without a signing key. */
  readonly signing: string | undefined;
  /** Whether it is the oldest one of its session. */
  readonly first: boolean;
  readonly since: number;
  readonly lastActive: number;
  /** Of the connection, which other sessions may use too. */
  readonly bytesIn: number;
  readonly bytesOut: number;
}
/** One tree connect, for people. */
export interface TreeView {
  /** Unique in its session. */
  readonly id: number;
  readonly session: number;
  readonly peer: string;
  readonly user: string;
  readonly share: string;
  readonly since: number;
  /** Whether anything can be changed through it. */
  readonly writable: boolean;
  readonly opens: number;
}
/** One open, for people. */
export interface OpenView {
  readonly id: number;
  readonly session: number;
  readonly peer: string;
  readonly user: string;
  readonly share: string;
  readonly path: string;
  readonly kind: 'file' | 'folder' | 'link' | 'pipe';
  readonly since: number;
  /** Granted access, MS-DTYP 2.4.3. */
  readonly access: number;
  /** The same in words: `read`, `write`, `delete` and others. */
  readonly rights: readonly string[];
  readonly oplock: Level;
  /** Whether and how it outlives its connection, MS-SMB2 3.3.1.10. */
  readonly durability: 'none' | Durability;
  /** Its client is disconnected and may reconnect. */
  readonly detached: boolean;
  /** Byte-range locks that it holds. */
  readonly locks: number;
  /** Whether the file is deleted at its last close. */
  readonly deletePending: boolean;
}
/** One byte-range lock that is held, for people. */
export interface LockView {
  /** Of the open. */
  readonly open: number;
  readonly session: number;
  readonly peer: string;
  readonly user: string;
  readonly share: string;
  readonly path: string;
  /** Bytes; 64-bit numbers in decimal. */
  readonly offset: string;
  readonly length: string;
  readonly exclusive: boolean;
}
/** One lease, for people: MS-SMB2 3.3.1.12. */
export interface LeaseView {
  /** Lease.LeaseKey, hexadecimal. */
  readonly key: string;
  /** ClientGuid of the client that it belongs to, hexadecimal. */
  readonly client: string;
  readonly session: number;
  readonly peer: string;
  readonly user: string;
  readonly share: string;
  readonly path: string;
  readonly kind: 'file' | 'folder' | 'link' | 'pipe';
  /** Such as `RWH`; `none` if nothing may be cached any more. */
  readonly state: Level;
  /** A break is not acknowledged yet. */
  readonly breaking: boolean;
  readonly epoch: number;
  /** 1 or 2: the form of its context in CREATE. */
  readonly version: number;
  /** Number of its opens. */
  readonly opens: number;
}
/** Numbers of objects: all zero when the server has closed, and its stores have released their handles. */
export interface Counts extends StateTotals {
  readonly connections: number;
  /** Includes sessions whose logon is not complete. */
  readonly sessions: number;
  readonly trees: number;
  /** Includes pipes. */
  readonly opens: number;
  /** Of the opens, those whose client is disconnected. */
  readonly detached: number;
  readonly leases: number;
  /** Ended opens and tree connects whose stores have not released them yet. */
  readonly closing: number;
  /** The listeners of the stores' changes. */
  readonly watches: number;
  /** Frames without a response yet, also of ended connections. */
  readonly requests: number;
  /** Bytes received and unfinished, or unsent. */
  readonly bytes: number;
}

/** The lists of a view that can be read in parts. */
export interface ViewLists {
  readonly connections: ConnectionView;
  readonly sessions: SessionView;
  readonly channels: ChannelView;
  readonly opens: OpenView;
  readonly locks: LockView;
  readonly leases: LeaseView;
}

/** The current objects, as copies that can be written as JSON; and functions to end them. */
export interface View {
  connections(): ConnectionView[];
  sessions(): SessionView[];
  channels(): ChannelView[];
  trees(): TreeView[];
  opens(): OpenView[];
  locks(): LockView[];
  leases(): LeaseView[];
  /**
   * One of the lists, a row at a time, so that a caller can let others have turns of the event loop in between. Objects that end meanwhile
   * are omitted, and so are those that begin after the first row.
   */
  each<K extends keyof ViewLists>(kind: K): Generator<ViewLists[K], void>;
  /** The stores of the shares with tree connects: not copies. */
  stores(): ReadonlySet<Vfs>;
  counts(): Counts;
  /** @returns whether it existed; likewise for the others */
  endConnection(id: number, reason?: string): boolean;
  /** Later requests of its client fail with USER_SESSION_DELETED. */
  endSession(id: number): boolean;
  /** Closes an open, as its client would: later requests on it fail with FILE_CLOSED. */
  endOpen(id: number): boolean;
  /**
   * Ends all tree connects of a share, whose name is found without regard to case: later requests fail with NETWORK_NAME_DELETED. @returns
   * how many there were
   */
  endShare(name: string): number;
  /**
   * Ends all sessions of a user, found without regard to case; guests have the name that they sent, anonymous clients ''. @returns how many
   * there were
   */
  endUser(name: string): number;
}

const signingNames: Readonly<Record<SigningAlgorithm, string>> = {
  [SigningAlgorithm.HmacSha256]: 'HMAC-SHA256',
  [SigningAlgorithm.AesCmac]: 'AES-128-CMAC',
  [SigningAlgorithm.AesGmac]: 'AES-128-GMAC',
};
const cipherNames: Readonly<Record<Cipher, string>> = {
  [Cipher.Aes128Ccm]: 'AES-128-CCM',
  [Cipher.Aes128Gcm]: 'AES-128-GCM',
  [Cipher.Aes256Ccm]: 'AES-256-CCM',
  [Cipher.Aes256Gcm]: 'AES-256-GCM',
};
const rightNames: readonly (readonly [right: number, name: string])[] = [
  [AccessMask.FileReadData, 'read'],
  [AccessMask.FileWriteData, 'write'],
  [AccessMask.FileAppendData, 'append'],
  [AccessMask.FileExecute, 'execute'],
  [AccessMask.Delete, 'delete'],
  [AccessMask.FileDeleteChild, 'delete-child'],
  [AccessMask.FileReadAttributes, 'read-attributes'],
  [AccessMask.FileWriteAttributes, 'write-attributes'],
  [AccessMask.FileReadEa, 'read-ea'],
  [AccessMask.FileWriteEa, 'write-ea'],
  [AccessMask.ReadControl, 'read-control'],
  [AccessMask.WriteDac, 'write-dac'],
  [AccessMask.WriteOwner, 'write-owner'],
  [AccessMask.Synchronize, 'synchronize'],
  [AccessMask.AccessSystemSecurity, 'system-security'],
];
const rightsIn = (access: number): string[] => rightNames.filter(([right]) => (access & right) !== 0).map(([, name]) => name);

const connectionView = (connection: Connection): ConnectionView => ({
  id: connection.id,
  peer: connection.link.peer,
  dialect: connection.isNegotiated ? nameOf(dialects, connection.negotiated.dialect) : undefined,
  since: connection.creationTime,
  lastActive: connection.lastActive,
  bytesIn: connection.bytesIn,
  bytesOut: connection.bytesOut,
  inFlight: connection.inFlight,
  sessions: connection.channels.size,
});

const sessionView = (session: Session): SessionView => ({
  ...whose(session),
  id: session.sessionId,
  connection: session.connection.id,
  peers: [...session.channels].filter(({ state }) => state === 'valid').map(({ connection }) => connection.link.peer),
  domain: session.domain,
  workstation: session.workstation,
  guest: session.isGuest,
  anonymous: session.isAnonymous,
  dialect: nameOf(dialects, session.connection.negotiated.dialect),
  signed: session.signingRequired,
  signing: session.signer && signingNames[session.connection.negotiated.signingAlgorithm],
  encrypted: session.encryptData,
  cipher: session.encryptor && cipherNames[session.encryptor.cipher],
  since: session.creationTime,
  shares: [...session.trees.values()].map(({ share }) => share.name),
  opens: session.opens.size,
});

function* channelViews(server: Server, session: Session): Generator<ChannelView, void> {
  for (const { connection: of, state, signer, creationTime } of [...session.channels]) {
    const connection = state === 'valid' ? server.connections.get(of.id) : undefined;
    if (connection === undefined) continue;
    const { id, link, negotiated, lastActive, bytesIn, bytesOut } = connection;
    yield {
      session: session.sessionId,
      connection: id,
      peer: link.peer,
      user: session.identity.name,
      dialect: nameOf(dialects, negotiated.dialect),
      signing: signer && signingNames[signer.algorithm],
      first: of === session.connection,
      since: creationTime,
      lastActive,
      bytesIn,
      bytesOut,
    };
  }
}

const whose = ({ identity, connection }: Session) => ({ peer: connection.link.peer, user: identity.name });

const treeView = (tree: TreeConnect): TreeView => ({
  ...whose(tree.session),
  id: tree.treeId,
  session: tree.session.sessionId,
  share: tree.share.name,
  since: tree.creationTime,
  writable: tree.writable,
  opens: [...tree.session.opens.values()].filter((open) => open.attachment === tree).length,
});

const where = ({ actor, share, pathName }: Open) => ({
  peer: actor.peer,
  user: actor.user,
  session: actor.session,
  share: share.name,
  path: pathName,
});

const nothing: OpenState = { oplock: 'none', breaking: false, epoch: 0, locks: [], deletePending: false, entry: undefined };
const stateOf = ({ handle, fileState, volatileFileId }: Open): OpenState =>
  handle === undefined ? nothing : fileState.look(handle.fileId, volatileFileId);

function openView(open: Open): OpenView {
  const { oplock, locks, deletePending } = stateOf(open);
  return {
    ...where(open),
    id: open.persistentFileId,
    kind: open.handle?.kind ?? 'pipe',
    since: open.creationTime,
    access: open.grantedAccess,
    rights: rightsIn(open.grantedAccess),
    oplock,
    durability: open.durable?.kind ?? 'none',
    detached: open.attachment === undefined,
    locks: locks.length,
    deletePending,
  };
}

const lockViews = (open: Open): LockView[] =>
  stateOf(open).locks.map(({ offset, length, exclusive }) => ({
    ...where(open),
    open: open.persistentFileId,
    offset: String(offset),
    length: String(length),
    exclusive,
  }));

/** A lease without opens is one of a CREATE in progress. */
function* leaseViews(lease: Lease): Generator<LeaseView, void> {
  const [open] = lease.opens;
  if (open === undefined) return;
  const { oplock: state, breaking, epoch } = stateOf(open);
  const { version, opens } = lease;
  const key = Buffer.from(lease.key).toString('hex');
  const kind = open.handle?.kind ?? 'pipe';
  yield { key, client: hexOf(open.clientKey), ...where(open), kind, state, breaking, epoch, version, opens: opens.size };
}

function countsOf(server: Server): Counts {
  const { connections, sessions, opens, shutdown, watches, budget } = server;
  let trees = 0;
  for (const session of sessions.values()) trees += session.trees.size;
  let requests = shutdown.requests;
  for (const { inFlight } of connections.values()) requests += inFlight;
  return {
    connections: connections.size,
    sessions: sessions.size,
    trees,
    opens: opens.size,
    detached: server.durables.detached,
    leases: server.leases.size,
    closing: shutdown.handles,
    ...server.fileTotals,
    watches: watches.size,
    requests,
    bytes: budget.held,
  };
}

/** The values that a map has now. It may change meanwhile: new entries come last, and an iteration that followed them might never end. */
function* present<T>(table: { readonly size: number; values(): Iterable<T> }): Generator<T, void> {
  let left = table.size;
  for (const value of table.values()) {
    if (left-- === 0) return;
    yield value;
  }
}

/** The view of a server. */
export function viewOf(server: Server): View {
  const sessions = () => [...server.sessions.values()].filter(({ state }) => state !== 'inProgress');
  const trees = () => sessions().flatMap((session) => [...session.trees.values()]);
  const opens = () => [...server.opens.values()];
  const rows: { readonly [K in keyof ViewLists]: () => Generator<ViewLists[K], void> } = {
    connections: function* () {
      for (const connection of present(server.connections)) yield connectionView(connection);
    },
    sessions: function* () {
      for (const session of present(server.sessions)) if (session.state !== 'inProgress') yield sessionView(session);
    },
    channels: function* () {
      for (const session of present(server.sessions)) yield* channelViews(server, session);
    },
    opens: function* () {
      for (const open of present(server.opens)) yield openView(open);
    },
    locks: function* () {
      for (const open of present(server.opens)) yield* lockViews(open);
    },
    leases: function* () {
      for (const lease of present(server.leases)) yield* leaseViews(lease);
    },
  };
  const detached = (which: (open: Open) => boolean) => server.durables.all().filter(which);
  const same = (a: string, b: string): boolean => a.toUpperCase() === b.toUpperCase();
  return {
    connections: () => [...rows.connections()],
    sessions: () => [...rows.sessions()],
    channels: () => [...rows.channels()],
    trees: () => trees().map(treeView),
    opens: () => [...rows.opens()],
    locks: () => [...rows.locks()],
    leases: () => [...rows.leases()],
    each: <K extends keyof ViewLists>(kind: K) => rows[kind]() as Generator<ViewLists[K], void>,
    stores: () =>
      new Set(
        trees()
          .map(({ share }) => share.options?.vfs)
          .filter((vfs) => vfs !== undefined),
      ),
    counts: () => countsOf(server),
    endConnection: (id, reason = 'ended by the administrator') => endEach([server.connections.get(id)], (one) => one.end(reason)) > 0,
    endSession: (id) => endEach([server.sessions.get(id)], endForGood) > 0,
    endOpen: (id) => endEach([opens().find(({ persistentFileId }) => persistentFileId === id)], closeOpen) > 0,
    endShare: (name) => {
      endEach(
        detached(({ share }) => same(share.name, name)),
        closeOpen,
      );
      return endEach(
        trees().filter(({ share }) => same(share.name, name)),
        endTree,
      );
    },
    endUser: (name) => {
      endEach(
        detached(({ identity }) => userKey(identity.name) === userKey(name)),
        closeOpen,
      );
      return endEach(
        sessions().filter(({ identity }) => userKey(identity.name) === userKey(name)),
        endForGood,
      );
    },
  };
}

/** Ends a session with its durable opens. */
const endForGood = (session: Session): unknown => endSession(session, true);

/** @returns how many there were */
function endEach<T>(some: readonly (T | undefined)[], end: (one: T) => unknown): number {
  const there = some.filter((one) => one !== undefined);
  for (const one of there) void end(one);
  return there.length;
}
