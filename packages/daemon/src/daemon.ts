import { resolve } from 'node:path';
import type { Namespace } from '@ring3/conntrack';
import { type Clock, hostPort, type Log, noMetrics, type Random, systemClock, systemRandom } from '@ring3/kit';
import { listenUnix } from '@ring3/netlink';
import type { CaptureFeed, CaptureOptions } from './capture-feed.ts';
import { Captures } from './captures.ts';
import type { Reloaded } from './change.ts';
import { ConfiguredNamespace } from './configured-namespace.ts';
import { type Controlled, controlHandlers } from './control/handlers.ts';
import type { DaemonStatus } from './control/protocol.ts';
import { serveControl } from './control/server.ts';
import { Debugging } from './debugging.ts';
import type { FileServer } from './file-server.ts';
import { Guard } from './guard.ts';
import type { Console } from './http/console.ts';
import type { ConsoleOptions } from './http/server.ts';
import { Lifecycle } from './lifecycle.ts';
import { LongTurns } from './long-turns.ts';
import { Namespaces } from './namespaces.ts';
import { netfilterFamilies } from './netfilter-families.ts';
import { socketFolder } from './private-folder.ts';
import type { ListeningSocket } from './service/listening-socket.ts';
import { noServiceManager, type ServiceManager } from './service/service-manager.ts';
import { type Ground, Serving, type SettingsSource } from './serving.ts';
import type { Credentials } from './settings.ts';
import { type Step, startInOrder, type Undo } from './start-in-order.ts';
import { holdState, StateStore } from './state-store.ts';

/** Options of a daemon, constant for the life of the process. A missing part is off. */
export interface DaemonOptions {
  readonly stateDir: string;
  /** What the daemon serves. */
  readonly settings?: SettingsSource;
  /** Path of the configuration of the settings, for `status`. */
  readonly config?: string | undefined;
  /** Path of the control socket. */
  readonly control?: string | undefined;
  /** Path of the netlink socket. */
  readonly netlink?: string | undefined;
  /** Metrics and status over HTTP. */
  readonly console?: ConsoleOptions | undefined;
  /** A capture that is played into the namespace `capture`. Without a speed it is played before the daemon is ready. */
  readonly capture?: CaptureOptions | undefined;
  /** How long requests in progress may take at a stop until they are cut off; default: 10 s. */
  readonly drainMs?: number;
  /** A socket that exists already. The file server uses it if host and port match. The daemon owns it and closes it at its end. */
  readonly listening?: ListeningSocket | undefined;
  /** Receives start, reload and end. */
  readonly manager?: ServiceManager;
  readonly log: Log;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** A running daemon. */
export interface Daemon extends AsyncDisposable {
  /** The user that was created because there was none. */
  readonly madeUser: Credentials | undefined;
  status(): DaemonStatus;
  /** Reads the settings again and applies them without disconnecting a client. @throws Error in one line; then nothing is changed */
  reload(living?: boolean): Promise<Reloaded>;
  /** Ends it; resolves when everything is closed. @param drainMs how long requests in progress may take; a second call may shorten that */
  stop(drainMs?: number): Promise<void>;
  /** Resolves when it has ended for any reason. */
  readonly stopped: Promise<void>;
}

/** The version of the line that `ctl stats` prints, as the kernel's server numbers it. */
const statsVersion = 2;
const defaultDrainMs = 10_000;

/** The parts of a running daemon. */
class Running implements Controlled {
  readonly options: DaemonOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly debug: Debugging;
  readonly #manager: ServiceManager;
  readonly #serving: Serving;
  readonly #turns: LongTurns;
  readonly #lifecycle = new Lifecycle(() => this.#serving.steps());
  #store: StateStore | undefined;
  #console: Console | undefined;
  #namespaces: Namespaces | undefined;
  #guard: Guard | undefined;
  #configured: ConfiguredNamespace[] = [];
  #captures: Captures | undefined;
  #capture: CaptureFeed | undefined;
  #endControl: (() => Promise<void>) | undefined;
  #readyAt = 0;
  #lastControlAt = 0;
  /** The reload of each kind that has not begun. */
  readonly #reloads: Partial<Record<'true' | 'false', Promise<Reloaded> | undefined>> = {};
  #stopping: Promise<void> | undefined;
  #undo: Promise<Undo> | undefined;
  #ended = (): void => {};
  readonly stopped: Promise<void> = new Promise((resolve) => {
    this.#ended = resolve;
  });

  constructor(options: DaemonOptions) {
    this.options = options;
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? systemRandom();
    this.debug = new Debugging(options.log, this.clock);
    this.#manager = options.manager ?? noServiceManager;
    this.#turns = new LongTurns(options.log);
    const clock = this.#turns.clock(this.clock, 'timer of the file server');
    this.#serving = new Serving({ ...options, clock, random: this.random }, () => this.#ground());
    this.#readyAt = this.#lastControlAt = this.clock.now();
  }

  /** The parts that exist as long as the process, in the order in which they start; they end in reverse order. */
  #steps(): Step[] {
    const { netlink, control, console: http, capture, listening } = this.options;
    const steps: Step[] = [];
    if (listening !== undefined) steps.push({ name: 'listening socket', start: () => () => listening[Symbol.dispose]() });
    steps.push({ name: 'state directory', start: () => this.#openState() });
    if (control !== undefined) steps.push({ name: 'control socket', start: () => this.#listenControl(control) });
    if (http !== undefined) steps.push({ name: 'console', start: () => this.#openConsole(http) });
    steps.push({ name: 'namespaces', start: () => this.#openNamespaces() });
    if (netlink !== undefined) steps.push({ name: 'netlink socket', start: () => this.#listenNetlink(netlink) });
    if (capture !== undefined) steps.push({ name: 'capture', start: () => this.#openCapture(capture) });
    return steps;
  }

  /** @throws StepError after the steps before the failed one were undone */
  async start(): Promise<void> {
    this.#undo = startInOrder(this.#steps());
    await this.#undo;
    try {
      await this.#lifecycle.init();
      await this.#playCapture();
    } catch (error) {
      await this.stop(0);
      throw error;
    }
    this.#readyAt = this.#lastControlAt = this.clock.now();
    this.#manager.ready(this.#summary());
  }

  #openState(): () => void {
    const held = holdState(this.options.stateDir);
    try {
      const store = new StateStore(this.options.stateDir);
      this.#store = store;
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

  async #listenControl(path: string): Promise<() => Promise<void>> {
    socketFolder(path);
    const answered = (): void => {
      this.#lastControlAt = this.clock.now();
    };
    const server = await serveControl(path, { handlers: controlHandlers(this), answered, turns: this.#turns });
    let closed: Promise<void> | undefined;
    this.#endControl = () => (closed ??= server.close());
    return this.#endControl;
  }

  async #openConsole(options: ConsoleOptions): Promise<() => Promise<void>> {
    const { openConsole } = await import('./http/console.ts');
    const { stateDir, log } = this.options;
    const opened = await openConsole(options, {
      status: () => this.status(),
      stateDir,
      random: this.random,
      log: log.child({ part: 'console' }),
      turns: this.#turns,
    });
    opened.metrics.show(this.#turns.families());
    this.#console = opened;
    return () => opened.close();
  }

  #openNamespaces(): () => void {
    const namespaces = new Namespaces({
      clock: this.#turns.clock(this.clock, 'timer of the connection tracker'),
      random: this.random,
      log: this.options.log.child({ part: 'netlink' }),
      debug: this.debug.netfilter,
      took: (ms) => this.#turns.took('netlink request', ms),
    });
    this.#namespaces = namespaces;
    this.#configured = [new ConfiguredNamespace(namespaces.get().namespace)];
    this.#guard = new Guard(namespaces.get().namespace, this.options.log.child({ part: 'guard' }));
    const captures = new Captures({
      namespaces,
      clock: this.#turns.clock(this.clock, 'capture'),
      log: this.options.log,
      made: (namespace) => this.#configure(namespace),
    });
    this.#captures = captures;
    const shown = this.#console?.metrics.show(netfilterFamilies(namespaces));
    return () => {
      captures.close();
      shown?.[Symbol.dispose]();
      namespaces.close();
    };
  }

  /** Applies the configured policies, settings and rules to a namespace, now and at each reload, until it is deleted. */
  #configure(namespace: Namespace): void {
    const configured = new ConfiguredNamespace(namespace);
    this.#serving.fill(configured);
    this.#configured.push(configured);
    namespace.onClose(() => {
      this.#configured = this.#configured.filter((one) => one !== configured);
    });
  }

  #listenNetlink(path: string): () => void {
    socketFolder(path);
    const server = listenUnix(path, {
      namespace: (name) => this.#namespaces?.find(name)?.server,
      clock: this.clock,
      log: this.options.log.child({ part: 'netlink' }),
    });
    return () => server.close();
  }

  #openCapture(options: CaptureOptions): () => void {
    const feed = this.captures.open(options);
    this.#capture = feed;
    return () => feed.close();
  }

  async #playCapture(): Promise<void> {
    this.#capture?.start();
    if (this.options.capture?.speed === undefined) await this.#capture?.ended;
  }

  reload(living = false): Promise<Reloaded> {
    // requests that arrive before a reload has begun share it
    return (this.#reloads[`${living}`] ??= this.#lifecycle.alone(async () => {
      this.#reloads[`${living}`] = undefined;
      if (this.#lifecycle.state !== 'running')
        throw new Error(`nothing runs (state ${this.#lifecycle.state}): ring3 ctl start reads the configuration`);
      this.#manager.reloading();
      try {
        return await this.#turns.follow('reload', () => this.#serving.reload(living));
      } finally {
        this.#manager.ready(this.#summary());
      }
    }));
  }

  async init(): Promise<void> {
    await this.#turns.follow('start of the file server', () => this.#lifecycle.init());
    this.#manager.status(this.#summary());
  }

  async kill(): Promise<void> {
    const counts = this.#serving.fileServer?.server.view.counts();
    this.options.log.warn('hard kill: closing every connection of the file server', { ...counts });
    await this.#turns.follow('hard kill', () => this.#lifecycle.reset());
    this.#manager.status('the file server is down: ring3 ctl start');
  }

  stop(drainMs = this.options.drainMs ?? defaultDrainMs): Promise<void> {
    if (this.#stopping !== undefined) void this.#serving.fileServer?.drain(drainMs);
    return (this.#stopping ??= (async () => {
      this.#manager.stopping('clients finish');
      try {
        // the control socket works while clients finish, and is closed before the parts that it uses end
        await this.#lifecycle.shutdown(async () => {
          await this.#serving.fileServer?.drain(drainMs);
          await this.#endControl?.();
        });
        // it may still be starting: then its result is ended too; a failed start has undone itself
        const undo = await this.#undo?.catch(() => undefined);
        await undo?.();
      } finally {
        this.#ended();
      }
    })());
  }

  /** The parts that serving needs; they exist when it starts. */
  #ground(): Ground {
    const [store, guard] = [this.#store, this.#guard];
    if (store === undefined || guard === undefined) throw new Error('ring3 is starting');
    const metrics = this.#console?.metrics ?? noMetrics;
    return { stateDir: this.options.stateDir, store, guard, metrics, debug: this.debug.smb, configured: this.#configured };
  }

  get madeUser(): Credentials | undefined {
    return this.#serving.madeUser;
  }

  get namespaces(): Namespaces {
    if (this.#namespaces === undefined) throw new Error('ring3 is starting: there are no namespaces yet');
    return this.#namespaces;
  }

  get fileServer(): FileServer {
    const { fileServer } = this.#serving;
    if (fileServer === undefined) throw new Error(`the file server does not run (state ${this.#lifecycle.state})`);
    return fileServer;
  }

  get captures(): Captures {
    if (this.#captures === undefined) throw new Error('ring3 is starting: there are no namespaces yet');
    return this.#captures;
  }

  /** The line of the kernel's server: version, state, TCP port, whole seconds since the last control request. */
  stats(): string {
    const idle = Math.floor((this.clock.now() - this.#lastControlAt) / 1000);
    const port = this.#serving.fileServer?.server.address?.port ?? 0;
    return `${statsVersion} ${this.#lifecycle.state} ${port} ${idle}\n`;
  }

  /** The state of the daemon in one line of text. */
  #summary(): string {
    const { shares, smb } = this.status();
    return smb === undefined ? 'no file server' : `${shares.length === 1 ? 'a share' : `${shares.length} shares`} on ${smb}`;
  }

  status(): DaemonStatus {
    const { control, netlink, stateDir, config } = this.options;
    const address = this.#serving.fileServer?.server.address;
    return {
      state: this.#lifecycle.state,
      pid: process.pid,
      upSeconds: Math.floor((this.clock.now() - this.#readyAt) / 1000),
      shares: this.#serving.shares,
      ...(address === undefined ? {} : { smb: hostPort(address.host, address.port) }),
      ...(control === undefined ? {} : { control }),
      ...(netlink === undefined ? {} : { netlink }),
      ...(this.#console === undefined ? {} : { console: this.#console.url }),
      stateDir: resolve(stateDir),
      ...(config === undefined ? {} : { config: resolve(config) }),
    };
  }
}

/**
 * Starts a daemon.
 * @throws StepError with the name of the part that did not start, after the parts before it were undone
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const running = new Running(options);
  await running.start();
  const stop = (drainMs?: number): Promise<void> => running.stop(drainMs);
  return {
    get madeUser() {
      return running.madeUser;
    },
    status: () => running.status(),
    reload: (living) => running.reload(living),
    stop,
    stopped: running.stopped,
    [Symbol.asyncDispose]: () => stop(),
  };
}
