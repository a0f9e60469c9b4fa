import type { FileState } from '../state/index.ts';
import { guidKey } from '../values/guid-key.ts';
import type { ChannelConnection } from './channel.ts';
import type { Open } from './open.ts';

/** Lease, MS-SMB2 3.3.1.12: the key under which the opens of one client share their caching of a file. Its state is kept with the file. */
export class Lease {
  /** The owner of its oplock in the state of the file: from the sequence of the open ids. */
  readonly id: number;
  readonly name: string;
  readonly key: Uint8Array;
  /** 1 for SMB2_CREATE_REQUEST_LEASE, 2 for the V2 context: the form of its break notifications. */
  readonly version: 1 | 2;
  /** Lease.LeaseOpens. */
  readonly opens = new Set<Open>();
  /** The file, once a CREATE with this key was admitted. */
  file: { readonly state: FileState; readonly id: string } | undefined;
  /** Whether it is of a directory. */
  ofDirectory = false;
  /** CREATEs in progress that name it. */
  pending = 0;

  constructor(init: Pick<Lease, 'id' | 'name' | 'key' | 'version'>) {
    this.id = init.id;
    this.name = init.name;
    this.key = init.key;
    this.version = init.version;
  }

  /** Whether it belongs to the client of a connection. */
  isOf({ negotiated }: ChannelConnection): boolean {
    return this.name.startsWith(negotiated.clientKey);
  }

  /** Whether it is of another file, MS-SMB2 3.3.5.9.8: a client must not use one key for two files. */
  isOfOther(state: FileState, fileId: string): boolean {
    return this.file !== undefined && (this.file.state !== state || this.file.id !== fileId);
  }
}

/** The key of a lease in a map: its client and its key. */
export const leaseName = ({ clientKey }: { readonly clientKey: string }, key: Uint8Array): string => clientKey + guidKey(key);

/** Server.GlobalLeaseTableList, MS-SMB2 3.3.1.11: the leases by client and key. A lease exists while an open or a CREATE in progress names it. */
export class Leases {
  readonly #byName = new Map<string, Lease>();
  readonly #byId = new Map<number, Lease>();
  readonly #nextId: () => number;
  /** Number of leases of directories; 0: a change of an entry breaks nothing. */
  directories = 0;

  /** @param nextId the sequence of the open ids */
  constructor(nextId: () => number) {
    this.#nextId = nextId;
  }

  values(): Iterable<Lease> {
    return this.#byName.values();
  }

  get size(): number {
    return this.#byName.size;
  }

  /** Finds or adds a lease for a CREATE; `settle` ends that. */
  begin(connection: ChannelConnection, key: Uint8Array, version: 1 | 2): Lease {
    return this.restore(connection.negotiated, key, version);
  }

  /** The same for an open of an earlier server. @param client the key of its ClientGuid */
  restore(client: { readonly clientKey: string }, key: Uint8Array, version: 1 | 2): Lease {
    const name = leaseName(client, key);
    let lease = this.#byName.get(name);
    if (lease === undefined) {
      lease = new Lease({ id: this.#nextId(), name, key: new Uint8Array(key), version });
      this.#byName.set(name, lease);
      this.#byId.set(lease.id, lease);
    }
    lease.pending++;
    return lease;
  }

  /** The CREATE is over. @param open the open that it made, if any */
  settle(lease: Lease, open: Open | undefined): void {
    lease.pending--;
    if (open !== undefined && !open.closed) lease.opens.add(open);
    this.#drop(lease);
  }

  /** An open of the lease is closed. */
  closed(lease: Lease, open: Open): void {
    lease.opens.delete(open);
    this.#drop(lease);
  }

  /** A lease is of this file or directory, MS-SMB2 3.3.5.9.8. */
  bind(lease: Lease, state: FileState, fileId: string, ofDirectory: boolean): void {
    lease.file = { state, id: fileId };
    if (ofDirectory && !lease.ofDirectory) this.directories++;
    lease.ofDirectory = ofDirectory;
  }

  #drop(lease: Lease): void {
    if (lease.opens.size > 0) return;
    if (lease.pending > 0) return;
    if (!this.#byName.delete(lease.name)) return;
    if (lease.ofDirectory) this.directories--;
    this.#byId.delete(lease.id);
  }

  /** The lease of a client by its key. */
  find(connection: ChannelConnection, key: Uint8Array): Lease | undefined {
    return this.#byName.get(leaseName(connection.negotiated, key));
  }

  /** The owner of the lease of a name, {@link leaseName}, or 0. */
  ownerOf(name: string | undefined): number {
    return name === undefined ? 0 : (this.#byName.get(name)?.id ?? 0);
  }

  /** The lease that owns an oplock. */
  byId(id: number): Lease | undefined {
    return this.#byId.get(id);
  }
}
