import { CreateAction, CreateOptions, type SecurityDescriptor } from '@ring3/smb-proto';
import type { Handle, Identity } from '@ring3/vfs';
import { cachedByOthers, type FileState, type Guard } from '../state/index.ts';
import type { LockSequences } from '../state/lock-sequences.ts';
import type { Actor } from '../values/events.ts';
import { RefCounted } from '../values/ref-counted.ts';
import { dataChanged } from './child-changes.ts';
import type { DirectoryCursor } from './cursor.ts';
import { unset } from './descriptors.ts';
import type { Durable } from './durable.ts';
import type { Lease } from './leases.ts';
import type { ChangeWatch } from './notify/change-watch.ts';
import { UserSet } from './noting.ts';
import type { WatchedDirectory } from './outside-changes.ts';
import type { PipeEnd } from './pipe-end.ts';
import type { Services } from './services.ts';
import type { Share } from './share.ts';
import type { TreeConnect } from './tree-connect.ts';

/**
 * The bits of CreateOptions that FileModeInformation keeps, MS-FSCC 2.4.24; the server ignores FILE_SYNCHRONOUS_IO_ALERT and _NONALERT
 * (MS-SMB2 2.2.13).
 */
const modeOfCreateOptions =
  CreateOptions.WriteThrough | CreateOptions.SequentialOnly | CreateOptions.NoIntermediateBuffering | CreateOptions.DeleteOnClose;
/** Open.AppInstanceId and Open.ApplicationInstanceVersion, MS-SMB2 3.3.1.10. */
export interface AppInstance {
  id: string | undefined;
  version: bigint | undefined;
}
const noInstance: AppInstance = { id: undefined, version: undefined };

/** The origin of an open: the values that it keeps without its tree connect. */
export interface OpenOrigin {
  readonly server: Services;
  readonly share: Share;
  readonly identity: Identity;
  readonly durableOwner: string;
  readonly quotaOwner: string;
  readonly actor: Actor;
  readonly clientKey: string;
  /** Undefined for an open that an earlier server made: its client has not reconnected yet. */
  readonly attachment: TreeConnect | undefined;
  /** Default: now. */
  readonly creationTime?: number;
}

/** The origin of an open that a CREATE on a tree connect makes. */
export const originOf = (tree: TreeConnect): OpenOrigin => {
  const { session, share, identity } = tree;
  const { server, owner: quotaOwner, actor, connection } = session;
  const durableOwner = session.identity.sid;
  return { server, share, identity, durableOwner, quotaOwner, actor, clientKey: connection.negotiated.clientKey, attachment: tree };
};

/** Open, MS-SMB2 3.3.1.10: a file, directory or pipe that a client has open. */
export class Open extends RefCounted {
  readonly persistentFileId: number;
  readonly volatileFileId: number;
  /** The owner of its oplock or lease in the state of the file. */
  readonly owner: number;
  readonly server: Services;
  readonly share: Share;
  /** The identity that acts on it: that of the user, or of the user that all clients of its share act as. */
  readonly identity: Identity;
  /** Open.DurableOwner: the SID of the user who had logged on. Only that user reconnects to it. */
  readonly durableOwner: string;
  /** The user that it counts for. */
  readonly quotaOwner: string;
  /** The client that used it last, for events. */
  actor: Actor;
  /** Open.TreeConnect, and through it Open.Session; undefined while the client is disconnected, MS-SMB2 3.3.1.10. */
  attachment: TreeConnect | undefined;
  /** Open.IsDurable with all that belongs to it; undefined if the open ends with its session. */
  durable: Durable | undefined;
  /** Granted access, generic rights expanded. */
  readonly grantedAccess: number;
  readonly createOptions: number;
  readonly pipe: PipeEnd | undefined;
  /** Open.OpenTime: milliseconds since 1970. */
  readonly creationTime: number;
  /** Open.ClientGuid, as the key of a map. */
  readonly clientKey: string;
  /** Open.CreateGuid, as the key of a map, if the CREATE had one. */
  readonly createGuid: string | undefined;
  readonly appInstance: AppInstance;
  /** The CreateAction of its CREATE, for a replay. */
  readonly createAction: 0 | 1 | 2 | 3;
  /** Open.IsReplayEligible: no request has used it yet. */
  replayEligible = true;
  /** Open.Lease. */
  readonly lease: Lease | undefined;
  /** The security descriptor of the directory that it was found in: the file inherits it if it has none of its own. */
  readonly parentDescriptor: SecurityDescriptor;
  /** The symbolic link that its name was resolved through. */
  readonly link: Handle | undefined;
  /** Components from the share's root as the client wrote them, stream included: for display and FileNameInformation. */
  pathName: string;
  /**
   * The ids of the directories from the share's root to the one that has its name, in this order; empty for the root and for a pipe. A
   * directory is found below another by this, never by its path.
   */
  ancestors: readonly string[];
  /** The same for the entry that its name leads to through a link, if the store knows its path; otherwise as `ancestors`. */
  readonly #targetAncestors: readonly string[] | undefined;
  /** The lease of its directory that its client named (Open.Lease.ParentLeaseKey), as the key of a map: its changes do not break that one. */
  readonly parentLease: string | undefined;
  /** If it caches: the directory in which changes of others are watched. */
  watched: WatchedDirectory | undefined;
  /** While the response of its CREATE is not sent: releases the breaks of its oplock or lease that are held until then. */
  answered: (() => void) | undefined;
  /** Where QUERY_DIRECTORY continues. */
  cursor: DirectoryCursor | undefined;
  /** The values of FilePositionInformation and FileModeInformation that the client set. */
  position: number | bigint = 0;
  mode: number;
  /** Bytes of data read and written through it. */
  bytesRead = 0;
  bytesWritten = 0;
  /** Open.ChannelSequence, and the requests of this and of earlier sequences that have no response yet. MS-SMB2 3.3.1.10. */
  channelSequence: number;
  outstandingRequestCount = 0;
  outstandingPreRequestCount = 0;
  /** Of a directory: the watch of CHANGE_NOTIFY, once there was a request. */
  watch: ChangeWatch | undefined;
  /** Open.LockSequenceArray; created when a LOCK has a number. */
  lockSequences: LockSequences | undefined;
  /** File descriptors that its handles hold, as counted; and the key of its directory, whose descriptors it shares. */
  fileDescriptors = 0;
  directory: string | undefined;
  /** Byte-range locks that are counted for its user. */
  locks = 0;
  /** Logically closed: it is in no table any more, even if requests still run on it. */
  closed = false;
  /** Persistent, of a server that ends: the next one restores it, so nothing is deleted when it is closed. */
  suspended = false;
  /** Bits of {@link UserSet}: times that the client of this open sets itself. */
  userSet = 0;
  /** Data was written through it; and its entry in the directories with such opens. */
  wrote = false;
  writtenIn: string | undefined;
  #handle: Handle | undefined;
  #base: Handle | undefined;
  #guard: Guard | undefined;
  #fileGuard: Guard | undefined;

  constructor(
    init: Pick<Open, 'persistentFileId' | 'volatileFileId' | 'grantedAccess' | 'createOptions' | 'handle' | 'pipe' | 'pathName'> & {
      readonly from: OpenOrigin;
      readonly channelSequence?: number;
      readonly base?: Handle | undefined;
      readonly link?: Handle | undefined;
      readonly lease?: Lease | undefined;
      readonly createGuid?: string | undefined;
      readonly createAction?: 0 | 1 | 2 | 3;
      readonly appInstance?: AppInstance;
      readonly parentDescriptor?: SecurityDescriptor;
      readonly ancestors?: readonly string[];
      readonly targetAncestors?: readonly string[] | undefined;
      readonly parentLease?: string | undefined;
    },
  ) {
    super();
    this.persistentFileId = init.persistentFileId;
    this.volatileFileId = init.volatileFileId;
    const { from } = init;
    this.server = from.server;
    this.share = from.share;
    this.identity = from.identity;
    this.durableOwner = from.durableOwner;
    this.quotaOwner = from.quotaOwner;
    this.actor = from.actor;
    this.attachment = from.attachment;
    this.creationTime = from.creationTime ?? this.server.clock.wall();
    this.grantedAccess = init.grantedAccess;
    this.createOptions = init.createOptions;
    this.mode = init.createOptions & modeOfCreateOptions;
    this.channelSequence = init.channelSequence ?? 0;
    this.#handle = init.handle;
    this.pipe = init.pipe;
    this.clientKey = from.clientKey;
    this.createGuid = init.createGuid;
    this.createAction = init.createAction ?? CreateAction.Opened;
    this.appInstance = init.appInstance ?? noInstance;
    this.lease = init.lease;
    this.owner = init.lease?.id ?? init.volatileFileId;
    this.#base = init.base;
    this.link = init.link;
    this.parentDescriptor = init.parentDescriptor ?? unset;
    this.pathName = init.pathName;
    this.ancestors = init.ancestors ?? [];
    this.#targetAncestors = init.targetAncestors;
    this.parentLease = init.parentLease;
  }

  /** The state of the files of its share. Only of a disk share. */
  get fileState(): FileState {
    return this.share.fileState as FileState;
  }

  /** The file or directory; absent for a pipe. */
  get handle(): Handle | undefined {
    return this.#handle;
  }

  /**
   * The object that deleting and renaming apply to: the link that its name was resolved through, else the file, directory or stream itself.
   * Absent for a pipe.
   */
  get named(): Handle | undefined {
    return this.link ?? this.#handle;
  }

  /** Of a named stream: the file or directory that it belongs to. */
  get base(): Handle | undefined {
    return this.#base;
  }

  /**
   * Becomes an open of the entry that has replaced its file (a link, or a file that was a link), or of the stream that has its data now.
   */
  become(handle: Handle, base?: Handle): void {
    this.#handle = handle;
    this.#base = base;
    this.#guard = undefined;
    this.#fileGuard = undefined;
  }

  /** Of an open of a file: the summary that reads and writes check before they submit anything to its state. */
  get guard(): Guard {
    return (this.#guard ??= this.fileState.guardOf((this.handle as Handle).fileId));
  }

  /** The guard of the whole file: for a named stream, of the file or directory that it belongs to. */
  get fileGuard(): Guard {
    return (this.#fileGuard ??= this.base === undefined ? this.guard : this.fileState.guardOf(this.base.fileId));
  }

  /** The id of the directory that has its name; undefined for the root and for a pipe. */
  get parentId(): string | undefined {
    return this.ancestors.at(-1);
  }

  /** The id of the directory whose listing describes its data and attributes: for the target of a link, the directory of the target. */
  get dataParentId(): string | undefined {
    return (this.link === undefined ? this.ancestors : (this.#targetAncestors ?? this.ancestors)).at(-1);
  }

  /** Whether what it has open is below a directory. */
  isBelow(directoryId: string): boolean {
    return this.ancestors.includes(directoryId) || (this.link !== undefined && this.#targetAncestors?.includes(directoryId) === true);
  }

  /** Whether it, its tree connect or its session has ended: then its requests end for that reason, and not because of a CANCEL. */
  get ending(): boolean {
    const tree = this.attachment;
    return this.closed || tree === undefined || tree.session.state === 'ended' || !tree.session.trees.has(tree.treeId);
  }

  /** A request uses it: a repeated CREATE does not return it any more, unless it is persistent. MS-SMB2 3.3.5. */
  used(): void {
    if (this.durable?.kind !== 'persistent') this.replayEligible = false;
  }

  /** Whether all of these rights were granted. */
  may(access: number): boolean {
    return (this.grantedAccess & access) === access;
  }

  /** Whether one of these rights was granted. */
  mayAny(access: number): boolean {
    return (this.grantedAccess & access) !== 0;
  }

  /** Its data was changed; the first change is an event. @param bytes written; 0 for another change */
  changed(bytes: number): void {
    this.bytesWritten += bytes;
    if ((this.userSet & UserSet.AccessTime) === 0) this.fileGuard.written = true;
    if (this.handle !== undefined && cachedByOthers(this.guard, this.owner)) dataChanged(this.fileState, this.handle.fileId, this.owner);
    if (this.wrote) return;
    this.wrote = true;
    this.server.writtenDirectories.add(this);
    this.server.reports.written(this);
  }
}
