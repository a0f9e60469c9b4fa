import { EventEmitter } from 'node:events';
import type { Clock, DebugSwitches, Link, Log, MaybePromise, Metrics, Random, Timer } from '@ring3/kit';
import { Command, createAcceptor, type Mechanism, NtStatus, negotiateToken, ntlmMechanism, StatusError } from '@ring3/smb-proto';
import type { Vfs, VfsCode } from '@ring3/vfs';
import { nameOf } from '@ring3/wire';
import { Connection } from '../connection/connection.ts';
import type { Channel, ChannelConnection } from '../objects/channel.ts';
import { type DebugWord, fieldsOf } from '../objects/debug.ts';
import { DurableOpens } from '../objects/durable.ts';
import { HeldBreaks } from '../objects/held-breaks.ts';
import { Leases } from '../objects/leases.ts';
import { NameIds } from '../objects/name-ids.ts';
import type { ChangeWatch } from '../objects/notify/change-watch.ts';
import { Numbers, type RefusingLimit } from '../objects/numbers.ts';
import type { Open } from '../objects/open.ts';
import { OutsideChanges, type WatchedCount } from '../objects/outside-changes.ts';
import { Persistence } from '../objects/persistence.ts';
import { Quotas } from '../objects/quotas.ts';
import type { ResolvedOptions } from '../objects/resolved-options.ts';
import type { BlockingRequest } from '../objects/services.ts';
import type { Session } from '../objects/session.ts';
import { createShares, type Shares, type Store } from '../objects/shares.ts';
import type { TreeConnect } from '../objects/tree-connect.ts';
import { WrittenDirectories } from '../objects/written-directories.ts';
import { type Effect, type FileState, LocalFileState, type LocalFileStateOptions, type StateTotals } from '../state/index.ts';
import { Allowance } from '../values/allowance.ts';
import { Budget } from '../values/budget.ts';
import { BufferPool } from '../values/buffer-pool.ts';
import { Closing } from '../values/closing.ts';
import { Coders } from '../values/coders.ts';
import type { Actor, FileEvent, OpenAction, ServerEvents } from '../values/events.ts';
import { Ids } from '../values/ids.ts';
import type { Limits } from '../values/limits.ts';
import { LogonThrottle } from '../values/logon-throttle.ts';
import { networkOf } from '../values/network.ts';
import type { NetworkInterface } from '../values/network-interfaces.ts';
import { RepeatedLog } from '../values/repeated-log.ts';
import { statusOf } from '../values/status-map.ts';
import { Strangers } from '../values/strangers.ts';
import { type Users, userKey } from '../values/users.ts';
import { Admission } from './admission.ts';
import { BreakDelivery } from './break-delivery.ts';
import { debugStore } from './debug-store.ts';
import { familiesOf } from './families.ts';
import { IdleSweep } from './idle-sweep.ts';
import { notifyBreak } from './oplock-breaks.ts';
import { RefusalLog } from './refusal-log.ts';
import { changeOptions, type RunTimeOptions } from './run-time-options.ts';
import type { RunningServer } from './running-server.ts';
import { Shutdown } from './shutdown.ts';

/** Minimum time between two log lines about requests that block the event loop, ms. */
const heldLogMs = 10_000;

/** Bytes that may be allocated for announced frames before they arrive: enough that an ordinary bulk WRITE is received in place. */
const announcedBytes = 64 * 1024 * 1024;

/** Names of CreateAction, MS-SMB2 2.2.14, by its numbers. */
const actions: readonly OpenAction[] = ['superseded', 'opened', 'created', 'overwritten'];

/** The opens of a server. */
const about = ({ actor, share, pathName }: Open): FileEvent => ({ ...actor, share: share.name, path: pathName });

/** Makes the state of a store's files. */
export type CreateFileState = (environment: LocalFileStateOptions) => FileState;

/** Server, MS-SMB2 3.3.1.5: the state that all connections share. It has no socket: links are passed in. */
export class Server implements RunningServer {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly debug: DebugSwitches<DebugWord>;
  readonly metrics: Metrics;
  readonly numbers: Numbers = new Numbers();
  readonly guid: Uint8Array;
  readonly events = new EventEmitter<ServerEvents>();
  readonly connections = new Map<number, Connection>();
  /** Server.GlobalSessionTable, by session id. A request finds its session by the channels of its connection. */
  readonly sessions = new Map<number, Session>();
  /** Server.GlobalOpenTable, by volatile id: only for effects of the state of files, and the view. */
  readonly opens = new Map<number, Open>();
  /** Lists the addresses at which clients reach the server. */
  interfaces: () => readonly NetworkInterface[];
  readonly shares: Shares;
  readonly users: Users;
  readonly buffers = new BufferPool();
  readonly budget: Budget;
  /** Compressions and decompressions of all connections. */
  readonly coders: Coders;
  /** For frames that are announced and have not arrived. */
  readonly announced = new Allowance(announcedBytes);
  readonly strangers: Strangers;
  readonly closing: Closing;
  readonly quotas: Quotas;
  readonly #refusals: RefusalLog;
  readonly logons: LogonThrottle;
  readonly repeated: RepeatedLog;
  readonly ids: Ids;
  readonly nextId: () => number;
  readonly startTime: number;
  readonly durables: DurableOpens;
  readonly persistence: Persistence;
  readonly heldBreaks = new HeldBreaks();
  readonly undecided = new Map<number, () => void>();
  readonly nameIds = new NameIds();
  readonly writtenDirectories = new WrittenDirectories();
  readonly leases = new Leases(() => this.nextOpenId());
  readonly shutdown = new Shutdown(this);
  readonly watched: WatchedCount = {
    directories: 0,
    full: () => this.repeated.say('warn', 'no more directories can be watched: clients cache nothing in others', 'watched', {}),
  };
  readonly watches = new Set<ChangeWatch>();
  readonly securityBuffer: Uint8Array;
  readonly #admission = new Admission(this);
  readonly breaks: BreakDelivery;
  readonly #idle = new IdleSweep(this);
  #options: ResolvedOptions;
  readonly #fileStates = new Set<WeakRef<FileState>>();
  /** Removes the families of `numbers` from the metrics. */
  readonly #shown: Disposable;
  /** Set while the budget is exceeded. */
  #crowd: Timer | undefined;
  /** When the next request that blocks the event loop may be logged, and how many were not. */
  #nextHeldLog = Number.NEGATIVE_INFINITY;
  #heldSinceLog = 0;
  #nextConnection = 1;
  #nextOpen = 1;

  /** @param createState makes the state of a store's files */
  constructor(options: ResolvedOptions, createState: CreateFileState = (environment) => new LocalFileState(environment)) {
    this.#options = options;
    this.clock = options.clock;
    this.durables = new DurableOpens(options.clock);
    this.random = options.random;
    this.breaks = new BreakDelivery(this);
    this.log = options.log;
    this.debug = options.debug;
    this.metrics = options.metrics;
    this.guid = options.guid;
    this.interfaces = options.interfaces ?? (() => []);
    this.users = options.users;
    this.shares = createShares(options.shares, (vfs) => this.#createStore(vfs, createState));
    this.budget = new Budget(this.limits.totalBytes);
    this.strangers = new Strangers(this.clock, this.defer);
    this.closing = new Closing(this.clock, this.defer);
    this.coders = new Coders(this.clock, this.defer);
    this.quotas = new Quotas(this);
    this.#refusals = new RefusalLog(this.numbers.refused, this.clock, this.log);
    this.startTime = this.clock.wall();
    this.ids = new Ids(this.clock, this.random);
    this.nextId = this.ids.next;
    this.logons = new LogonThrottle(this.clock);
    this.repeated = new RepeatedLog(this.clock, this.log);
    this.persistence = new Persistence(options.persistentOpens, this);
    this.securityBuffer = negotiateToken([this.#createMechanism('')]);
    this.#shown = this.metrics.show(familiesOf(this));
  }

  get options(): ResolvedOptions {
    return this.#options;
  }

  get limits(): Limits {
    return this.#options.limits;
  }

  get maxConnections(): number {
    const { limits, fileDescriptors } = this.#options;
    if (fileDescriptors === Number.POSITIVE_INFINITY) return limits.connections;
    return Math.max(1, Math.min(limits.connections, Math.floor(fileDescriptors / 4), fileDescriptors - this.quotas.fileDescriptors.total));
  }

  /** File descriptors that opens may hold: all but those of connections, and an eighth that is kept for these. */
  get maxFileDescriptors(): number {
    const { fileDescriptors } = this.#options;
    if (fileDescriptors === Number.POSITIVE_INFINITY) return fileDescriptors;
    return fileDescriptors - Math.max(Math.floor(fileDescriptors / 8), this.connections.size);
  }

  refuse(limit: RefusingLimit, whom: Partial<Actor> | { readonly address: string }): void {
    this.#refusals.add(limit, { ...whom });
  }

  /** Changes options, all of them at once. @throws RangeError for an empty or bad value; then nothing is changed */
  configure(changes: RunTimeOptions): void {
    const before = this.#options;
    const options = changeOptions(before, changes);
    this.#options = options;
    this.budget.limit = options.limits.totalBytes;
    if (options.limits.idleMs !== before.limits.idleMs) this.#idle.restart();
  }

  /** The NTLM mechanism for clients of an address. */
  #createMechanism(network: string): Mechanism {
    const { name, anonymous, guest } = this.#options;
    return ntlmMechanism({
      lookup: (user) => this.#lookup(user, network),
      upperCase: userKey,
      computerName: name,
      random: this.random,
      now: () => this.clock.wall(),
      anonymous,
      guest,
    });
  }

  createAcceptor({ network }: Connection): ReturnType<typeof createAcceptor> {
    return createAcceptor([this.#createMechanism(network)]);
  }

  /** The hash of a user's password, when it is the attempt's turn. @throws StatusError if its turn is too far away */
  #lookup(user: string, network: string): MaybePromise<Uint8Array | undefined> {
    const wait = this.logons.attempt(user, network, this.limits.failedLogonDelayMs);
    if (wait === 0) return this.users.hashOf(user);
    if (wait !== undefined) return new Promise((resolve) => this.clock.after(wait, () => resolve(this.users.hashOf(user))));
    this.refuse('failedLogonDelayMs', { address: network, user });
    throw new StatusError(NtStatus.RequestNotAccepted, 'too many failed logons');
  }

  /**
   * The budget is exceeded. Its holders may never release it: a frame that never ends, responses that the client does not read. If that
   * does not end in time, as many connections as needed are ended at once: of the users and addresses that hold more than their share,
   * those with the most first, and of each the connection with the most first.
   */
  crowded(): void {
    const { budget, clock, limits } = this;
    const { reliefs } = budget;
    if (this.#crowd !== undefined) return;
    this.#crowd = clock.after(limits.crowdedMs, () => {
      this.#crowd = undefined;
      if (!budget.over) return;
      if (budget.reliefs === reliefs) this.#relieve();
      if (budget.over) this.crowded();
    });
    for (const connection of this.connections.values()) connection.recount();
  }

  #relieve(): void {
    const { budget, numbers, log } = this;
    const bySize = [...this.connections.values()].sort((a, b) => b.account.held - a.account.held || b.held - a.held);
    let ended = 0;
    const end = (connection: Connection): void => {
      numbers.refused.add('crowdedMs');
      ended++;
      connection.end('memory budget exceeded');
    };
    for (const connection of bySize) if (budget.exceeds(connection.account, connection.held)) end(connection);
    for (const connection of bySize) if (budget.over && !connection.ended) end(connection); // many that hold little each
    log.warn('the budget for unfinished requests and unsent responses was exceeded', { limit: this.limits.totalBytes, ended });
  }

  nextOpenId(): number {
    return this.#nextOpen++;
  }

  defer(call: () => void): void {
    setImmediate(call);
  }

  /**
   * Takes a new connection, if the limits allow it. @param address the key of limits for each address; default: the link's peer without its
   * port
   */
  accept(link: Link, address = link.peer.replace(/:\d+$/, '')): Connection | undefined {
    const closing = this.shutdown.begun;
    const network = networkOf(address);
    const limit = closing ? undefined : this.#admission.reachedBy(network);
    if (closing || limit !== undefined) {
      if (limit !== undefined) this.refuse(limit, { address: network });
      this.debug.say('conn', 'rejected by a limit', {
        peer: link.peer,
        connections: this.connections.size,
        fromAddress: this.#admission.from(network),
        closing,
      });
      link.close(true);
      return undefined;
    }
    const connection = new Connection(this, link, this.#nextConnection++, network);
    this.connections.set(connection.id, connection);
    this.#admission.entered(connection);
    this.numbers.connections++;
    this.#idle.start();
    this.debug.say('conn', 'accepted', { connection: connection.id, peer: link.peer, connections: this.connections.size });
    this.events.emit('connect', { id: connection.id, peer: link.peer });
    connection.open();
    return connection;
  }

  connectionLoggedOn(connection: Connection, owner: string): void {
    this.quotas.connections.add(owner);
    this.#admission.loggedOn(connection, owner);
  }

  connectionLoggedOff(connection: Connection, owner: string): void {
    this.quotas.connections.remove(owner);
    this.#admission.loggedOff(connection, owner);
  }

  connectionEnded(connection: Connection, reason: string): void {
    if (!this.connections.delete(connection.id)) return;
    this.numbers.bytesIn += connection.bytesIn;
    this.numbers.bytesOut += connection.bytesOut;
    this.#admission.left(connection);
    const { id, link, bytesIn, bytesOut } = connection;
    this.debug.say('conn', 'ended', { connection: id, peer: link.peer, reason, bytesIn, bytesOut });
    this.events.emit('disconnect', { id, peer: link.peer, reason });
    this.breaks.connectionEnded(connection);
    this.shutdown.connectionEnded(connection);
  }

  mayBind({ session, connection }: Channel): boolean {
    const { quotas } = this;
    const reached = !quotas.channels.may(session.owner)
      ? 'channels'
      : !connection.authenticated && !(quotas.connections.may(session.owner) && this.#admission.mayLogOn(session.owner, connection))
        ? 'connections'
        : undefined;
    if (reached !== undefined) this.refuse(reached, { peer: connection.link.peer });
    return reached === undefined;
  }

  bound({ session, connection }: Channel): void {
    const { user } = session.actor;
    this.numbers.channels++;
    this.logons.succeeded(user, connection.network, this.limits.failedLogonDelayMs);
    this.log.info('channel added', { connection: connection.id, peer: connection.link.peer, user, channels: session.channels.size });
  }

  mayLogOn(session: Session, instead: Session | undefined): boolean {
    const { sessions, connections } = this.quotas;
    const { owner, connection } = session;
    const reached = !sessions.may(owner, 1, instead === undefined ? 0 : 1)
      ? 'sessions'
      : !connection.authenticated && !(connections.may(owner) && this.#admission.mayLogOn(owner, connection))
        ? 'connections'
        : undefined;
    if (reached !== undefined) this.refuse(reached, { peer: connection.link.peer });
    return reached === undefined;
  }

  /** @param first whether it is the session's first logon */
  loggedOn({ session, connection }: Channel, first: boolean): void {
    if (first) this.quotas.sessions.add(session.owner);
    const { actor, isGuest, isAnonymous } = session;
    this.numbers.logons.add(isGuest ? 'guest' : isAnonymous ? 'anonymous' : 'user');
    if (!isGuest && !isAnonymous) this.logons.succeeded(actor.user, connection.network, this.limits.failedLogonDelayMs);
    this.events.emit('log-on', { ...actor, guest: isGuest, anonymous: isAnonymous, status: 0 });
  }

  logonFailed(connection: ChannelConnection, user: string, status: number): void {
    this.numbers.logonFailures.add(status);
    if (status === NtStatus.RequestNotAccepted) return; // rejected unseen: an unchecked attempt must not fill the audit
    this.events.emit('log-on', { user, peer: connection.link.peer, session: 0, guest: false, anonymous: false, status });
  }

  sessionEnded({ actor, owner }: Session): void {
    this.quotas.sessions.remove(owner);
    this.events.emit('log-off', actor);
  }

  #createStore(vfs: Vfs, createState: CreateFileState): Store {
    const state = this.#createFileState(createState);
    const own = { calls: 0 };
    return {
      vfs: debugStore(vfs, this.debug, this.clock, own),
      state,
      outside: new OutsideChanges(state, this.clock, this.watched, own),
    };
  }

  #createFileState(create: CreateFileState): FileState {
    const { clock } = this;
    const oplockBreakMs = (): number => this.limits.oplockBreakMs;
    const effects = (batch: readonly Effect[], state: FileState): void => {
      for (const effect of batch) this.#apply(effect, state);
    };
    const state = create({ clock, oplockBreakMs, effects });
    this.#fileStates.add(new WeakRef(state));
    return state;
  }

  /** Does what follows from a change of a file's state. */
  #apply(effect: Effect, state: FileState): void {
    switch (effect.kind) {
      case 'break': {
        const { fileId, owner, acknowledge, level } = effect;
        if (!acknowledge) this.#saveOwner(owner);
        const deliver = (): void => {
          const outcome = notifyBreak(this, effect);
          if (!acknowledge || outcome === 'notified') return;
          if (outcome === 'lost') void state.submit(fileId, { kind: 'expire', owner });
          else void state.submit(fileId, { kind: 'acknowledge', owner, level });
          this.#saveOwner(owner);
        };
        if (!this.heldBreaks.keep(owner, deliver)) deliver();
        return;
      }
      case 'waits':
        this.undecided.get(effect.ticket)?.();
        return;
      case 'deleting':
        for (const openId of effect.openIds) this.opens.get(openId)?.watch?.end(NtStatus.DeletePending);
        return;
      case 'expired':
        this.numbers.oplockBreaksExpired++;
        this.breaks.expired(effect.owner);
        if (this.debug.on.oplock) this.debug.say('oplock', 'not acknowledged in time', fieldsOf(this.opens.get(effect.owner)));
        this.#saveOwner(effect.owner);
    }
  }

  /** An oplock or lease has another level, of which its client need not be sure: the stored persistent opens are updated. */
  #saveOwner(owner: number): void {
    if (this.persistence.size === 0) return;
    this.defer(() => {
      const lease = this.leases.byId(owner);
      const open = this.opens.get(owner);
      if (lease !== undefined) void this.persistence.saveLease(lease);
      else if (open !== undefined) void this.persistence.save(open);
    });
  }

  get fileTotals(): StateTotals {
    const totals = { files: 0, locks: 0, oplocks: 0 };
    for (const reference of this.#fileStates) {
      const state = reference.deref();
      if (state === undefined) this.#fileStates.delete(reference);
      for (const [name, count] of Object.entries(state?.totals ?? {})) totals[name as keyof StateTotals] += count;
    }
    return totals;
  }

  mayOpen(tree: TreeConnect, depth = 0): boolean {
    const { limits, quotas } = this;
    const { opens, owner } = tree.session;
    const reached =
      opens.size >= limits.opensForSession
        ? 'opensForSession'
        : !quotas.opens.may(owner)
          ? 'opens'
          : !tree.share.isPipe && !quotas.fileDescriptors.may(tree, depth)
            ? 'fileDescriptors'
            : undefined;
    if (reached !== undefined) this.refuse(reached, tree.session.actor);
    return reached === undefined;
  }

  opensBelow({ share }: TreeConnect, directoryId: string): Open[] {
    const below: Open[] = [];
    for (const open of this.opens.values()) {
      if (open.share.fileState === share.fileState && open.isBelow(directoryId)) below.push(open);
    }
    return below;
  }

  renamed(tree: TreeConnect, fileId: string, path: string, ancestors: readonly string[]): Open[] {
    const moved: Open[] = [];
    for (const open of this.opens.values()) {
      if (open.share.fileState !== tree.share.fileState) continue;
      if (open.named?.fileId === fileId) open.pathName = path;
      else if (open.base?.fileId === fileId) open.pathName = `${path}${open.pathName.slice(open.pathName.lastIndexOf(':'))}`;
      else continue;
      open.ancestors = ancestors;
      moved.push(open);
      this.quotas.fileDescriptors.moved(open);
    }
    return moved;
  }

  keeps({ owner, actor }: Session, bytes: number): boolean {
    const { keptBytes } = this.quotas;
    if (bytes < 0) keptBytes.remove(owner, -bytes);
    else if (keptBytes.may(owner, bytes)) keptBytes.add(owner, bytes);
    else {
      this.refuse('keptBytes', actor);
      return false;
    }
    return true;
  }

  enter(open: Open): void {
    open.attachment?.session.opens.set(open.volatileFileId, open);
    this.opens.set(open.volatileFileId, open);
    this.quotas.opens.add(open.quotaOwner);
    this.quotas.fileDescriptors.opened(open);
  }

  leave(open: Open): void {
    this.writtenDirectories.remove(open);
    this.opens.delete(open.volatileFileId);
    this.quotas.opens.remove(open.quotaOwner);
    if (open.locks > 0) this.quotas.locks.remove(open.quotaOwner, open.locks);
    open.locks = 0;
  }

  opened(open: Open, action: 0 | 1 | 2 | 3): void {
    if (this.events.listenerCount('open') === 0) return;
    const { grantedAccess: access, handle } = open;
    this.events.emit('open', { ...about(open), access, action: actions[action] as OpenAction, kind: handle?.kind ?? 'file' });
  }

  written(open: Open): void {
    this.writtenDirectories.add(open);
    if (this.events.listenerCount('write') > 0) this.events.emit('write', about(open));
  }

  openClosed(open: Open): void {
    if (this.events.listenerCount('close') === 0) return;
    const { bytesRead, bytesWritten } = open;
    this.events.emit('close', { ...about(open), bytesRead, bytesWritten });
  }

  deleted(open: Open, wholeFile: boolean, deleter: Actor): void {
    if (this.events.listenerCount('delete') === 0) return;
    const { share, path } = about(open);
    this.events.emit('delete', { ...deleter, share, path: wholeFile ? path.slice(0, path.lastIndexOf(':')) : path });
  }

  notDeleted(open: Open, wholeFile: boolean, deleter: Actor, code: VfsCode): void {
    this.numbers.notDeleted.add(code);
    const { share, path: opened } = about(open);
    const path = wholeFile ? opened.slice(0, opened.lastIndexOf(':')) : opened;
    this.log.warn('a file was not deleted at its last close', { share, path, user: deleter.user, error: code });
    if (this.events.listenerCount('refused') === 0) return;
    this.events.emit('refused', { ...deleter, share, path, command: nameOf(Command, Command.Close), status: statusOf(code) });
  }

  /** A request blocked the event loop: logs it, at most once in `heldLogMs`. @param ms for how long */
  held(request: BlockingRequest, ms: number): void {
    const { header, tree, connection } = request;
    this.numbers.heldTurns.add(header.command);
    this.#heldSinceLog++;
    const now = this.clock.now();
    if (now < this.#nextHeldLog) return;
    this.#nextHeldLog = now + heldLogMs;
    this.log.warn('a request blocked the event loop', {
      command: nameOf(Command, header.command),
      share: tree?.share.name,
      connection: connection.id,
      ms: Math.round(ms),
      times: this.#heldSinceLog,
    });
    this.#heldSinceLog = 0;
  }

  moved(open: Open, to: string, how: 'rename' | 'link'): void {
    if (this.events.listenerCount('rename') > 0) this.events.emit('rename', { ...about(open), to, how });
  }

  secured(open: Open, information: number): void {
    if (this.events.listenerCount('security') > 0) this.events.emit('security', { ...about(open), information });
  }

  failed(error: unknown, about: Readonly<Record<string, unknown>>): void {
    this.numbers.errors++;
    this.log.error('a request failed inside the server', { ...about, error });
    if (this.events.listenerCount('error') > 0) this.events.emit('error', error);
  }

  get volumeSerialNumber(): number {
    return new DataView(this.guid.buffer, this.guid.byteOffset).getUint32(0, true);
  }

  /**
   * Ends all connections; resolves when the work in flight is done and the stores have released their handles, or after `limits.closeMs`.
   */
  async close(): Promise<void> {
    this.#crowd?.clear();
    this.#idle.stop();
    this.breaks.stop();
    await this.shutdown.close();
    this.repeated.close();
    this.#shown[Symbol.dispose]();
  }
}
