import { andThen, nextTurn, Turn } from '@ring3/kit';
import {
  type Access,
  type Answer,
  type Change,
  type Cursor,
  type Entry,
  type Handle,
  isCode,
  type Kind,
  type LinkTarget,
  type Listing,
  type ListWant,
  type LockKind,
  type Range,
  type RenameHow,
  type Space,
  type Stat,
  type StatChanges,
  type StreamEntry,
  type StreamHow,
  type VfsCode,
  type Watch,
  type WatchWant,
  type WriteHow,
} from '@ring3/vfs';
import type { HandleReference } from './messages.ts';
import { type Origin, together } from './reopen.ts';

/** The store of a handle, which makes its calls in the process. */
export interface StoreOfHandles {
  /** Whether the store is closed or has ended. */
  readonly stale: boolean;
  /** Makes a call. @param parameters evaluated when the call is sent */
  call<T>(
    target: ProcessHandle,
    method: string,
    parameters: () => readonly unknown[],
    signal?: AbortSignal,
  ): Promise<T | VfsCode> | VfsCode;
  /** Makes a call that returns a handle. */
  opened(target: ProcessHandle, method: string, parameters: () => readonly unknown[], origin: Origin, signal?: AbortSignal): Answer<Handle>;
  watch(handle: ProcessHandle, want: WatchWant, listener: (change: Change) => void): Answer<Watch>;
  /** Notes the new path of a renamed handle, and of those below it. */
  moved(handle: ProcessHandle, dir: ProcessHandle, name: string): void;
  /** Handles the close of a handle. */
  forget(handle: ProcessHandle): void;
}

/** Returns the process's number of a handle. EXDEV for a handle of another store, ESTALE for one that is lost. */
export function numberIn(store: StoreOfHandles, handle: Handle): number | VfsCode {
  if (!(handle instanceof ProcessHandle) || handle.store !== store) return 'EXDEV';
  return handle.number < 0 ? 'ESTALE' : handle.number;
}

/** In the place of the number of a handle that is lost. */
export const lost = Symbol('lost');
/** The number of a handle at present, which another process may have changed; `lost` for one that could not be opened again. */
export const numberNow = (handle: Handle | undefined): number | typeof lost | undefined =>
  handle === undefined ? undefined : (handle as ProcessHandle).number < 0 ? lost : (handle as ProcessHandle).number;

/** A handle in the server's process. */
export class ProcessHandle implements Handle {
  readonly store: StoreOfHandles;
  /** Its number in the process; -1 if it could not be opened again. */
  number: number;
  readonly origin: Origin;
  readonly fileId: string;
  readonly kind: Kind;
  name: string;
  #closed = false;

  constructor(store: StoreOfHandles, { handle, fileId, kind, name }: HandleReference, origin: Origin) {
    this.store = store;
    this.origin = origin;
    this.number = handle;
    this.fileId = fileId;
    this.kind = kind;
    this.name = name;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  stat(signal?: AbortSignal): Answer<Stat> {
    return this.#call('stat', [], signal);
  }

  read(target: Uint8Array, offset: number, signal?: AbortSignal): Answer<number> {
    const answer = this.#call<Uint8Array>('read', [target.length, offset], signal);
    return isCode(answer)
      ? answer
      : answer.then((bytes) => {
          if (isCode(bytes)) return bytes;
          target.set(bytes);
          return bytes.length;
        });
  }

  write(chunks: readonly Uint8Array[], offset: number, how?: WriteHow, signal?: AbortSignal): Answer<number> {
    return this.#call('write', [chunks, offset, how], signal);
  }

  truncate(size: number, signal?: AbortSignal): Answer<void> {
    return this.#call('truncate', [size], signal);
  }

  list(cursor: Cursor | undefined, { limit, stat, match }: ListWant, signal?: AbortSignal): Answer<Listing> {
    const part = this.#call<Listing>('list', [cursor, { limit, stat }], signal);
    return isCode(part) || match === undefined ? part : this.#matching(part, { limit, stat, match }, signal);
  }

  rename(dir: Handle, name: string, how?: RenameHow): Answer<void> {
    return andThen(this.#with<void>(dir, 'rename', [name, how]), (code) => {
      if (code === undefined) this.store.moved(this, dir as ProcessHandle, name);
      return code;
    });
  }

  unlink(): Answer<void> {
    return this.#call('unlink', []);
  }

  close(): Answer<void> {
    if (this.#closed) return undefined;
    this.#closed = true;
    this.store.forget(this);
    if (this.store.stale || this.number < 0) return undefined;
    return this.store.call(this, 'close', () => []);
  }

  reopen(access: Access, signal?: AbortSignal): Answer<void> {
    return andThen(this.#call<void>('reopen', [access], signal), (code) => {
      if (code === undefined) this.origin.access = together(this.origin.access, access);
      return code;
    });
  }

  flush(signal?: AbortSignal): Answer<void> {
    return this.#call('flush', [], signal);
  }

  setStat(changes: StatChanges): Answer<void> {
    return this.#call('setStat', [{ ...changes }]);
  }

  readLink(): Answer<LinkTarget> {
    return this.#call('readLink', []);
  }

  link(dir: Handle, name: string, how?: RenameHow): Answer<void> {
    return this.#with(dir, 'link', [name, how]);
  }

  streams(): Answer<readonly StreamEntry[]> {
    return this.#call('streams', []);
  }

  openStream(name: string, how: StreamHow, signal?: AbortSignal): Answer<Handle> {
    if (this.#closed) return 'ESTALE';
    const origin: Origin = { ...this.origin, stream: how.disposition === 'temporary' ? '' : name, access: how.access };
    return this.store.opened(this, 'openStream', () => [name, how], origin, signal);
  }

  getXattr(name: string): Answer<Uint8Array> {
    return this.#call('getXattr', [name]);
  }

  setXattr(name: string, value: Uint8Array | undefined): Answer<void> {
    return this.#call('setXattr', [name, value]);
  }

  listXattrs(): Answer<readonly string[]> {
    return this.#call('listXattrs', []);
  }

  getDescriptor(): Answer<Uint8Array> {
    return this.#call('getDescriptor', []);
  }

  setDescriptor(descriptor: Uint8Array): Answer<void> {
    return this.#call('setDescriptor', [descriptor]);
  }

  getObjectId(): Answer<Uint8Array> {
    return this.#call('getObjectId', []);
  }

  setObjectId(objectId: Uint8Array | undefined): Answer<void> {
    return this.#call('setObjectId', [objectId]);
  }

  allocate(size: number, signal?: AbortSignal): Answer<void> {
    return this.#call('allocate', [size], signal);
  }

  punch(offset: number, length: number, signal?: AbortSignal): Answer<void> {
    return this.#call('punch', [offset, length], signal);
  }

  ranges(offset: number, length: number, limit?: number, signal?: AbortSignal): Answer<readonly Range[]> {
    return this.#call('ranges', [offset, length, limit], signal);
  }

  copyRange(source: Handle, sourceOffset: number, offset: number, length: number, signal?: AbortSignal): Answer<number> {
    return this.#with(source, 'copyRange', [sourceOffset, offset, length], signal);
  }

  watch(want: WatchWant, listener: (change: Change) => void): Answer<Watch> {
    return this.#closed ? 'ESTALE' : this.store.watch(this, want, listener);
  }

  space(): Answer<Space> {
    return this.#call('space', []);
  }

  lock(offset: bigint, length: bigint, how: LockKind): Answer<void> {
    return this.#call('lock', [offset, length, how]);
  }

  checkUnlink(of?: 'newEntry'): Answer<void> {
    return this.#call('checkUnlink', [of]);
  }

  path(): Answer<readonly string[]> {
    return this.#call('path', []);
  }

  #call<T>(method: string, parameters: readonly unknown[], signal?: AbortSignal): Promise<T | VfsCode> | VfsCode {
    return this.#closed ? 'ESTALE' : this.store.call<T>(this, method, () => parameters, signal);
  }

  /** A call with another handle as its first parameter. */
  #with<T>(other: Handle, method: string, parameters: readonly unknown[], signal?: AbortSignal): Answer<T> {
    if (this.#closed) return 'ESTALE';
    const number = numberIn(this.store, other);
    return isCode(number) ? number : this.store.call<T>(this, method, () => [numberNow(other), ...parameters], signal);
  }

  /** For `cloneRange`, which only some stores have. */
  protected cloned(source: Handle, parameters: readonly number[], signal: AbortSignal | undefined): Answer<void> {
    return this.#with(source, 'cloneRange', parameters, signal);
  }

  /** Reads parts from `first` on until one has a matching entry. A function cannot be sent to the process. */
  async #matching(
    first: Promise<Listing | VfsCode>,
    want: ListWant & Required<Pick<ListWant, 'match'>>,
    signal: AbortSignal | undefined,
  ): Promise<Listing | VfsCode> {
    const { limit, stat, match } = want;
    const turn = new Turn();
    for (let part = await first; ; ) {
      if (isCode(part)) return part;
      const entries: Entry[] = [];
      for (const entry of part.entries) {
        if (match(entry.name)) entries.push(entry);
        if (!turn.over) continue;
        await nextTurn();
        turn.begin();
      }
      if (entries.length > 0 || part.cursor === undefined) return { ...part, entries };
      part = await this.#call<Listing>('list', [part.cursor, { limit, stat }], signal);
    }
  }
}

/** A handle of a store that can share blocks between files. */
export class SharingProcessHandle extends ProcessHandle {
  cloneRange(source: Handle, sourceOffset: number, offset: number, length: number, signal?: AbortSignal): Answer<void> {
    return this.cloned(source, [sourceOffset, offset, length], signal);
  }
}
