import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { type Clock, type Log, type Random, systemClock, systemRandom } from '@ring3/kit';
import { listenUnix } from '@ring3/netlink';
import { createSmbServer, type ShareOptions, type SmbServer } from '@ring3/smb-server';
import { readOnly } from '@ring3/vfs';
import { createNodeStore } from '@ring3/vfs-node';
import { CaptureFeed, type CaptureOptions } from './capture-feed.ts';
import { type Controlled, controlHandlers } from './control/handlers.ts';
import type { DaemonStatus, LifecycleState } from './control/protocol.ts';
import { serveControl } from './control/server.ts';
import { Namespaces } from './namespaces.ts';
import { privateFolder } from './places.ts';
import { type Step, startInOrder } from './start-in-order.ts';
import { holdState, StateStore } from './state-store.ts';
import { StoredUsers } from './stored-users.ts';

/** A folder of the host that is shared. */
export interface FolderShare {
  readonly name: string;
  /** Absolute path. */
  readonly path: string;
  readonly readOnly?: boolean;
  /** Whether guests reach it. */
  readonly guest?: boolean;
  readonly comment?: string;
}

/** A user with the password in the clear: it is hashed at once and not kept. */
export interface Credentials {
  readonly name: string;
  readonly password: string;
}

/** What a daemon is made of. What is left out is off. */
export interface DaemonOptions {
  readonly stateDir: string;
  readonly shares: readonly FolderShare[];
  /** The file server; it starts where there is a share. */
  readonly smb?: {
    readonly host: string;
    /** 0: any that is free. */
    readonly port: number;
    readonly signing?: 'required' | 'enabled';
    readonly encryption?: 'off' | 'desired' | 'required';
    /** Whether anybody is let in without a password; see the share's own `guest`. */
    readonly guest?: boolean;
  };
  /** Users of this run, beside those of the state directory: name → password. */
  readonly users?: ReadonlyMap<string, string>;
  /** Makes a user for this run where there would be none. */
  readonly makeUser?: () => Credentials;
  /** Path of the control socket. */
  readonly control?: string | undefined;
  /** Path of the netlink socket. */
  readonly netlink?: string | undefined;
  /** A capture that is played into the namespace `capture`. Without a speed it has been played when the daemon is ready. */
  readonly capture?: CaptureOptions | undefined;
  readonly log: Log;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** A running daemon. */
export interface Daemon extends AsyncDisposable {
  /** The user that was made because there was none. */
  readonly madeUser: Credentials | undefined;
  status(): DaemonStatus;
  /** Ends it; resolves when everything is closed. */
  stop(): Promise<void>;
  /** Resolves when it has ended, whoever asked for it. */
  readonly stopped: Promise<void>;
}

/** The version of the line that `ctl stats` prints, as the kernel server numbers it. */
const statsVersion = 2;

/** The daemon's parts while it runs. */
class Running {
  readonly options: DaemonOptions;
  readonly clock: Clock;
  readonly random: Random;
  state: LifecycleState = 'startup';
  store: StateStore | undefined;
  smb: SmbServer | undefined;
  namespaces: Namespaces | undefined;
  capture: CaptureFeed | undefined;
  madeUser: Credentials | undefined;
  readyAt = 0;
  lastControlAt = 0;

  constructor(options: DaemonOptions) {
    this.options = options;
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? systemRandom();
  }

  /** The order in which the parts start; they end in the reverse order. */
  steps(stop: () => void): Step[] {
    const { netlink, control, shares, smb, capture } = this.options;
    const steps: Step[] = [
      { name: 'state directory', start: () => this.#openState() },
      { name: 'namespaces', start: () => this.#openNamespaces() },
    ];
    if (netlink !== undefined) steps.push({ name: 'netlink socket', start: () => this.#listenNetlink(netlink) });
    if (shares.length > 0 && smb !== undefined) steps.push({ name: 'file server', start: () => this.#startSmb(smb) });
    if (control !== undefined) steps.push({ name: 'control socket', start: () => this.#listenControl(control, stop) });
    if (capture !== undefined) steps.push({ name: 'capture', start: () => this.#playCapture(capture) });
    return steps;
  }

  #openState(): () => void {
    const held = holdState(this.options.stateDir);
    try {
      const store = new StateStore(this.options.stateDir);
      this.store = store;
      store.countStart();
      return () => {
        store[Symbol.dispose]();
        held[Symbol.dispose]();
      };
    } catch (error) {
      held[Symbol.dispose]();
      throw error;
    }
  }

  #openNamespaces(): () => void {
    const namespaces = new Namespaces({ clock: this.clock, random: this.random, log: this.options.log.child({ part: 'netlink' }) });
    this.namespaces = namespaces;
    return () => namespaces.close();
  }

  #listenNetlink(path: string): () => void {
    privateParent(path);
    const server = listenUnix(path, {
      namespace: (name) => this.namespaces?.find(name)?.server,
      clock: this.clock,
      log: this.options.log.child({ part: 'netlink' }),
    });
    return () => server.close();
  }

  async #startSmb(smb: NonNullable<DaemonOptions['smb']>): Promise<() => Promise<void>> {
    const { stateDir, shares, log } = this.options;
    const stores: (() => Promise<void> | void)[] = [];
    const offered: Record<string, ShareOptions> = {};
    for (const { name, path, readOnly: only = false, guest = false, comment = '' } of shares) {
      // what the host cannot keep beside a file, for each shared folder
      const state = join(stateDir, 'folders', createHash('sha256').update(path).digest('hex').slice(0, 16));
      refuseStateInside(stateDir, path);
      const store = createNodeStore(path, { state });
      stores.push(async () => await store.close?.());
      offered[name] = { vfs: only ? readOnly(store) : store, readOnly: only, guest, comment };
    }
    const guid = this.#store().identity('serverGuid', 16, this.random);
    const server = await createSmbServer({
      ...smb,
      anonymous: smb.guest === true, // the Linux client's `guest` gives no name at all
      shares: offered,
      users: this.#users(),
      guid,
      clock: this.clock,
      random: this.random,
      log: log.child({ part: 'smb' }),
    });
    this.smb = server;
    return async () => {
      await server.close();
      for (const close of stores) await close();
    };
  }

  #users(): StoredUsers {
    const store = this.#store();
    const parts = new Uint32Array(store.identity('machineSid', 12, this.random).slice().buffer);
    const users = new StoredUsers(`S-1-5-21-${parts.join('-')}`, store);
    for (const [name, password] of this.options.users ?? []) users.addForThisRun(name, password);
    const nobody = (this.options.users?.size ?? 0) === 0 && store.users().length === 0;
    if (nobody && this.options.makeUser !== undefined && this.options.smb?.guest !== true) {
      this.madeUser = this.options.makeUser();
      users.addForThisRun(this.madeUser.name, this.madeUser.password);
    }
    return users;
  }

  async #listenControl(path: string, stop: () => void): Promise<() => Promise<void>> {
    privateParent(path);
    const namespaces = this.#openedNamespaces();
    const asked = <T>(answer: () => T): T => {
      const given = answer();
      this.lastControlAt = this.clock.now();
      return given;
    };
    const controlled: Controlled = {
      namespaces,
      capture: () => this.capture?.status(),
      stats: () => asked(() => this.stats()),
      status: () => asked(() => this.status()),
      stop,
    };
    const server = await serveControl(path, controlHandlers(controlled));
    return () => server.close();
  }

  async #playCapture(options: CaptureOptions): Promise<() => void> {
    const feed = new CaptureFeed(options, this.#openedNamespaces(), this.clock, this.options.log);
    this.capture = feed;
    feed.start();
    if (options.speed === undefined) await feed.ended;
    return () => feed.close();
  }

  #openedNamespaces(): Namespaces {
    if (this.namespaces === undefined) throw new Error('there are no namespaces');
    return this.namespaces;
  }

  #store(): StateStore {
    if (this.store === undefined) throw new Error('the state directory is not open');
    return this.store;
  }

  /** The kernel server's line: version, state, TCP port, whole seconds since the last control request. */
  stats(): string {
    const idle = Math.floor((this.clock.now() - this.lastControlAt) / 1000);
    return `${statsVersion} ${this.state} ${this.smb?.address?.port ?? 0} ${idle}\n`;
  }

  status(): DaemonStatus {
    const { control, netlink, shares } = this.options;
    const address = this.smb?.address;
    return {
      state: this.state,
      pid: process.pid,
      upSeconds: Math.floor((this.clock.now() - this.readyAt) / 1000),
      shares: shares.map(({ name }) => name),
      ...(address === undefined ? {} : { smb: `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}` }),
      ...(control === undefined ? {} : { control }),
      ...(netlink === undefined ? {} : { netlink }),
    };
  }
}

/** @throws Error where clients of a share would see the state, the users' hashes among it */
function refuseStateInside(stateDir: string, shared: string): void {
  const way = relative(realpathSync(shared), realpathSync(stateDir));
  if (way.startsWith('..')) return;
  throw new Error(
    `the state directory ${stateDir} lies inside the shared folder ${shared}, where clients would see it: give another with --state-dir`,
  );
}

/** The folder of a socket: made for this user alone where it is missing, left as it is where it is there. */
function privateParent(path: string): void {
  const folder = dirname(path);
  if (mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined) privateFolder(folder);
}

/**
 * Starts a daemon.
 * @throws StepError naming the part that did not start, when everything before it is undone
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const running = new Running(options);
  let ended = (): void => {};
  const stopped = new Promise<void>((resolve) => {
    ended = resolve;
  });
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> =>
    (stopping ??= (async () => {
      running.state = 'shutdown';
      try {
        await undo();
      } finally {
        ended();
      }
    })());
  const undo = await startInOrder(running.steps(() => void stop()));
  running.state = 'running';
  running.readyAt = running.lastControlAt = running.clock.now();
  return { madeUser: running.madeUser, status: () => running.status(), stop, stopped, [Symbol.asyncDispose]: stop };
}
