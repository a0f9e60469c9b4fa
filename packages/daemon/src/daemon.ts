import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Clock, type Log, type Random, systemClock, systemRandom } from '@ring3/kit';
import { listenUnix } from '@ring3/netlink';
import type { SmbServer } from '@ring3/smb-server';
import { CaptureFeed, type CaptureOptions } from './capture-feed.ts';
import { type Controlled, controlHandlers } from './control/handlers.ts';
import type { DaemonStatus, LifecycleState } from './control/protocol.ts';
import { serveControl } from './control/server.ts';
import { type Credentials, type ExtraUsers, type FileServerOptions, type FolderShare, startFileServer } from './file-server.ts';
import { fillNamespace, type NamespaceContents } from './fill-namespace.ts';
import { Namespaces } from './namespaces.ts';
import { privateFolder } from './places.ts';
import { type Step, startInOrder } from './start-in-order.ts';
import { holdState, StateStore } from './state-store.ts';

/** What a daemon is made of. What is left out is off. */
export interface DaemonOptions extends ExtraUsers, NamespaceContents {
  readonly stateDir: string;
  readonly shares: readonly FolderShare[];
  /** The file server; it starts where there is a share. */
  readonly smb?: FileServerOptions;
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
    try {
      fillNamespace(namespaces.get().namespace, this.options);
    } catch (error) {
      namespaces.close();
      throw error;
    }
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

  async #startSmb(smb: FileServerOptions): Promise<() => Promise<void>> {
    const { stateDir, shares, log } = this.options;
    const { clock, random } = this;
    const started = await startFileServer(smb, shares, this.options, { stateDir, store: this.#store(), clock, random, log });
    this.smb = started.server;
    this.madeUser = started.madeUser;
    return () => started.close();
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
    fillNamespace(feed.namespace, this.options);
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
