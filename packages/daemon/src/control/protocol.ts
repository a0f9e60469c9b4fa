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
