import type { DebugLine } from '@ring3/kit';
import type { ConnectionView, LockView, OpenView, SessionView } from '@ring3/smb-server';
import type { CaptureStatus } from '../capture-feed.ts';
import type { Reloaded } from '../change.ts';

/**
 * The control socket: a unix stream socket of mode 0600 in the runtime folder. A request is one JSON object on one line, its answer another;
 * answers come in the order of the requests. Whoever may connect may do all of it.
 */

/** What a request asks for. */
export interface ControlRequests {
  /** One line in the kernel server's format: `VERSION STATE PORT IDLE\n`. */
  stats: { readonly ask: Record<never, never>; readonly answer: string };
  /** What the daemon is and serves. */
  status: { readonly ask: Record<never, never>; readonly answer: DaemonStatus };
  /** Ends the daemon: requests under way finish, for so long at most (milliseconds). The answer comes when it has. */
  stop: { readonly ask: { readonly drainMs?: number | undefined }; readonly answer: null };
  /** The word `hard` resets the file server: every connection is torn down, the configuration forgotten, before the answer. Any other word does nothing. */
  kill: { readonly ask: { readonly word: string }; readonly answer: null };
  /** Starts the file server after a reset; the configuration is read again. */
  start: { readonly ask: Record<never, never>; readonly answer: null };
  /** Reads the configuration again and takes it over. `living`: clients that use what is gone or different are disconnected from it. */
  reload: { readonly ask: { readonly living?: boolean | undefined }; readonly answer: Reloaded };
  /**
   * The file server's debug switches in the kernel server's format, `[smb] auth vfs oplock ipc conn rdma \n`; those of the netfilter half, in the same way, where
   * that is meant. A word is toggled first; one that is no switch changes nothing. Those of the netfilter half need not say so, but for `all`.
   */
  debug: { readonly ask: { readonly word?: string | undefined; readonly netfilter?: boolean | undefined }; readonly answer: string };
  connections: { readonly ask: Filter; readonly answer: readonly Named<ConnectionView>[] };
  sessions: { readonly ask: Filter; readonly answer: readonly Named<SessionView>[] };
  opens: { readonly ask: Filter; readonly answer: readonly Named<OpenView>[] };
  /** Byte-range locks. */
  locks: { readonly ask: Filter; readonly answer: readonly LockView[] };
  /** Ends what a list names: a connection `c1`, a session `s1`, an open `o1`. */
  close: { readonly ask: { readonly id: string }; readonly answer: null };
  /** The rules of a namespace, in their order. */
  'rule list': { readonly ask: InNamespace; readonly answer: readonly RuleInList[] };
  /** Adds a rule at the end: the words of `ring3 rule add`. Answers as it is listed. */
  'rule add': { readonly ask: InNamespace & { readonly words: readonly string[] }; readonly answer: RuleInList };
  'rule delete': { readonly ask: InNamespace & { readonly id: number }; readonly answer: null };
  /** Answers how many there were. */
  'rule flush': { readonly ask: InNamespace; readonly answer: number };
  /** Settings of a namespace's tracker, `net.netfilter.nf_conntrack_*`; names with or without `net.netfilter.`. */
  'sysctl list': { readonly ask: InNamespace; readonly answer: readonly SysctlInList[] };
  'sysctl get': { readonly ask: InNamespace & { readonly name: string }; readonly answer: string };
  /** It holds at once, until the daemon ends or a configuration that names it is read again. */
  'sysctl set': { readonly ask: InNamespace & { readonly name: string; readonly value: string }; readonly answer: null };
  'namespace list': { readonly ask: Record<never, never>; readonly answer: readonly NamespaceInList[] };
  'namespace add': { readonly ask: { readonly name: string }; readonly answer: null };
  /** Ends a namespace and the sockets in it. */
  'namespace delete': { readonly ask: { readonly name: string }; readonly answer: null };
}

/** What is answered by line after line: `null` first, as any answer, then a JSON object on each line, until the peer closes. Nothing else can be asked on that socket. */
export interface ControlStreams {
  /** Debug lines as they are written. A peer that is too slow loses some, and is told how many. */
  'debug follow': { readonly ask: Record<never, never>; readonly line: DebugLine };
}

/** What of a list is wanted: all of these hold. Compared without case; `*` and `?` stand for others. Something that has no such field is not meant. */
export interface Filter {
  readonly user?: string | undefined;
  readonly share?: string | undefined;
  /** The client's address, with or without its port. */
  readonly peer?: string | undefined;
  readonly path?: string | undefined;
}

/** A thing with the name that `close` takes: its kind's letter and its number. */
export type Named<T extends { readonly id: number }> = Omit<T, 'id'> & { readonly id: string };

/** Which namespace is meant; `default` unless given. */
export interface InNamespace {
  readonly namespace?: string | undefined;
}

/** A rule with its number. */
export interface RuleInList {
  readonly id: number;
  /** What `rule add` takes. */
  readonly words: readonly string[];
}

/** A setting: its name as in `/proc/sys/net/netfilter`, and its value as text. */
export interface SysctlInList {
  readonly name: string;
  readonly value: string;
}

/** A namespace and how much is in it. */
export interface NamespaceInList {
  readonly name: string;
  readonly flows: number;
  readonly policies: number;
  readonly rules: number;
  /** Where a capture is played into it: how far. */
  readonly capture?: CaptureStatus | undefined;
}

export type ControlVerb = keyof ControlRequests;
export type ControlStream = keyof ControlStreams;
export type ControlRequest<V extends ControlVerb = ControlVerb> = { readonly do: V } & ControlRequests[V]['ask'];
/** `error` is one line for people. */
export type ControlAnswer<V extends ControlVerb = ControlVerb> =
  | { readonly ok: true; readonly answer: ControlRequests[V]['answer'] }
  | { readonly ok: false; readonly error: string };

export const lifecycleStates = ['startup', 'running', 'reset', 'shutdown'] as const;
export type LifecycleState = (typeof lifecycleStates)[number];

/** The answer to `status`. */
export interface DaemonStatus {
  readonly state: LifecycleState;
  readonly pid: number;
  /** Whole seconds since it became ready. */
  readonly upSeconds: number;
  /** `HOST:PORT`; missing where the file server is off. */
  readonly smb?: string;
  readonly shares: readonly string[];
  readonly control?: string;
  readonly netlink?: string;
  /** URL of numbers and status; missing where it is off. */
  readonly console?: string;
  /** Absolute paths: where state is kept, and the configuration where there is one. */
  readonly stateDir: string;
  readonly config?: string;
}

/** Bytes of a line at most: a peer that sends more is told so and cut off. */
export const longestLine = 65536;
