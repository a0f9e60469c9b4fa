import type { Accounts } from './account-names.ts';
import type { Endpoint } from './endpoint.ts';
import { createEndpoint } from './endpoint.ts';
import { createLsarpc } from './lsarpc.ts';
import { srvsvc } from './srvsvc.ts';
import { wkssvc } from './wkssvc.ts';

/** A share as the pipes tell it. */
export interface PipeShare {
  readonly name: string;
  /** STYPE_* of MS-SRVS 2.2.2.4: 0 a folder, 0x80000003 the special IPC$. */
  readonly type: number;
  readonly comment: string;
  /** Listed only where it is asked for by name. */
  readonly hidden?: boolean;
  /** Connections that it takes at most; no limit where missing. */
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
  /** How many may be logged on. */
  readonly users: number;
  /** When idle clients are let go; 0: never. */
  readonly idleMs: number;
  /** The shares that this session may know of. */
  shares(): Iterable<PipeShare>;
  /** Milliseconds since 1970. */
  wall(): number;
  /** Hears what is asked and answered, while somebody does. */
  readonly told?: ((what: string, fields: Readonly<Record<string, unknown>>) => void) | undefined;
}

/** An open named pipe in message mode: DCE/RPC requests are written, answers read. */
export interface Pipe {
  /** Takes one write of the client's. @returns false where the connection of the pipe is broken by it */
  write(bytes: Uint8Array): boolean;
  /**
   * The next answer, or the rest of it.
   * @returns the bytes, and whether this answer has more than fitted; undefined when nothing waits
   */
  read(length: number): { readonly bytes: Uint8Array; readonly more: boolean } | undefined;
  /** The answers that wait, or what is left of them; they stay. */
  readonly waiting: readonly Uint8Array[];
  /** Bytes that it keeps: responses that wait, and a request whose last fragment is missing. */
  readonly held: number;
}

/** The interface of each pipe, made for one association. */
const interfaces = { srvsvc: () => srvsvc, wkssvc: () => wkssvc, lsarpc: createLsarpc };

/** Whether IPC$ has a pipe of this name, without regard to case. */
export const isPipeName = (name: string): boolean => Object.hasOwn(interfaces, name.toLowerCase());

/** Opens a pipe of IPC$ by its name (without regard to case). @returns undefined when there is none of that name */
export function openPipe(name: string, host: PipeHost): Pipe | undefined {
  const key = name.toLowerCase();
  if (!isPipeName(key)) return undefined;
  return pipeOver(createEndpoint(key, interfaces[key as keyof typeof interfaces](), host));
}

/** Bytes of answers that a client may leave unread; more breaks the pipe. */
const mostUnread = 4 * 1024 * 1024;

function pipeOver(endpoint: Endpoint): Pipe {
  const waiting: Uint8Array[] = [];
  let broken = false;
  let unread = 0;
  return {
    waiting,
    get held() {
      return unread + endpoint.held;
    },
    write: (bytes) => {
      if (broken) return false;
      const answers = endpoint.receive(bytes);
      for (const answer of answers ?? []) unread += answer.length;
      if (answers === undefined || unread > mostUnread) broken = true;
      else waiting.push(...answers);
      return !broken;
    },
    read: (length) => {
      const first = waiting[0];
      if (first === undefined) return undefined;
      if (first.length <= length) {
        waiting.shift();
        unread -= first.length;
        return { bytes: first, more: false };
      }
      waiting[0] = first.subarray(length);
      unread -= length;
      return { bytes: first.subarray(0, length), more: true };
    },
  };
}
