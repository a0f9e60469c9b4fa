import type { Clock, Timer } from '@ring3/kit';
import { Caching, cachingBits, type FileState } from '../state/index.ts';
import type { Open } from './open.ts';

/**
 * How an open outlives its connection, MS-SMB2 3.3.1.10: Open.IsDurable, as long as it caches its handle; Open.IsResilient, whatever it
 * caches; Open.IsPersistent, the end of the server as well.
 */
export type Durability = 'durable' | 'resilient' | 'persistent';

/** The part of an open that outlives its connection, with Open.DurableOpenTimeout or Open.ResiliencyTimeout. */
export interface Durable {
  readonly kind: Durability;
  /** 1 for SMB2_CREATE_DURABLE_HANDLE_REQUEST, 2 for its V2, 0 if its CREATE requested neither. */
  readonly version: 0 | 1 | 2;
  /** How long the open waits for its client, ms. */
  readonly timeoutMs: number;
}

/** Whether an open waits for its client after a lost connection, MS-SMB2 3.3.7.1. */
export const outlivesConnection = (open: Open): boolean =>
  open.durable !== undefined && (open.durable.kind !== 'durable' || keepsHandle(open));

/** Whether the caching of an open permits its client to reconnect: a batch oplock, or a lease with handle caching; not during a break. MS-SMB2 3.3.5.9.6, 3.3.7.1. */
export function keepsHandle(open: Open): boolean {
  if (open.handle?.kind !== 'file') return false;
  const { oplock, breaking } = open.fileState.look(open.handle.fileId, open.volatileFileId);
  return !breaking && (oplock === 'batch' || (open.lease !== undefined && (cachingBits[oplock] & Caching.Handle) !== 0));
}

/** The opens by what a later CREATE may name: the GUID of their CREATE, their AppInstanceId, or the id of one whose client is disconnected. */
export class DurableOpens {
  readonly #byCreateKey = new Map<string, Open>();
  readonly #byAppInstance = new Map<string, Set<Open>>();
  readonly #creating = new Set<string>();
  readonly #detached = new Map<number, { readonly open: Open; readonly timer: Timer; readonly fileId: string }>();
  /** Detached persistent opens: by their CreateGuid, and by the id of their file. */
  readonly #persistentByGuid = new Map<string, Open>();
  readonly #persistentByFile = new Map<string, Set<Open>>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Number of opens whose client is disconnected. */
  get detached(): number {
    return this.#detached.size;
  }

  /**
   * A CREATE with a GUID begins. `settle` ends it.
   * @param key the keys of ClientGuid and CreateGuid, joined
   * @returns false if one with the same GUID is in progress
   */
  begin(key: string): boolean {
    if (this.#creating.has(key)) return false;
    this.#creating.add(key);
    return true;
  }

  settle(key: string): void {
    this.#creating.delete(key);
  }

  /** An open was created, perhaps with a GUID. */
  created(open: Open): void {
    if (open.createGuid !== undefined) this.#byCreateKey.set(open.clientKey + open.createGuid, open);
    const { id } = open.appInstance;
    if (id === undefined) return;
    const opens = this.#byAppInstance.get(id);
    if (opens === undefined) this.#byAppInstance.set(id, new Set([open]));
    else opens.add(open);
  }

  /** The opens of an instance of an application, Open.AppInstanceId. */
  ofAppInstance(id: string): Iterable<Open> {
    return this.#byAppInstance.get(id) ?? [];
  }

  /** The open that a client created with this GUID, MS-SMB2 3.3.5.9.10. */
  createdBy(key: string): Open | undefined {
    return this.#byCreateKey.get(key);
  }

  /** The client is disconnected. @param expired called after the time-out of the open, MS-SMB2 3.3.2.2 */
  detach(open: Open, { timeoutMs }: Durable, expired: () => void): void {
    const fileId = open.handle?.fileId ?? '';
    this.#detached.set(open.persistentFileId, { open, timer: this.#clock.after(timeoutMs, expired), fileId });
    if (open.durable?.kind !== 'persistent') return;
    if (open.createGuid !== undefined) this.#persistentByGuid.set(open.createGuid, open);
    const opens = this.#persistentByFile.get(fileId);
    if (opens === undefined) this.#persistentByFile.set(fileId, new Set([open]));
    else opens.add(open);
  }

  /** A detached persistent open by its CreateGuid, MS-SMB2 3.3.5.9.12: its client may not have the response with its id. */
  findPersistent(createGuid: string): Open | undefined {
    return this.#persistentByGuid.get(createGuid);
  }

  /**
   * Whether a file has a persistent open whose client is disconnected and does not cache its handle, MS-SMB2 3.3.5.9: an open that does can be
   * broken, and its share mode holds.
   */
  waitsForClient(state: FileState, fileId: string): boolean {
    for (const open of this.#persistentByFile.get(fileId) ?? []) if (open.fileState === state && !keepsHandle(open)) return true;
    return false;
  }

  /** A detached open by its persistent id. */
  find(persistentFileId: number): Open | undefined {
    return this.#detached.get(persistentFileId)?.open;
  }

  /** The client has reconnected. */
  attach(open: Open): void {
    const detached = this.#detached.get(open.persistentFileId);
    if (detached === undefined) return;
    this.#detached.delete(open.persistentFileId);
    detached.timer.clear();
    if (open.createGuid !== undefined && this.#persistentByGuid.get(open.createGuid) === open)
      this.#persistentByGuid.delete(open.createGuid);
    const opens = this.#persistentByFile.get(detached.fileId);
    if (opens?.delete(open) === true && opens.size === 0) this.#persistentByFile.delete(detached.fileId);
  }

  closed(open: Open): void {
    this.attach(open);
    this.#closedInstance(open);
    if (open.createGuid === undefined) return;
    const key = open.clientKey + open.createGuid;
    if (this.#byCreateKey.get(key) === open) this.#byCreateKey.delete(key);
  }

  #closedInstance(open: Open): void {
    const { id } = open.appInstance;
    if (id === undefined) return;
    const opens = this.#byAppInstance.get(id);
    if (opens?.delete(open) === true && opens.size === 0) this.#byAppInstance.delete(id);
  }

  /** The detached opens. */
  all(): Open[] {
    return [...this.#detached.values()].map(({ open }) => open);
  }
}
