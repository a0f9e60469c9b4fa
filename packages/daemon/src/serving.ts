import type { Clock, DebugSwitches, Log, MaybePromise, Metrics, Random } from '@ring3/kit';
import type { DebugWord } from '@ring3/smb-server';
import { Audit } from './audit/audit.ts';
import { type Change, differing, type Reloaded } from './change.ts';
import type { ConfiguredNamespace } from './configured-namespace.ts';
import { FileServer } from './file-server.ts';
import type { Guard } from './guard.ts';
import type { ListeningSocket } from './service/listening-socket.ts';
import type { Credentials, Settings } from './settings.ts';
import type { Step } from './start-in-order.ts';
import type { StateStore } from './state-store.ts';

/** The source of settings. A function is called at each start of the file server and at each reload, with the state store. */
export type SettingsSource = Settings | ((state: StateStore) => MaybePromise<Settings>);

/** The parts that serving uses. A reset does not end them. */
export interface Ground {
  readonly stateDir: string;
  readonly store: StateStore;
  readonly guard: Guard;
  readonly metrics: Metrics;
  readonly debug: DebugSwitches<DebugWord>;
  /** The namespaces to which configured policies and rules apply. */
  readonly configured: readonly ConfiguredNamespace[];
}

/** Options of `Serving`. */
export interface ServingOptions {
  readonly settings?: SettingsSource | undefined;
  readonly listening?: ListeningSocket | undefined;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
}

/** Everything that depends on the settings: init starts it, a reload changes it, a reset ends it. */
export class Serving {
  readonly #options: ServingOptions;
  readonly #ground: () => Ground;
  #settings: Settings = {};
  #fileServer: FileServer | undefined;
  #audit: Audit | undefined;
  #madeUser: Credentials | undefined;

  /** @param ground called when it starts */
  constructor(options: ServingOptions, ground: () => Ground) {
    this.#options = options;
    this.#ground = ground;
  }

  /** The steps of init, which a reset undoes. */
  steps(): Step[] {
    return [
      { name: 'configuration', start: () => this.#configure() },
      { name: 'policies and rules', start: () => this.#fillNamespaces() },
      { name: 'audit', start: () => this.#startAudit() },
      { name: 'file server', start: () => this.#startFileServer(this.#settings) },
    ];
  }

  /** Undefined if it does not run. */
  get fileServer(): FileServer | undefined {
    return this.#fileServer;
  }

  /** The user that was created because there was none; it stays for the life of the process. */
  get madeUser(): Credentials | undefined {
    return this.#madeUser;
  }

  /** Names of the shares in the settings. */
  get shares(): string[] {
    return (this.#settings.shares ?? []).map(({ name }) => name);
  }

  /** Reads the settings again and applies them. @throws Error in one line; then nothing is changed */
  async reload(living: boolean): Promise<Reloaded> {
    const settings = await this.#read();
    const changes = await this.#apply(settings, living);
    this.#settings = settings;
    for (const { what, how, keys = [] } of changes) this.#options.log.info('configuration changed', { what, how, keys });
    return { changes, warnings: settings.warnings ?? [] };
  }

  async #configure(): Promise<() => void> {
    this.#settings = await this.#read();
    return () => {
      this.#settings = {};
    };
  }

  async #read(): Promise<Settings> {
    const { settings = {}, log } = this.#options;
    const read = typeof settings === 'function' ? await settings(this.#ground().store) : settings;
    for (const warning of read.warnings ?? []) log.warn(warning);
    return read;
  }

  /** Policies and rules are independent of the file server: a reset keeps them and the flows that use them. */
  #fillNamespaces(): () => void {
    for (const namespace of this.#ground().configured) namespace.apply(this.#settings);
    return () => {};
  }

  /** Applies the present settings to a namespace that was created after the start. @throws Error in one line */
  fill(namespace: ConfiguredNamespace): void {
    namespace.apply(this.#settings);
  }

  async #startAudit(): Promise<() => Promise<void>> {
    const { clock, log } = this.#options;
    const audit = new Audit({ stateDir: this.#ground().stateDir, clock, log: log.child({ part: 'audit' }) });
    await audit.apply(this.#settings);
    this.#audit = audit;
    return () => audit.close();
  }

  async #startFileServer(wanted: Settings): Promise<() => Promise<void>> {
    const { smb, shares = [], makeUser } = wanted;
    if (smb !== undefined && shares.length > 0) {
      const { log, clock, random, listening } = this.#options;
      const { stateDir, store, guard, metrics, debug } = this.#ground();
      const once = makeUser && (() => (this.#madeUser ??= makeUser()));
      const settings = { ...wanted, ...(once === undefined ? {} : { makeUser: once }) };
      this.#fileServer = await FileServer.start(settings, smb, {
        stateDir,
        store,
        clock,
        random,
        log,
        metrics,
        debug,
        listening,
        carry: guard.carry,
      });
      this.#audit?.attach(this.#fileServer.server.events);
    }
    return async () => {
      const fileServer = this.#fileServer;
      this.#fileServer = undefined;
      await fileServer?.close();
    };
  }

  async #serve(settings: Settings, living: boolean): Promise<Change[]> {
    if (this.#fileServer !== undefined) return this.#fileServer.apply(settings, living);
    await this.#startFileServer(settings); // if this adds the first share
    return this.#fileServer === undefined
      ? []
      : (settings.shares ?? []).map(({ name }) => ({ what: `share ${name}`, how: 'added', holds: 'now' }));
  }

  /** Each part applies the settings. If one fails, the parts before it are restored. */
  async #apply(settings: Settings, living: boolean): Promise<Change[]> {
    const { configured } = this.#ground();
    try {
      const [changes = []] = configured.map((namespace) => namespace.apply(settings)); // those of a capture are the same
      const audited = (await this.#audit?.apply(settings)) ?? [];
      return [...changes, ...audited, ...(await this.#serve(settings, living)), ...atRestart(this.#settings, settings)];
    } catch (error) {
      for (const namespace of configured) namespace.apply(this.#settings);
      await this.#audit?.apply(this.#settings);
      throw error;
    }
  }
}

function atRestart({ atRestart: before = {} }: Settings, { atRestart: after = {} }: Settings): Change[] {
  return differing(before, after).map((what) => ({
    what,
    how: 'changed',
    keys: differing(before[what] ?? {}, after[what] ?? {}),
    holds: 'restart',
  }));
}
