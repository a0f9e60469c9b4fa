import type { Vfs } from '@ring3/vfs';
import type { FileState } from '../state/index.ts';
import { userKey } from '../values/users.ts';
import { type NameOptions, NameRules } from './name-rules.ts';
import type { OutsideChanges } from './outside-changes.ts';
import { Pacer } from './pacer.ts';
import type { Session } from './session.ts';
import { type Snapshots, withSnapshots } from './snapshots.ts';
import { Tunnel } from './tunnel.ts';

/** The options of a share. Users are named by their logon names, without regard to case. */
export interface ShareOptions extends NameOptions {
  readonly vfs: Vfs;
  /** Nothing can be changed through this share, except by its writers. */
  readonly readOnly?: boolean;
  /** Whether guests and anonymous clients have access. */
  readonly guest?: boolean;
  /** Reject unencrypted access to this share. */
  readonly encryption?: 'off' | 'required';
  /** Share.CompressData, MS-SMB2 3.3.1.6: clients are asked to compress what they read and write here, if the server compresses. */
  readonly compressData?: boolean;
  /** The users with access. Default: all that have logged on. */
  readonly users?: readonly string[];
  /** Users without access, even if another option gives it. */
  readonly invalidUsers?: readonly string[];
  /** Users that may only read, even if they are writers. */
  readonly readers?: readonly string[];
  /** Users that may write although the share is read-only. Never a guest. */
  readonly writers?: readonly string[];
  /** Who administers it: privileges of MS-LSAD 3.1.1.2.1, and the group BUILTIN\\Administrators. Never a guest. */
  readonly admins?: readonly string[];
  /**
   * All users act here as this user of the server: it owns new files, and descriptors are checked for it. Access to the share is still
   * checked for the user who logged on.
   */
  readonly forceUser?: string;
  /** Earlier states of the directory, which clients can list and read. Default: none. */
  readonly snapshots?: Snapshots;
  /** Whether clients are notified of changes, if the store can do so. Default: yes. */
  readonly changeNotify?: boolean;
  /** Whether oplocks are granted here. Default: yes. */
  readonly oplocks?: boolean;
  /** Whether leases of directories are granted here, as far as oplocks are. Default: yes. */
  readonly directoryLeases?: boolean;
  /**
   * Share.IsCA, MS-SMB2 3.3.1.6: opens may be persistent, if the server has `persistentOpens` and the store has `stableIds`. Default: no.
   */
  readonly continuousAvailability?: boolean;
  /**
   * Whether byte-range locks of clients are locks for other programs of the host, and theirs for clients, if the store can do so. Default:
   * yes.
   */
  readonly posixLocks?: boolean;
  /** Maximum number of tree connects at a time; 0 or undefined: no limit. */
  readonly maxConnections?: number;
  readonly comment?: string;
  /** Left out of the list of shares. */
  readonly hidden?: boolean;
}

/** Share, MS-SMB2 3.3.1.6. */
export class Share {
  readonly name: string;
  readonly options: ShareOptions | undefined;
  readonly fileState: FileState | undefined;
  /** The store, wrapped for the server. */
  readonly vfs: Vfs | undefined;
  /** Changes that others make in the store. */
  readonly outside: OutsideChanges | undefined;
  readonly names: NameRules;
  /** Removed names, if entries have short names. */
  readonly tunnel: Tunnel | undefined;
  /** Shared by the shares of one store. */
  readonly pacer: Pacer;

  /** Without options: IPC$. @throws RangeError for invalid options */
  constructor(
    name: string,
    options?: ShareOptions,
    fileState?: FileState,
    vfs = options?.vfs,
    outside?: OutsideChanges,
    pacer = new Pacer(),
  ) {
    this.name = name;
    this.options = options;
    this.fileState = fileState;
    this.vfs = vfs === undefined || options?.snapshots === undefined ? vfs : withSnapshots(vfs, options.snapshots);
    this.outside = outside;
    this.pacer = pacer;
    this.names = new NameRules(options);
    this.tunnel = this.names.shortNames ? new Tunnel() : undefined;
    const { maxConnections = 0 } = options ?? {};
    if (!Number.isInteger(maxConnections) || maxConnections < 0)
      throw new RangeError(`invalid number of connections ${maxConnections}: 0 (no limit) or a positive integer`);
  }

  get isPipe(): boolean {
    return this.options === undefined;
  }

  get comment(): string {
    return this.options?.comment ?? (this.isPipe ? 'IPC Service' : '');
  }

  get hidden(): boolean {
    return this.options?.hidden === true || this.name.endsWith('$');
  }

  /** The session's access to the share: none, read, or write, by the lists of the share; the descriptors of files are checked later. */
  accessOf(session: Session): 'none' | 'read' | 'write' {
    const { options } = this;
    if (options === undefined) return session.isGuest || session.isAnonymous ? 'read' : 'write';
    const { isGuest, isAnonymous, identity } = session;
    const hasNoAccount = isGuest || isAnonymous;
    const named = (list: readonly string[] | undefined): boolean | undefined =>
      list === undefined ? undefined : names(list, identity.name);
    if (named(options.invalidUsers) === true || (hasNoAccount && options.guest !== true)) return 'none';
    if (named(options.users) === false && !(isGuest && options.guest === true)) return 'none';
    if (named(options.readers) === true) return 'read';
    const writes = options.readOnly !== true || (!hasNoAccount && named(options.writers) === true);
    return writes ? 'write' : 'read';
  }

  /** Whether the session administers the share. */
  isAdmin({ isGuest, isAnonymous, identity }: Session): boolean {
    const { admins } = this.options ?? {};
    return admins !== undefined && !isGuest && !isAnonymous && names(admins, identity.name);
  }
}

const names = (list: readonly string[], user: string): boolean => list.some((name) => userKey(name) === userKey(user));
