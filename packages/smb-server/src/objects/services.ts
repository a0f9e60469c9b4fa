import type { EventEmitter } from 'node:events';
import type { Clock, DebugSwitches, Log, Random } from '@ring3/kit';
import type { createAcceptor } from '@ring3/smb-proto';
import type { Allowance } from '../values/allowance.ts';
import type { Budget } from '../values/budget.ts';
import type { BufferPool } from '../values/buffer-pool.ts';
import type { Closing } from '../values/closing.ts';
import type { Coders } from '../values/coders.ts';
import type { DebugWord } from '../values/debug-words.ts';
import type { Actor, ServerEvents } from '../values/events.ts';
import type { Limits } from '../values/limits.ts';
import type { NetworkInterface } from '../values/network-interfaces.ts';
import type { RepeatedLog } from '../values/repeated-log.ts';
import type { Strangers } from '../values/strangers.ts';
import type { Users } from '../values/users.ts';
import type { Channel, ChannelConnection } from './channel.ts';
import type { DurableOpens } from './durable.ts';
import type { FileReports } from './file-reports.ts';
import type { HeldBreaks } from './held-breaks.ts';
import type { Leases } from './leases.ts';
import type { NameIds } from './name-ids.ts';
import type { ChangeWatch } from './notify/change-watch.ts';
import type { Numbers, RefusingLimit } from './numbers.ts';
import type { Open } from './open.ts';
import type { OpenTable } from './open-table.ts';
import type { Persistence } from './persistence.ts';
import type { Quotas } from './quotas.ts';
import type { ResolvedOptions } from './resolved-options.ts';
import type { Session } from './session.ts';
import type { Shares } from './shares.ts';
import type { TreeConnect } from './tree-connect.ts';
import type { WrittenDirectories } from './written-directories.ts';

/** A request that blocked the event loop. */
export interface BlockingRequest {
  readonly header: { readonly command: number };
  readonly tree: TreeConnect | undefined;
  readonly connection: { readonly id: number };
}

/** What of a server that closes is waited for. */
export interface Shutdown {
  /** Nothing new is accepted. */
  readonly begun: boolean;
  /** An open is closed; its store has released it when the promise resolves. It never rejects. */
  openClosed(open: Open, gone: Promise<void>): void;
  /** A tree or a session has ended; its opens and the share's directory are released when the promise resolves. It never rejects. */
  treeEnded(gone: Promise<void>): void;
  /** A connection has no request in flight any more. */
  connectionSettled(connection: ChannelConnection): void;
}

/**
 * Server, MS-SMB2 3.3.1.5, as its connections, their requests and their objects use it: the tables, the limits, and the receivers of reports.
 * `Server` implements it.
 */
export interface Services {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly debug: DebugSwitches<DebugWord>;
  readonly numbers: Numbers;
  readonly guid: Uint8Array;
  /** The current options; `configure` replaces the frozen object. A connection negotiates by those of its start. */
  readonly options: ResolvedOptions;
  readonly limits: Limits;
  readonly startTime: number;
  /** The serial number of the volume in information classes. */
  readonly volumeSerialNumber: number;
  /** Lists the addresses at which clients reach the server. */
  interfaces(): readonly NetworkInterface[];
  /** The security buffer of a NEGOTIATE response: the offered mechanisms, which do not depend on the options. */
  readonly securityBuffer: Uint8Array;

  /** Server.ConnectionList, by connection id. */
  readonly connections: ReadonlyMap<number, ChannelConnection>;
  /** Server.GlobalSessionTable, by session id. */
  readonly sessions: Map<number, Session>;
  readonly opens: OpenTable;
  /** What clients do with files. */
  readonly reports: FileReports;
  readonly shares: Shares;
  readonly users: Users;
  readonly durables: DurableOpens;
  readonly leases: Leases;
  readonly writtenDirectories: WrittenDirectories;
  /** Breaks that wait for the response to a CREATE. */
  readonly heldBreaks: HeldBreaks;
  /** What to do if an input of a state that decides later has to wait, by its ticket. */
  readonly undecided: Map<number, () => void>;
  /** Numbers for the names of open files. */
  readonly nameIds: NameIds;
  readonly persistence: Persistence;
  /** The listeners of the stores' changes. */
  readonly watches: Set<ChangeWatch>;
  readonly nextId: () => number;

  readonly buffers: BufferPool;
  readonly budget: Budget;
  /** Compressions and decompressions of all connections. */
  readonly coders: Coders;
  /** For frames that are announced and have not arrived. */
  readonly announced: Allowance;
  readonly strangers: Strangers;
  readonly quotas: Quotas;
  readonly closing: Closing;
  readonly shutdown: Shutdown;
  /** For lines that strangers can cause. */
  readonly repeated: RepeatedLog;
  /** Runs something in a later turn of the event loop. */
  defer(call: () => void): void;

  /** A limit rejects something. @param whom the user, or its address */
  refuse(limit: RefusingLimit, whom: Partial<Actor> | { readonly address: string }): void;
  /** The budget is exceeded: if that does not end in time, connections are ended. */
  crowded(): void;
  /**
   * Books bytes that are kept until a client requests them. @param bytes more, or less @returns false if that exceeds the limit; then
   * nothing was booked
   */
  keeps(session: Session, bytes: number): boolean;

  createAcceptor(connection: ChannelConnection): ReturnType<typeof createAcceptor>;
  /** Whether one more session may log on. @param instead the session that it replaces, if any */
  mayLogOn(session: Session, instead: Session | undefined): boolean;
  /** Whether a session may have a channel on one more connection. */
  mayBind(channel: Channel): boolean;
  /** A session has one more channel. */
  bound(channel: Channel): void;
  /** @param first whether it is the first logon of the session; on a further channel and later it is not */
  loggedOn(channel: Channel, first: boolean): void;
  logonFailed(connection: ChannelConnection, user: string, status: number): void;
  sessionEnded(session: Session): void;
  /** A user has logged on on a connection without a logon. */
  connectionLoggedOn(connection: ChannelConnection, owner: string): void;
  /** A connection no longer has a logon. */
  connectionLoggedOff(connection: ChannelConnection, owner: string): void;
  connectionEnded(connection: ChannelConnection, reason: string): void;

  readonly events: EventEmitter<ServerEvents>;
  /** A command blocked the event loop: logs it, at most once in ten seconds. @param ms for how long */
  held(request: BlockingRequest, ms: number): void;
  /** Logs and emits an unexpected internal error. */
  failed(error: unknown, about: Readonly<Record<string, unknown>>): void;
}
