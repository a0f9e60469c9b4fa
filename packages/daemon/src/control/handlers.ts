import { resolve } from 'node:path';
import type { Clock, MaybePromise } from '@ring3/kit';
import type { CaptureFeed } from '../capture-feed.ts';
import { type Captures, captureNamespace } from '../captures.ts';
import type { Reloaded } from '../change.ts';
import type { Debugging } from '../debugging.ts';
import type { FileServer } from '../file-server.ts';
import { defaultNamespace, type Namespaces } from '../namespaces.ts';
import { clientHandlers } from './clients.ts';
import type { ControlHandlers } from './peer.ts';
import type { CaptureProgress, DaemonStatus } from './protocol.ts';
import { addRule, deleteRule, listRules } from './rules.ts';
import { getSysctl, listSysctls, setSysctl } from './sysctls.ts';

/** The parts of a running daemon that the control socket uses. A part that does not exist at the moment throws an Error of one line. */
export interface Controlled {
  readonly namespaces: Namespaces;
  readonly fileServer: FileServer;
  readonly debug: Debugging;
  readonly captures: Captures;
  readonly clock: Clock;
  stats(): string;
  status(): DaemonStatus;
  /** Starts the file server after a reset. */
  init(): Promise<void>;
  /** The reset of a hard kill. */
  kill(): Promise<void>;
  reload(living: boolean): Promise<Reloaded>;
  stop(drainMs?: number): MaybePromise<void>;
}

/** The handler of each verb. */
export const controlHandlers = (daemon: Controlled): ControlHandlers => {
  const namespaceOf = (name: unknown) => daemon.namespaces.get(text(name, defaultNamespace)).namespace;
  return {
    stats: () => daemon.stats(),
    status: () => daemon.status(),
    stop: async ({ drainMs }) => {
      await daemon.stop(drainMs === undefined ? undefined : milliseconds(drainMs));
      return null;
    },
    kill: async ({ word }) => {
      if (/^hard\n?$/.test(text(word))) await daemon.kill();
      return null;
    },
    start: async () => {
      await daemon.init();
      return null;
    },
    reload: ({ living }) => daemon.reload(living === true),
    debug: ({ word, netfilter }) => daemon.debug.ask(word === undefined ? undefined : text(word), netfilter === true),
    'debug follow': () => daemon.debug.lines.follow(),
    ...clientHandlers(() => daemon.fileServer.server.view),
    'rule list': ({ namespace }) => listRules(namespaceOf(namespace)),
    'rule add': ({ namespace, words }) => addRule(namespaceOf(namespace), wordList(words)),
    'rule delete': ({ namespace, id }) => {
      deleteRule(namespaceOf(namespace), id);
      return null;
    },
    'rule flush': ({ namespace }) => namespaceOf(namespace).rules.flush(),
    'sysctl list': ({ namespace }) => listSysctls(namespaceOf(namespace)),
    'sysctl get': ({ namespace, name }) => getSysctl(namespaceOf(namespace), text(name)),
    'sysctl set': ({ namespace, name, value }) => {
      setSysctl(namespaceOf(namespace), text(name), text(value));
      return null;
    },
    'namespace list': () =>
      daemon.namespaces.list().map(({ name, namespace }) => ({
        name,
        flows: namespace.flowCount,
        policies: namespace.timeoutPolicies.size,
        rules: namespace.rules.size,
        ...optional('capture', daemon.captures.statusOf(name)),
      })),
    'capture play': ({ path, namespace, speed, checksums }) => {
      const options = { path: resolve(text(path)), speed: speedOf(speed), checksums: checksums === true };
      const name = text(namespace, captureNamespace);
      return progressOf(daemon.captures.open(options, name), name, daemon.clock);
    },
    'namespace add': ({ name }) => {
      daemon.namespaces.add(text(name));
      return null;
    },
    'namespace delete': ({ name }) => {
      daemon.namespaces.delete(text(name));
      return null;
    },
  };
};

/** An object with the value, if it is not undefined. */
const optional = <K extends string, T>(key: K, value: T | undefined): { readonly [P in K]?: T } =>
  value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: T });

/** Interval of the progress of a capture, milliseconds. */
const progressMs = 1000;

/** Plays a capture, and returns its progress until it has ended. It is stopped if the reader leaves. */
function progressOf(feed: CaptureFeed, namespace: string, clock: Clock): AsyncIterableIterator<CaptureProgress> {
  let over = false;
  feed.start();
  const lines: AsyncIterableIterator<CaptureProgress> = {
    [Symbol.asyncIterator]: () => lines,
    next: async () => {
      if (over) return { done: true, value: undefined };
      const { promise: later, resolve: awake } = Promise.withResolvers<void>();
      const timer = clock.after(progressMs, awake);
      await Promise.race([feed.ended, later]);
      timer.clear();
      const { path: _path, ...status } = feed.status();
      over ||= status.ended;
      return { done: false, value: { namespace, ...status, ...feed.counts() } };
    },
    return: async () => {
      over = true;
      feed.close();
      return { done: true, value: undefined };
    },
  };
  return lines;
}

function speedOf(value: unknown): number | undefined {
  if (value === undefined || (typeof value === 'number' && value > 0)) return value;
  throw new Error('speed: must be a number above 0');
}

/** A peer can send JSON of any shape. */
export function text(value: unknown, otherwise?: string): string {
  const found = value ?? otherwise;
  if (typeof found !== 'string') throw new Error('name: must be a string');
  return found;
}

function milliseconds(value: unknown): number {
  if (typeof value !== 'number' || !(value >= 0) || value > 3_600_000) throw new Error('drainMs: must be milliseconds from 0 to 3600000');
  return value;
}

function wordList(value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.some((word) => typeof word !== 'string')) throw new Error('words: must be a list of strings');
  return value;
}
