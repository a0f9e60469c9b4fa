import type { DebugLine } from '@ring3/kit';
import type { ChannelView, ConnectionView, LeaseView, LockView, OpenView, SessionView } from '@ring3/smb-server';
import type { CaptureCounts, CaptureStatus } from '../capture-feed.ts';
import type { Reloaded } from '../change.ts';

/**
 * The control socket: a unix stream socket of mode 0600 in the runtime directory. A request is one JSON object on one line, and so is its
 * response. Responses are sent in the order of the requests. Every program that can connect may send every request.
 */

/** The operations. */
export interface ControlRequests {
  /** One line in the format of the kernel's server: `VERSION STATE PORT IDLE\n`. */
  stats: { readonly ask: Record<never, never>; readonly answer: string };
  /** Version, addresses and directories of the daemon. */
  status: { readonly ask: Record<never, never>; readonly answer: DaemonStatus };
  /** Ends the daemon. Requests in progress may take so long (milliseconds). The response is sent at the end. */
  stop: { readonly ask: { readonly drainMs?: number | undefined }; readonly answer: null };
  /**
   * The word `hard` resets the file server: all connections are closed and the configuration is dropped before the response. Any other word
   * does nothing.
   */
  kill: { readonly ask: { readonly word: string }; readonly answer: null };
  /** Starts the file server after a reset with the configuration read again. */
  start: { readonly ask: Record<never, never>; readonly answer: null };
  /** Reads the configuration again and applies it. `living`: clients that use a removed or changed share are disconnected from it. */
  reload: { readonly ask: { readonly living?: boolean | undefined }; readonly answer: Reloaded };
  /**
   * The debug switches of the file server in the format of the kernel's server, `[smb] auth vfs oplock ipc conn rdma \n`, or those of the
   * netfilter half if requested. A word is toggled first; an unknown word changes nothing. Only `all` needs to name its half.
   */
  debug: { readonly ask: { readonly word?: string | undefined; readonly netfilter?: boolean | undefined }; readonly answer: string };
  connections: { readonly ask: Filter; readonly answer: readonly Named<ConnectionView>[] };
  sessions: { readonly ask: Filter; readonly answer: readonly Named<SessionView>[] };
  /** The connections of each session. */
  channels: { readonly ask: Filter; readonly answer: readonly ChannelView[] };
  opens: { readonly ask: OpenFilter; readonly answer: readonly Named<OpenView>[] };
  /** Byte-range locks. */
  locks: { readonly ask: Filter; readonly answer: readonly LockView[] };
  /** Leases: what clients may cache of files and directories. */
  leases: { readonly ask: Filter; readonly answer: readonly LeaseView[] };
  /** Closes an object by its name in a list: a connection `c1`, a session `s1`, an open `o1`. */
  close: { readonly ask: { readonly id: string }; readonly answer: null };
  /** The rules of a namespace, in their order. */
  'rule list': { readonly ask: InNamespace; readonly answer: readonly RuleInList[] };
  /** Adds a rule at the end, from the words of `ring3 rule add`. Returns it as the list shows it. */
  'rule add': { readonly ask: InNamespace & { readonly words: readonly string[] }; readonly answer: RuleInList };
  'rule delete': { readonly ask: InNamespace & { readonly id: number }; readonly answer: null };
  /** Returns the number of deleted rules. */
  'rule flush': { readonly ask: InNamespace; readonly answer: number };
  /** Settings of the tracker of a namespace, `net.netfilter.nf_conntrack_*`; names with or without `net.netfilter.`. */
  'sysctl list': { readonly ask: InNamespace; readonly answer: readonly SysctlInList[] };
  'sysctl get': { readonly ask: InNamespace & { readonly name: string }; readonly answer: string };
  /** Takes effect immediately, until the daemon ends or a configuration that sets it is read again. */
  'sysctl set': { readonly ask: InNamespace & { readonly name: string; readonly value: string }; readonly answer: null };
  'namespace list': { readonly ask: Record<never, never>; readonly answer: readonly NamespaceInList[] };
  'namespace add': { readonly ask: { readonly name: string }; readonly answer: null };
  /** Deletes a namespace and the sockets in it. */
  'namespace delete': { readonly ask: { readonly name: string }; readonly answer: null };
}

/**
 * Operations that return a stream: `null` first, as a usual response, then one JSON object on each line until the peer closes. The socket
 * accepts no other request.
 */
export interface ControlStreams {
  /** Debug lines as they are written. A peer that is too slow loses some, and receives the number of lost lines. */
  'debug follow': { readonly ask: Record<never, never>; readonly line: DebugLine };
  /**
   * Plays a capture file of the daemon's machine into a namespace, which is created if it does not exist; its progress every second and at
   * the end. It is stopped if the peer disconnects.
   */
  'capture play': { readonly ask: CaptureToPlay; readonly line: CaptureProgress };
}

/** A capture to play. */
export interface CaptureToPlay extends InNamespace {
  /** Absolute path of a pcap or pcapng file. */
  readonly path: string;
  /** Speed relative to the timestamps of the packets; missing: as fast as possible. */
  readonly speed?: number | undefined;
  /** Packets with wrong checksums are invalid; for a namespace that is created. */
  readonly checksums?: boolean | undefined;
}

/** The progress of a capture, and what it has added to its namespace so far. */
export interface CaptureProgress extends Omit<CaptureStatus, 'path'>, CaptureCounts {
  readonly namespace: string;
}

/**
 * Filters of a list; an object matches all of them. Compared without case, with the wildcards `*` and `?`. An object without such a field
 * does not match.
 */
export interface Filter {
  readonly user?: string | undefined;
  readonly share?: string | undefined;
  /** The address of the client, with or without the port. */
  readonly peer?: string | undefined;
  readonly path?: string | undefined;
}

/** Filters of the list of opens. */
export interface OpenFilter extends Filter {
  /** Only opens whose client is disconnected, or only others. */
  readonly detached?: boolean | undefined;
}

/** An object with the name that `close` accepts: the letter of its kind and its number. */
export type Named<T extends { readonly id: number }> = Omit<T, 'id'> & { readonly id: string };

/** The namespace; default: `default`. */
export interface InNamespace {
  readonly namespace?: string | undefined;
}

/** A rule with its number. */
export interface RuleInList {
  readonly id: number;
  /** The parameters of `rule add`. */
  readonly words: readonly string[];
}

/** A setting: its name as in `/proc/sys/net/netfilter`, and its value as text. */
export interface SysctlInList {
  readonly name: string;
  readonly value: string;
}

/** A namespace and the number of objects in it. */
export interface NamespaceInList {
  readonly name: string;
  readonly flows: number;
  readonly policies: number;
  readonly rules: number;
  /** The progress of the capture that is played into it, if there is one. */
  readonly capture?: CaptureStatus | undefined;
}

export type ControlVerb = keyof ControlRequests;
export type ControlStream = keyof ControlStreams;
export type ControlRequest<V extends ControlVerb = ControlVerb> = { readonly do: V } & ControlRequests[V]['ask'];
/** `error` is one line of text. */
export type ControlAnswer<V extends ControlVerb = ControlVerb> =
  | { readonly ok: true; readonly answer: ControlRequests[V]['answer'] }
  | { readonly ok: false; readonly error: string };

export const lifecycleStates = ['startup', 'running', 'reset', 'shutdown'] as const;
export type LifecycleState = (typeof lifecycleStates)[number];

/** The response to `status`. */
export interface DaemonStatus {
  readonly state: LifecycleState;
  readonly pid: number;
  /** Whole seconds since it became ready. */
  readonly upSeconds: number;
  /** `HOST:PORT`; missing if the file server does not run. */
  readonly smb?: string;
  readonly shares: readonly string[];
  readonly control?: string;
  readonly netlink?: string;
  /** URL of metrics and status; missing if the console is off. */
  readonly console?: string;
  /** Absolute paths of the state directory and of the configuration, if there is one. */
  readonly stateDir: string;
  readonly config?: string;
}

/** Maximum bytes of a line. A peer that sends more receives an error and is disconnected. */
export const longestLine = 65536;
