import { EventEmitter } from 'node:events';
import type { Clock, DebugSwitches, Link, Log, MaybePromise, Metrics, Random } from '@ring3/kit';
import { createAcceptor, type Mechanism, NtStatus, negotiateToken, ntlmMechanism, StatusError } from '@ring3/smb-proto';
import { Connection } from '../connection/connection.ts';
import type { Channel, ChannelConnection } from '../objects/channel.ts';
import { DurableOpens } from '../objects/durable.ts';
import { FileReports } from '../objects/file-reports.ts';
import { HeldBreaks } from '../objects/held-breaks.ts';
import { Leases } from '../objects/leases.ts';
import { NameIds } from '../objects/name-ids.ts';
import type { ChangeWatch } from '../objects/notify/change-watch.ts';
import { Numbers, type RefusingLimit } from '../objects/numbers.ts';
import { OpenTable } from '../objects/open-table.ts';
import type { WatchedCount } from '../objects/outside-changes.ts';
import { Persistence } from '../objects/persistence.ts';
import { Quotas } from '../objects/quotas.ts';
import type { ResolvedOptions } from '../objects/resolved-options.ts';
import type { BlockingRequest } from '../objects/services.ts';
import type { Session } from '../objects/session.ts';
import { createShares, type Shares } from '../objects/shares.ts';
import { WrittenDirectories } from '../objects/written-directories.ts';
import { LocalFileState, type StateTotals } from '../state/index.ts';
import { Allowance } from '../values/allowance.ts';
import { Budget } from '../values/budget.ts';
import { BufferPool } from '../values/buffer-pool.ts';
import { Closing } from '../values/closing.ts';
import { Coders } from '../values/coders.ts';
import type { DebugWord } from '../values/debug-words.ts';
import type { Actor, ServerEvents } from '../values/events.ts';
import { Ids } from '../values/ids.ts';
import type { Limits } from '../values/limits.ts';
import { LogonThrottle } from '../values/logon-throttle.ts';
import { networkOf } from '../values/network.ts';
import type { NetworkInterface } from '../values/network-interfaces.ts';
import { RepeatedLog } from '../values/repeated-log.ts';
import { Strangers } from '../values/strangers.ts';
import { type Users, userKey } from '../values/users.ts';
import { Admission } from './admission.ts';
import { BreakDelivery } from './break-delivery.ts';
import { Crowd } from './crowd.ts';
import { familiesOf } from './families.ts';
import { type CreateFileState, FileStates } from './file-states.ts';
import { HeldTurns } from './held-turns.ts';
import { IdleSweep } from './idle-sweep.ts';
import { RefusalLog } from './refusal-log.ts';
import { changeOptions, type RunTimeOptions } from './run-time-options.ts';
import type { RunningServer } from './running-server.ts';
import { Shutdown } from './shutdown.ts';

/** Bytes that may be allocated for announced frames before they arrive: enough that an ordinary bulk WRITE is received in place. */
const announcedBytes = 64 * 1024 * 1024;

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
  readonly opens = new OpenTable(this);
  readonly reports: FileReports;
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
  readonly leases = new Leases(() => this.opens.nextId());
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
  readonly #fileStates: FileStates;
  readonly #crowd = new Crowd(this);
  readonly #heldTurns: HeldTurns;
  /** Removes the families of `numbers` from the metrics. */
  readonly #shown: Disposable;
  #nextConnection = 1;

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
    this.reports = new FileReports(this);
    this.#heldTurns = new HeldTurns(this);
    this.#fileStates = new FileStates(this, createState);
    this.guid = options.guid;
    this.interfaces = options.interfaces ?? (() => []);
    this.users = options.users;
    this.shares = createShares(options.shares, (vfs) => this.#fileStates.storeOf(vfs));
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

  crowded(): void {
    this.#crowd.begin();
  }

  held(request: BlockingRequest, ms: number): void {
    this.#heldTurns.add(request, ms);
  }

  failed(error: unknown, about: Readonly<Record<string, unknown>>): void {
    this.numbers.errors++;
    this.log.error('a request failed inside the server', { ...about, error });
    if (this.events.listenerCount('error') > 0) this.events.emit('error', error);
  }

  get fileTotals(): StateTotals {
    return this.#fileStates.totals;
  }

  get volumeSerialNumber(): number {
    return new DataView(this.guid.buffer, this.guid.byteOffset).getUint32(0, true);
  }

  /**
   * Ends all connections; resolves when the work in flight is done and the stores have released their handles, or after `limits.closeMs`.
   */
  async close(): Promise<void> {
    this.#crowd.stop();
    this.#idle.stop();
    this.breaks.stop();
    await this.shutdown.close();
    this.repeated.close();
    this.#shown[Symbol.dispose]();
  }
}
