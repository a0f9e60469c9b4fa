import type { CaptureStatus } from '../capture-feed.ts';

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
  /** Ends the daemon; the answer comes before it does. */
  stop: { readonly ask: Record<never, never>; readonly answer: null };
  /** The rules of a namespace, in their order. */
  'rule list': { readonly ask: InNamespace; readonly answer: readonly RuleInList[] };
  /** Adds a rule at the end: the words of `ring3 rule add`. Answers as it is listed. */
  'rule add': { readonly ask: InNamespace & { readonly words: readonly string[] }; readonly answer: RuleInList };
  'rule delete': { readonly ask: InNamespace & { readonly id: number }; readonly answer: null };
  /** Answers how many there were. */
  'rule flush': { readonly ask: InNamespace; readonly answer: number };
  'namespace list': { readonly ask: Record<never, never>; readonly answer: readonly NamespaceInList[] };
  'namespace add': { readonly ask: { readonly name: string }; readonly answer: null };
  /** Ends a namespace and the sockets in it. */
  'namespace delete': { readonly ask: { readonly name: string }; readonly answer: null };
}

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
export type ControlRequest<V extends ControlVerb = ControlVerb> = { readonly do: V } & ControlRequests[V]['ask'];
/** `error` is one line for people. */
export type ControlAnswer<V extends ControlVerb = ControlVerb> =
  | { readonly ok: true; readonly answer: ControlRequests[V]['answer'] }
  | { readonly ok: false; readonly error: string };

export type LifecycleState = 'startup' | 'running' | 'reset' | 'shutdown';

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
}

/** Bytes of a line at most: a peer that sends more is told so and cut off. */
export const longestLine = 65536;
