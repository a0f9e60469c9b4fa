import { type ChildProcess, fork } from 'node:child_process';
import { nextTurn, Turn } from '@ring3/kit';
import {
  type Access,
  type Answer,
  type Change,
  type Cursor,
  type Entry,
  type Feature,
  type Handle,
  type Identity,
  isCode,
  type Kind,
  type LinkTarget,
  type Listing,
  type ListWant,
  type LockKind,
  type OpenHow,
  type Range,
  type RenameHow,
  type Space,
  type Stat,
  type StatChanges,
  type StreamEntry,
  type StreamHow,
  type Vfs,
  type VfsCode,
  VfsError,
  type Watch,
  type WatchWant,
  type WriteHow,
} from '@ring3/vfs';
import type { NodeStoreOptions } from '../node-store.ts';
import type {
  CallMessage,
  ChangeMessage,
  ErrorMessage,
  HandleReference,
  LookedMessage,
  LookMessage,
  OpenedMessage,
  ReplyMessage,
  ServeMessage,
} from './messages.ts';

/** The program: the source in a checkout, otherwise the compiled file. */
const isSource = import.meta.url.endsWith('.ts');
const program = new URL(`./store-process.${isSource ? 'ts' : 'js'}`, import.meta.url);

/** Threads of a store's process: its maximum of concurrent data calls into the file system. */
const threads = '8';

/** A directory that is served by a separate process. */
export interface OpeningStore {
  /**
   * The store, when the directory is open. The promise remains pending while the file system does not respond.
   * @throws VfsError as `createNodeStore`, and errors of `optionsOf`
   */
  readonly store: Promise<Vfs>;
  /** Kills the process, even if it is blocked. Only useful before the store is open. */
  abandon(): void;
  /** Resolves when the process has exited. */
  readonly ended: Promise<void>;
}

/**
 * Serves a directory of the host, as `createNodeStore` does, but a separate process makes every call. Use it for file systems that may be
 * slow or may hang: then only the callers of this store wait, and this process can exit; a thread that is blocked in a file system prevents
 * the exit of its process. `docs/decisions/0075-slow-stores.md`.
 * @param optionsOf called when the directory was found, with its absolute path without symbolic links
 */
export function openStoreInProcess(directory: string, optionsOf: (real: string) => NodeStoreOptions): OpeningStore {
  const { RING3_PASSWORD: _secret, ...environment } = process.env;
  const child = fork(program, {
    execArgv: isSource ? ['--conditions=@ring3/source'] : [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...environment, UV_THREADPOOL_SIZE: threads },
  });
  const open = async (): Promise<Vfs> => {
    const { real, error: missing } = await next<LookedMessage>(child, { look: directory });
    if (real === undefined) throw thrown(missing);
    const { features, error } = await next<OpenedMessage>(child, { serve: directory, options: optionsOf(real) });
    if (features === undefined) throw thrown(error);
    return new ProcessStore(child, new Set(features as Feature[]));
  };
  const store = open();
  store.catch(() => end(child));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return { store, ended, abandon: () => end(child) };
}

/** Kills a process that may hang, without waiting for it. */
function end(child: ChildProcess): void {
  child.kill('SIGKILL');
  if (child.connected) child.disconnect();
  child.unref();
}

/** Sends one message and waits for the reply. */
function next<T>(child: ChildProcess, message: LookMessage | ServeMessage): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (error?: Error | number | null): void => {
      child.off('message', replied).off('exit', ended).off('error', ended);
      reject(error instanceof Error ? error : new Error('the process of the store ended'));
    };
    const replied = (reply: unknown): void => {
      child.off('exit', ended).off('error', ended);
      resolve(reply as T);
    };
    child.once('message', replied).once('exit', ended).once('error', ended);
    child.send(message);
  });
}

const thrown = ({ message, code }: ErrorMessage = { message: 'the process of the store ended' }): Error => {
  if (code === undefined) return new Error(message);
  const error = new VfsError(code, message);
  error.message = message; // it already contains the code
  return error;
};

/** Maximum time for closing a store, ms. */
const closeMs = 1000;

interface Pending {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

/** The store in the server's process. */
class ProcessStore implements Vfs {
  readonly features: ReadonlySet<Feature>;
  readonly handles = new Map<number, ProcessHandle>();
  readonly listeners = new Map<number, (change: Change) => void>();
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  readonly #Handle: typeof ProcessHandle;
  #lastCall = 0;
  #lastWatch = 0;
  #closed: Promise<void> | undefined;
  #ended = false;

  constructor(child: ChildProcess, features: ReadonlySet<Feature>) {
    this.#child = child;
    this.features = features;
    this.#Handle = features.has('clone') ? SharingProcessHandle : ProcessHandle;
    child.on('message', (message: unknown) => this.#receive(message as ReplyMessage | ChangeMessage));
    child.on('error', (error) => this.#end(error));
    child.on('exit', () => this.#end(new Error('the process of the store ended')));
  }

  root(who: Identity, signal?: AbortSignal, same?: Handle): Answer<Handle> {
    const number = same === undefined ? undefined : this.numberOf(same);
    return typeof number === 'string' ? number : this.opened(0, 'root', [who, number], signal);
  }

  open(dir: Handle, name: string, how: OpenHow, who: Identity, signal?: AbortSignal): Answer<Handle> {
    const number = this.numberOf(dir);
    return typeof number === 'string' ? number : this.opened(0, 'open', [number, name, how, who], signal);
  }

  /**
   * Closes the store. If it has not closed after `closeMs`, its file system hangs, and the process is killed without waiting for its exit.
   */
  close(): Promise<void> {
    this.#closed ??= new Promise((done) => {
      if (this.#ended) return done();
      const timer = setTimeout(() => {
        end(this.#child);
        this.#end(new Error('the process of the store does not respond'));
        done();
      }, closeMs);
      this.#child.once('exit', () => {
        clearTimeout(timer);
        done();
      });
      void this.#post(0, 'close', []);
    });
    return this.#closed;
  }

  get stale(): boolean {
    return this.#closed !== undefined || this.#ended;
  }

  /** Returns the process's number of a handle. EXDEV for a handle of another store. */
  numberOf(handle: Handle): number | VfsCode {
    return handle instanceof ProcessHandle && handle.store === this ? handle.number : 'EXDEV';
  }

  /** Makes a call that returns a handle. */
  opened(handle: number, method: string, parameters: readonly unknown[], signal?: AbortSignal): Answer<Handle> {
    const answer = this.call<HandleReference>(handle, method, parameters, signal);
    return isCode(answer)
      ? answer
      : (answer as Promise<HandleReference | VfsCode>).then((reference) => {
          if (isCode(reference)) return reference;
          const made = new this.#Handle(this, reference);
          this.handles.set(reference.handle, made);
          return made;
        });
  }

  /** Makes a call in the process. @param handle 0 for the store */
  call<T>(handle: number, method: string, parameters: readonly unknown[], signal?: AbortSignal): Promise<T | VfsCode> | VfsCode {
    if (this.stale) return 'ESTALE';
    if (signal?.aborted === true) return 'ECANCELED';
    return this.#post(handle, method, parameters);
  }

  /** Starts a watch. */
  watch(handle: number, want: WatchWant, listener: (change: Change) => void): Answer<Watch> {
    const watch = ++this.#lastWatch;
    this.listeners.set(watch, listener);
    const close = (): void => {
      if (this.listeners.delete(watch) && !this.stale) void this.#post(0, 'unwatch', [watch]).catch(() => {});
    };
    const { recursive, others = false } = want;
    const answer = this.call<undefined>(handle, 'watch', [{ recursive, others }, watch]);
    if (!(answer instanceof Promise)) {
      this.listeners.delete(watch);
      return answer;
    }
    return answer.then((code) => {
      if (code === undefined) return { close, others };
      this.listeners.delete(watch);
      return code;
    });
  }

  #post<T>(handle: number, method: string, parameters: readonly unknown[]): Promise<T> {
    const call = ++this.#lastCall;
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(call, { resolve, reject });
      this.#child.send({ call, handle, method, parameters } satisfies CallMessage, (error) => {
        if (error !== null) this.#end(error);
      });
    });
  }

  #receive(message: ReplyMessage | ChangeMessage): void {
    if ('watch' in message) {
      this.listeners.get(message.watch)?.(message.change as Change);
      return;
    }
    for (const [number, name] of message.renamed ?? []) {
      const handle = this.handles.get(number);
      if (handle !== undefined) handle.name = name;
    }
    const pending = this.#pending.get(message.call);
    this.#pending.delete(message.call);
    if (message.error === undefined) pending?.resolve(message.answer as never);
    else pending?.reject(thrown(message.error));
  }

  /** Fails all pending calls: the process has exited, or it hangs and is abandoned. */
  #end(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.listeners.clear();
    for (const { resolve, reject } of this.#pending.values()) {
      if (this.#closed === undefined) reject(new VfsError('EIO', error.message, { cause: error }));
      else resolve('ESTALE' as never);
    }
    this.#pending.clear();
  }
}

/** A handle in the server's process. */
class ProcessHandle implements Handle {
  readonly store: ProcessStore;
  readonly number: number;
  readonly fileId: string;
  readonly kind: Kind;
  name: string;
  #closed = false;

  constructor(store: ProcessStore, { handle, fileId, kind, name }: HandleReference) {
    this.store = store;
    this.number = handle;
    this.fileId = fileId;
    this.kind = kind;
    this.name = name;
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
    return this.#with(dir, 'rename', [name, how]);
  }

  unlink(): Answer<void> {
    return this.#call('unlink', []);
  }

  close(): Answer<void> {
    if (this.#closed) return undefined;
    this.#closed = true;
    this.store.handles.delete(this.number);
    return this.store.stale ? undefined : this.store.call(this.number, 'close', []);
  }

  reopen(access: Access, signal?: AbortSignal): Answer<void> {
    return this.#call('reopen', [access], signal);
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
    return this.#closed ? 'ESTALE' : this.store.opened(this.number, 'openStream', [name, how], signal);
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
    return this.#closed ? 'ESTALE' : this.store.watch(this.number, want, listener);
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
    return this.#closed ? 'ESTALE' : this.store.call<T>(this.number, method, parameters, signal);
  }

  /** A call with another handle as its first parameter. */
  #with<T>(other: Handle, method: string, parameters: readonly unknown[], signal?: AbortSignal): Answer<T> {
    const number = this.store.numberOf(other);
    return isCode(number) ? number : this.#call(method, [number, ...parameters], signal);
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

class SharingProcessHandle extends ProcessHandle {
  cloneRange(source: Handle, sourceOffset: number, offset: number, length: number, signal?: AbortSignal): Answer<void> {
    return this.cloned(source, [sourceOffset, offset, length], signal);
  }
}
