/** A file of recorded responses, in the format of the recording tool. */
export interface OracleFile {
  readonly kernel: string;
  /** The recorded kernel module: `nfnetlink_cttimeout`, `nfnetlink_cthelper`. */
  readonly subsystem?: string;
  /** Its ticks per second. */
  readonly HZ?: number;
  readonly vectors?: readonly Vector[];
  readonly scenarios?: readonly object[];
}

/** Netlink messages and the kernel's responses. State is kept between the steps; each vector starts in a new namespace. */
export interface Vector {
  readonly name: string;
  readonly note?: string;
  readonly opts?: VectorOptions;
  readonly steps: readonly Step[];
}

/** The users that open and send. A user id, if present, is that of an ordinary user. */
export interface VectorOptions {
  readonly ext_ack?: number;
  readonly cap_ack?: number;
  readonly open_euid?: number;
  readonly send_euid?: number;
  /** Root of a user namespace that owns the network namespace. */
  readonly userns?: number;
  /** No destination address. */
  readonly noaddr?: number;
}

/** Sends a datagram (if `send` is present), then receives. */
export interface NetlinkStep {
  readonly op?: 'nl';
  readonly send?: string;
  readonly send_errno?: string;
  /** Label of the socket; default: `a`. */
  readonly sock?: string;
  readonly recv?: 'all' | 'none' | number;
  readonly recv_errno?: string;
  readonly bufsize?: number;
  /** The datagrams in hexadecimal, with `nlmsg_pid` zero. */
  readonly replies: readonly string[];
  readonly decoded?: readonly string[];
}

export interface SysctlStep {
  readonly op: 'sysctl';
  readonly get?: readonly string[];
  readonly set?: Readonly<Record<string, string | number>>;
  readonly values: Readonly<Record<string, string>>;
  readonly set_errno?: string;
}

export interface ShellStep {
  readonly op: 'sh';
  readonly cmd: string;
  readonly rc: number;
}

export interface CloseStep {
  readonly op: 'close';
  readonly sock?: string;
}

/** Joins multicast groups, to receive events. */
export interface JoinStep {
  readonly op: 'join';
  readonly sock?: string;
  readonly groups: readonly number[];
}

export type Step = NetlinkStep | SysctlStep | ShellStep | CloseStep | JoinStep;

/** The result of one vector or scenario. */
export type Outcome =
  | { readonly name: string; readonly kind: 'passed' }
  | { readonly name: string; readonly kind: 'skipped'; readonly reason: string }
  | { readonly name: string; readonly kind: 'failed'; readonly differences: readonly string[] };

/** A step that ring3 does not support: the rest of its vector is skipped. */
export class Unsupported extends Error {
  override readonly name = 'Unsupported';
}
