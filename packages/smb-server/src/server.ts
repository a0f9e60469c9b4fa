import { EventEmitter } from 'node:events';
import type { Clock, DebugSwitches, Link, Log, Metrics, Random, Timer } from '@ring3/kit';
import { createAcceptor, type Dialect, type Mechanism, NtStatus, negotiateToken, ntlmMechanism } from '@ring3/smb-proto';
import { Budget } from './budget.ts';
import { BufferPool } from './buffer-pool.ts';
import { Connection } from './connection.ts';
import type { DebugWord } from './debug.ts';
import { familiesOf } from './families.ts';
import { LocalFileState, type OplockBreakEffect } from './file-state/index.ts';
import { createIds } from './ids.ts';
import type { Limits } from './limits.ts';
import { Numbers } from './numbers.ts';
import type { Open } from './open.ts';
import { notifyOplockBreak } from './oplock.ts';
import type { ResolvedOptions } from './options.ts';
import type { Session } from './session.ts';
import { createShares, type Shares } from './shares.ts';
import type { Tree } from './tree.ts';
import type { Users } from './users.ts';

/** What happens, for whoever embeds the server. */
export interface ServerEvents {
  /** A client connected. */
  connect: [connection: { readonly id: number; readonly peer: string }];
  disconnect: [connection: { readonly id: number; readonly peer: string; readonly reason: string }];
  /** Somebody logged on, or failed to. */
  'log-on': [
    logon: { readonly user: string; readonly peer: string; readonly guest: boolean; readonly anonymous: boolean; readonly status: number },
  ];
  'log-off': [logon: { readonly user: string; readonly peer: string }];
  open: [open: { readonly user: string; readonly share: string; readonly path: string; readonly access: number }];
  close: [open: { readonly user: string; readonly share: string; readonly path: string }];
  /** Something that should not happen; the client got an error, the server goes on. */
  error: [error: unknown];
}

/** Server, MS-SMB2 3.3.1.5: what all connections share. No socket: links are handed in. */
export class Server {
  readonly options: ResolvedOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly debug: DebugSwitches<DebugWord>;
  readonly metrics: Metrics;
  readonly numbers: Numbers = new Numbers();
  readonly limits: Limits;
  readonly dialects: { readonly min: Dialect; readonly max: Dialect };
  readonly guid: Uint8Array;
  readonly events = new EventEmitter<ServerEvents>();
  readonly connections = new Map<number, Connection>();
  /** All sessions by id; only for previous sessions and for whoever looks: requests find theirs in their connection. */
  readonly sessions = new Map<number, Session>();
  /** Server.GlobalOpenTable, by volatile id: only for what comes from the state of files, and for whoever looks. */
  readonly opens = new Map<number, Open>();
  readonly shares: Shares;
  readonly users: Users;
  readonly buffers = new BufferPool();
  readonly budget: Budget;
  readonly nextId: () => number;
  readonly startTime: number;
  readonly #mechanism: Mechanism;
  readonly #fromAddress = new Map<string, number>();
  /** Takes the families of `numbers` out of the metrics. */
  readonly #shown: Disposable;
  /** Set while the budget is used up. */
  #crowd: Timer | undefined;
  #nextConnection = 1;
  #nextOpen = 1;
  #closing = false;

  constructor(options: ResolvedOptions) {
    this.options = options;
    this.clock = options.clock;
    this.random = options.random;
    this.log = options.log;
    this.debug = options.debug;
    this.metrics = options.metrics;
    this.limits = options.limits;
    this.dialects = options.dialects;
    this.guid = options.guid;
    this.users = options.users;
    this.shares = createShares(options.shares, () => this.#createFileState());
    this.budget = new Budget(this.limits.totalBytes);
    this.startTime = this.clock.wall();
    this.nextId = createIds(this.clock, this.random);
    this.#mechanism = ntlmMechanism({
      lookup: (user) => this.users.hashOf(user),
      computerName: options.name,
      random: this.random,
      now: () => this.clock.wall(),
      anonymous: options.anonymous,
      guest: options.guest,
    });
    this.#shown = this.metrics.show(familiesOf(this));
  }

  /** The security buffer of a NEGOTIATE response. */
  get securityBuffer(): Uint8Array {
    return negotiateToken([this.#mechanism]);
  }

  createAcceptor(): ReturnType<typeof createAcceptor> {
    return createAcceptor([this.#mechanism]);
  }

  /**
   * The budget is used up. Who holds it may never let go: a frame that never ends, answers that nobody reads. If nothing else makes room in time, the connection
   * that holds most is ended, and so on until there is room for the others.
   */
  crowded(): void {
    const { budget, clock, limits } = this;
    const { reliefs } = budget;
    this.#crowd ??= clock.after(limits.crowdedMs, () => {
      this.#crowd = undefined;
      if (!budget.over) return;
      if (budget.reliefs !== reliefs) return this.crowded(); // there was room meanwhile
      let largest: Connection | undefined;
      for (const connection of this.connections.values()) if (largest === undefined || connection.held > largest.held) largest = connection;
      this.numbers.refused.add('crowdedMs');
      largest?.end('it held most of a budget that was used up');
      if (budget.over) this.crowded();
    });
  }

  nextOpenId(): number {
    return this.#nextOpen++;
  }

  /** Runs something in a later turn of the event loop. */
  defer(call: () => void): void {
    setImmediate(call);
  }

  /** Takes a new connection, if the limits allow it. @param address what is counted for each address; the link's peer without its port where missing */
  accept(link: Link, address = link.peer.replace(/:\d+$/, '')): Connection | undefined {
    const same = this.#fromAddress.get(address) ?? 0;
    if (!this.#closing && this.connections.size >= this.limits.connections) this.#makeRoom();
    if (this.#closing || this.connections.size >= this.limits.connections || same >= this.limits.connectionsForAddress) {
      if (!this.#closing) this.numbers.refused.add(this.connections.size >= this.limits.connections ? 'connections' : 'connectionsForAddress');
      link.close(true);
      return undefined;
    }
    const connection = new Connection(this, link, this.#nextConnection++);
    this.connections.set(connection.id, connection);
    this.#fromAddress.set(address, same + 1);
    this.#addresses.set(connection, address);
    this.numbers.connections++;
    this.events.emit('connect', { id: connection.id, peer: link.peer });
    connection.open();
    return connection;
  }
  readonly #addresses = new WeakMap<Connection, string>();

  /** The oldest connection on which nobody has logged on goes: whoever means it has logged on long before so many others came. */
  #makeRoom(): void {
    for (const connection of this.connections.values()) {
      if (connection.authenticated) continue;
      this.numbers.refused.add('connections');
      connection.end('room was needed, and nobody had logged on');
      return;
    }
  }

  connectionEnded(connection: Connection, reason: string): void {
    if (!this.connections.delete(connection.id)) return;
    this.numbers.bytesIn += connection.bytesIn;
    this.numbers.bytesOut += connection.bytesOut;
    const address = this.#addresses.get(connection) as string;
    const left = (this.#fromAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#fromAddress.delete(address);
    else this.#fromAddress.set(address, left);
    this.events.emit('disconnect', { id: connection.id, peer: connection.link.peer, reason });
  }

  loggedOn(session: Session): void {
    const { identity, connection, isGuest, isAnonymous } = session;
    this.numbers.logons.add(isGuest ? 'guest' : isAnonymous ? 'anonymous' : 'user');
    this.events.emit('log-on', { user: identity.name, peer: connection.link.peer, guest: isGuest, anonymous: isAnonymous, status: 0 });
  }

  logonFailed(connection: Connection, user: string, status: number): void {
    this.numbers.logonFailures.add(status);
    this.events.emit('log-on', { user, peer: connection.link.peer, guest: false, anonymous: false, status });
  }

  sessionEnded({ identity, connection }: Session): void {
    this.events.emit('log-off', { user: identity.name, peer: connection.link.peer });
  }

  #createFileState(): LocalFileState {
    const { clock, limits } = this;
    const broken = (effect: OplockBreakEffect): boolean => notifyOplockBreak(this, effect);
    const deleting = (openIds: readonly number[]): void => {
      for (const openId of openIds) this.opens.get(openId)?.watch?.end(NtStatus.DeletePending);
    };
    return new LocalFileState({ clock, oplockBreakMs: limits.oplockBreakMs, broken, deleting });
  }

  /** What is open below a folder, by anyone. */
  opensBelow(tree: Tree, folder: Open): Open[] {
    const prefix = `${folder.pathName}\\`.toUpperCase();
    const below: Open[] = [];
    for (const open of this.opens.values()) {
      if (open.tree.share.fileState === tree.share.fileState && open.pathName.toUpperCase().startsWith(prefix)) below.push(open);
    }
    return below;
  }

  /** A file has another name: everybody who has it open sees that. */
  renamed(tree: Tree, fileId: string, path: string): void {
    for (const { opens } of this.sessions.values()) {
      for (const open of opens.values()) {
        if (open.tree.share.fileState !== tree.share.fileState) continue;
        if (open.handle?.fileId === fileId) open.pathName = path;
        else if (open.base?.fileId === fileId) open.pathName = `${path}${open.pathName.slice(open.pathName.lastIndexOf(':'))}`;
      }
    }
  }

  opened(open: Open): void {
    this.opens.set(open.volatileFileId, open);
    if (this.events.listenerCount('open') === 0) return;
    const { tree, pathName, grantedAccess } = open;
    this.events.emit('open', { user: tree.session.identity.name, share: tree.share.name, path: pathName, access: grantedAccess });
  }

  openClosed({ volatileFileId, tree, pathName }: Open): void {
    this.opens.delete(volatileFileId);
    if (this.events.listenerCount('close') === 0) return;
    this.events.emit('close', { user: tree.session.identity.name, share: tree.share.name, path: pathName });
  }

  /** Tells that something went wrong which is nobody's everyday answer. */
  failed(error: unknown, about: Readonly<Record<string, unknown>>): void {
    this.numbers.errors++;
    this.log.error('a request failed inside the server', { ...about, error });
    if (this.events.listenerCount('error') > 0) this.events.emit('error', error);
  }

  /** The number that CLOSE, QUERY_INFO and others tell as the volume's. */
  get volumeSerialNumber(): number {
    return new DataView(this.guid.buffer, this.guid.byteOffset).getUint32(0, true);
  }

  /** Ends all connections; resolves when the work in flight is done. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#crowd?.clear();
    const connections = [...this.connections.values()];
    for (const connection of connections) connection.end('the server is closing');
    await Promise.all(connections.map((connection) => connection.drained()));
    this.#shown[Symbol.dispose]();
  }
}
