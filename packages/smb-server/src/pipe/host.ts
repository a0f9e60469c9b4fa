import type { Accounts } from './account-names.ts';

/** A share as the pipes report it. */
export interface PipeShare {
  readonly name: string;
  /** STYPE_* of MS-SRVS 2.2.2.4: 0 a directory, 0x80000003 the special IPC$. */
  readonly type: number;
  readonly comment: string;
  /** Not listed, but found by its name. */
  readonly hidden?: boolean;
  /** Maximum number of connections; undefined: no limit. */
  readonly maxUses?: number;
}

/** The accounts of the server, for one session. */
export interface PipeAccounts extends Accounts {
  /** Whether the session may look accounts up: it is of a user, neither of a guest nor anonymous. */
  readonly mayLookUp: boolean;
  /** The user of the session; empty for an anonymous one. */
  readonly userName: string;
}

/** What the pipes report of the server. */
export interface PipeHost {
  readonly accounts: PipeAccounts;
  readonly serverName: string;
  readonly workgroup: string;
  readonly comment: string;
  /** Maximum number of logons. */
  readonly users: number;
  /** When idle clients are disconnected; 0: never. */
  readonly idleMs: number;
  /** The shares that this session may see. */
  shares(): Iterable<PipeShare>;
  /** Milliseconds since 1970. */
  wall(): number;
  /** Reports the calls and their results, while debug output is on. */
  readonly log?: ((what: string, fields: Readonly<Record<string, unknown>>) => void) | undefined;
}
