import { type Clock, type DebugSwitches, type Log, type Metrics, nextTurn, type Random, Turn } from '@ring3/kit';
import { aesGcm, unread } from '@ring3/linux';
import {
  createSmbServer,
  type DebugWord,
  type RunTimeOptions,
  runTimeDefaults,
  type ShareOptions,
  type SmbServer,
  type SmbServerOptions,
} from '@ring3/smb-server';
import { type Change, differing, keyed } from './change.ts';
import { SqlitePersistentOpens } from './persistent-opens/sqlite-persistent-opens.ts';
import type { ListeningSocket } from './service/listening-socket.ts';
import { type Credentials, type FileServerOptions, type KnownUser, logsOn, type Settings } from './settings.ts';
import { sharedDescriptors } from './shared-descriptors.ts';
import { type FolderShare, SharedFolders } from './shared-folders.ts';
import type { StateStore } from './state-store.ts';
import { emptyPasswordWarning, StoredUsers } from './stored-users.ts';

/** Dependencies of the file server of the daemon. */
export interface FileServerParts {
  readonly stateDir: string;
  readonly store: StateStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly debug: DebugSwitches<DebugWord>;
  /** Called with each accepted connection. */
  readonly carry: NonNullable<SmbServerOptions['carry']>;
  /** A socket that exists already. */
  readonly listening?: ListeningSocket | undefined;
}

/** The file server of a daemon with its present settings. */
export class FileServer {
  readonly server: SmbServer;
  /** The user that was created because there was none. */
  readonly madeUser: Credentials | undefined;
  readonly #folders: SharedFolders;
  readonly #persistentOpens: SqlitePersistentOpens;
  readonly #users: StoredUsers;
  #settings: Settings;

  private constructor(
    settings: Settings,
    server: SmbServer,
    folders: SharedFolders,
    persistentOpens: SqlitePersistentOpens,
    { users, madeUser }: LogOns,
  ) {
    this.#settings = settings;
    this.server = server;
    this.#folders = folders;
    this.#persistentOpens = persistentOpens;
    this.#users = users;
    this.madeUser = madeUser;
    server.events.on('disconnect', () => void this.#retire());
    folders.onResponse(({ path }) => void this.#offer(path));
  }

  /** Opens the directories and starts to listen. @throws Error in one line if that is not possible */
  static async start(settings: Settings, options: FileServerOptions, parts: FileServerParts): Promise<FileServer> {
    const { clock, random, log, metrics, debug, store, carry, listening } = parts;
    const { shares = [] } = settings;
    const folders = new SharedFolders({ stateDir: parts.stateDir, log, clock });
    const persistentOpens = new SqlitePersistentOpens(store.folder);
    try {
      const offered = await Promise.all(shares.map(async (share) => [share.name, await folders.optionsOf(share)] as const));
      const logOns = whoMayLogOn(parts, settings, options.guest === true);
      const server = await createSmbServer({
        anonymous: options.guest === true, // the option `guest` of the Linux client sends no name
        ...options,
        shares: Object.fromEntries(offered),
        users: logOns.users,
        ...(listening?.isFor(options.host, options.port) === true ? { listen: listening } : {}),
        guid: store.identity('serverGuid', 16, random),
        clock,
        random,
        log: log.child({ part: 'smb' }),
        metrics,
        debug,
        carry,
        aesGcm: aesGcm(),
        unacknowledgedOn: unread,
        fileDescriptors: sharedDescriptors(),
        persistentOpens,
      });
      return new FileServer(settings, server, folders, persistentOpens, logOns);
    } catch (error) {
      await persistentOpens.close();
      await folders.close();
      throw error;
    }
  }

  /**
   * Applies other settings to new connections, without disconnecting a client. Invalid settings change nothing.
   * @param living whether clients that use a removed or changed share are disconnected from it
   * @throws Error in one line
   */
  async apply(settings: Settings, living: boolean): Promise<Change[]> {
    try {
      const offered = new Map<string, ShareOptions>();
      const turn = new Turn();
      for (const share of settings.shares ?? []) {
        offered.set(share.name, await this.#folders.optionsOf(share));
        if (!turn.over) continue;
        await nextTurn(); // many shares: clients have turns in between
        turn.begin();
      }
      return this.#take(settings, offered, living);
    } finally {
      await this.#retire(); // directories that are no longer shared, and those that were opened for rejected settings
    }
  }

  /** Steps that can fail come first. */
  #take(settings: Settings, offered: ReadonlyMap<string, ShareOptions>, living: boolean): Change[] {
    const { shares = [] } = settings;
    const before = this.#settings;
    for (const [name, share] of offered) this.server.shares.check(name, share);
    const [users, takeUsers] = this.#prepareUsers(before.users, settings.users);
    const options = this.#configure(before.smb, settings.smb);
    this.#settings = settings;
    const changedShares = keyed('share', byName(before.shares), byName(shares), 'new connections');
    for (const { what, how } of changedShares) if (how === 'removed') this.server.shares.delete(nameIn(what));
    for (const { what, how } of changedShares)
      if (how !== 'removed') this.server.shares.add(nameIn(what), offered.get(nameIn(what)) as never);
    takeUsers();
    if (living) {
      for (const { what, how } of changedShares) if (how !== 'added') this.server.view.endShare(nameIn(what));
      for (const { what, how } of users) if (how !== 'added') this.server.view.endUser(nameIn(what));
    }
    return [...options, ...changedShares, ...users];
  }

  #configure(before: FileServerOptions | undefined, after: FileServerOptions | undefined): Change[] {
    if (before === undefined || after === undefined) return [];
    const { host: _host, port: _port, ...options } = after;
    const keys = differing(before, after);
    const listening = (key: string): boolean => key === 'host' || key === 'port';
    const atStart = keys.filter(listening);
    const now = keys.filter((key) => !listening(key));
    if (now.length > 0) this.server.configure(runTimeOptions(options));
    const changes: Change[] = [];
    if (now.length > 0) changes.push({ what: 'server', how: 'changed', keys: now, holds: 'new connections' });
    if (atStart.length > 0) changes.push({ what: 'server', how: 'changed', keys: atStart, holds: 'next start' });
    return changes;
  }

  /** @returns the changes, and a function that applies them and cannot fail */
  #prepareUsers(before: Settings['users'] = new Map(), after: Settings['users'] = new Map()): [Change[], () => void] {
    const changes = keyed('user', known(before), known(after), 'new connections');
    const [gone, others] = [changes.filter(({ how }) => how === 'removed'), changes.filter(({ how }) => how !== 'removed')];
    const add = others.map(({ what }) => this.#users.prepareForThisRun(nameIn(what), after.get(nameIn(what)) as KnownUser));
    const take = (): void => {
      for (const { what } of gone) this.#users.deleteForThisRun(nameIn(what));
      for (const one of add) one();
    };
    return [changes, take];
  }

  /** A directory responds again: its shares are offered with it. */
  async #offer(path: string | undefined): Promise<void> {
    for (const share of this.#settings.shares ?? []) {
      if (share.path !== path) continue;
      const options = await this.#folders.optionsOf(share);
      if (this.#settings.shares?.includes(share) === true) this.server.shares.replace(share.name, options);
    }
    await this.#retire();
  }

  /** Closes the stores of directories that are not shared any more, when the last client has disconnected. */
  #retire(): Promise<void> {
    const inUse = this.server.view.stores();
    return this.#folders.retire(this.#settings.shares ?? [], (vfs) => inUse.has(vfs));
  }

  /** Accepts nothing new, waits for requests in progress, and closes the rest. @param ms maximum wait, milliseconds */
  drain(ms: number): Promise<void> {
    return this.server.drain(ms);
  }

  async close(): Promise<void> {
    await this.server.close();
    await this.#persistentOpens.close();
    await this.#folders.close();
  }
}

/** The run-time options of a server from the settings; a missing one becomes the default again. */
const runTimeOptions = ({ limits, dialects, ...options }: Omit<FileServerOptions, 'host' | 'port'>): RunTimeOptions => ({
  ...runTimeDefaults,
  anonymous: options.guest === true,
  ...options,
  limits: { ...runTimeDefaults.limits, ...limits },
  dialects: { ...runTimeDefaults.dialects, ...dialects },
});

interface LogOns {
  readonly users: StoredUsers;
  readonly madeUser: Credentials | undefined;
}

/** The settings of a share without those that the file server does not use. */
const byName = (shares: readonly FolderShare[] = []): [string, FolderShare][] =>
  shares.map(({ audit: _audit, ...share }) => [share.name, share]);
const known = (users: ReadonlyMap<string, KnownUser>): [string, object][] => [...users].map(([name, how]) => [name, { password: how }]);
/** The name in `share NAME` or `user NAME`. */
const nameIn = (what: string): string => what.slice(what.indexOf(' ') + 1);

function whoMayLogOn({ store, random, log }: FileServerParts, settings: Settings, guest: boolean): LogOns {
  const warning = emptyPasswordWarning(store.users());
  if (warning !== undefined) log.warn(warning);
  const subAuthorities = new Uint32Array(store.identity('machineSid', 12, random).slice().buffer);
  const users = new StoredUsers(`S-1-5-21-${subAuthorities.join('-')}`, store, random);
  for (const [name, how] of settings.users ?? []) users.addForThisRun(name, how);
  const nobody = ![...(settings.users?.values() ?? [])].some(logsOn) && store.users().length === 0;
  const madeUser = nobody && !guest ? settings.makeUser?.() : undefined;
  if (madeUser !== undefined) users.addForThisRun(madeUser.name, madeUser.password);
  return { users, madeUser };
}
