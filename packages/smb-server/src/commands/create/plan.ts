import type { CreateRequest, SecurityDescriptor } from '@ring3/smb-proto';
import { type Lease, leaseName } from '../../objects/leases.ts';
import type { AppInstance } from '../../objects/open.ts';
import type { WatchedDirectory } from '../../objects/outside-changes.ts';
import type { Trail } from '../../objects/resolve.ts';
import type { ContextOf } from '../../request/command.ts';
import type { LeaseGrant } from '../../state/index.ts';
import type { ParsedPath } from '../../values/paths.ts';

/** The lease that a CREATE requests, MS-SMB2 2.2.13.2.8 and 2.2.13.2.10. */
export interface LeaseRequest {
  readonly version: 1 | 2;
  readonly leaseKey: Uint8Array;
  readonly leaseState: number;
  /** Of version 2, if SMB2_LEASE_FLAG_PARENT_LEASE_KEY_SET. */
  readonly parentLeaseKey: Uint8Array | undefined;
  readonly epoch: number;
}

/** The durability that a CREATE requests, MS-SMB2 2.2.13.2.3 and 2.2.13.2.11. */
export interface DurableRequest {
  readonly version: 1 | 2;
  readonly createGuid: string | undefined;
  /** 0: the server's default. */
  readonly timeoutMs: number;
  /** SMB2_DHANDLE_FLAG_PERSISTENT. */
  readonly persistent: boolean;
}

/** The open that a CREATE reconnects to, MS-SMB2 2.2.13.2.4 and 2.2.13.2.12. */
export interface Reconnect {
  readonly version: 1 | 2;
  readonly persistentFileId: number;
  readonly createGuid: string | undefined;
  /** SMB2_DHANDLE_FLAG_PERSISTENT. */
  readonly persistent: boolean;
}

/** A CREATE in progress: the decoded request, and the requests of its contexts. */
export interface CreatePlan {
  readonly ctx: ContextOf<'tree'>;
  readonly request: CreateRequest;
  /** In a snapshot, it begins with the snapshot's token. */
  path: ParsedPath;
  /** Collected while its path was resolved. */
  readonly trail: Trail;
  /** From AlSi: bytes to reserve for a new file. */
  allocationSize: number;
  /** From SecD: the descriptor of a new file. */
  descriptor: SecurityDescriptor | undefined;
  /** From ExtA: attributes of a new file. */
  xattrs: ReadonlyMap<string, Uint8Array> | undefined;
  /** From MxAc, and whether it was sent. */
  wantsMaximalAccess: boolean;
  /** The maximal access of the opener: the response to MxAc. */
  maximalAccess: number;
  wantsOnDiskId: boolean;
  /** From DHnQ or DH2Q. */
  durableRequest: DurableRequest | undefined;
  /** From DHnC or DH2C. */
  reconnect: Reconnect | undefined;
  /** From the contexts of the application instance. */
  readonly appInstance: AppInstance;
  /** From RqLs. */
  leaseRequest: LeaseRequest | undefined;
  /** The lease of that key, during the CREATE. */
  lease: Lease | undefined;
  leaseGrant: LeaseGrant | undefined;
  /** The directory in which changes of others are watched, if something is to be cached. */
  watched: WatchedDirectory | 'unwatched' | 'full' | undefined;
  /** While it waits: ends that it counts as an open, before its open does. */
  unbook: (() => void) | undefined;
}

/** The lease of the directory that the client of a CREATE names, as the key of a map (`leaseName`), if it names one. */
export function parentLeaseOf({ ctx, leaseRequest }: CreatePlan): string | undefined {
  const key = leaseRequest?.parentLeaseKey;
  return key === undefined ? undefined : leaseName(ctx.connection.negotiated, key);
}
