import { type ChildProcess, fork } from 'node:child_process';
import { andThen, nextTurn, Turn } from '@ring3/kit';
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
  /** Resolves when the store has ended: it was closed, or its process has exited and another one could not replace it. */
  readonly ended: Promise<void>;
}

/** Called when another process has replaced one that exited, with the number of handles that could not be opened again. */
export type Restarted = (lost: number) => void;

/**
 * Serves a directory of the host, as `createNodeStore` does, but a separate process makes every call. Use it for file systems that may be
 * slow or may hang: then only the callers of this store wait, and this process can exit; a thread that is blocked in a file system prevents
 * the exit of its process. `docs/decisions/0075-slow-stores.md`.
 *
 * If the process exits, another one replaces it: pending calls fail with EIO, and each open handle is opened again by its path, if that leads to
 * the file with the same id. Otherwise its calls return ESTALE. Locks of the host are lost, and watches report an overflow.
 * @param optionsOf called when the directory was found, with its absolute path without symbolic links
 * @param restarted called after each replacement
 */
export function openStoreInProcess(directory: string, optionsOf: (real: string) => NodeStoreOptions, restarted?: Restarted): OpeningStore {
  let child = start();
  let ended = (): void => {};
  const end = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const open = async (): Promise<Vfs> => {
    const features = await serve(child, directory, optionsOf);
    const restart = async (): Promise<readonly [ChildProcess, ReadonlySet<Feature>]> => {
      child = start();
      return [child, await serve(child, directory, optionsOf)];
    };
    return new ProcessStore(child, features, { restart, ended, restarted });
  };
  const store = open();
  store.catch(() => {
    kill(child);
    ended();
  });
  return { store, ended: end, abandon: () => kill(child) };
}

/** Starts a process. */
function start(): ChildProcess {
  const { RING3_PASSWORD: _secret, ...environment } = process.env;
  return fork(program, {
    execArgv: isSource ? ['--conditions=@ring3/source'] : [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...environment, UV_THREADPOOL_SIZE: threads },
  });
}

/** Opens the store in a new process. @returns its features */
async function serve(child: ChildProcess, directory: string, optionsOf: (real: string) => NodeStoreOptions): Promise<ReadonlySet<Feature>> {
  const { real, error: missing } = await next<LookedMessage>(child, { look: directory });
  if (real === undefined) throw thrown(missing);
  const { features, error } = await next<OpenedMessage>(child, { serve: directory, options: optionsOf(real) });
  if (features === undefined) throw thrown(error);
  return new Set(features as Feature[]);
}

/** Kills a process that may hang, without waiting for it. */
function kill(child: ChildProcess): void {
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
/** Maximum number of replaced processes in `restartMs`: then the store ends. */
const maxRestarts = 3;
const restartMs = 60_000;

/** How a process is replaced. */
interface Replacement {
  /** Starts another process. */
  readonly restart: () => Promise<readonly [ChildProcess, ReadonlySet<Feature>]>;
  /** Called when the store has ended. */
  readonly ended: () => void;
  readonly restarted: Restarted | undefined;
}

/** How a handle is opened again in another process. */
interface Origin {
  /** Names from the root, as they were requested or renamed to. */
  path: readonly string[];
  readonly how: Pick<OpenHow, 'kind' | 'follow'>;
  readonly who: Identity;
  /** The name of its stream; undefined for the entry itself. */
  stream?: string;
  access: Access;
}

/** A watch. */
interface Watching {
  readonly handle: ProcessHandle;
  readonly want: WatchWant;
  readonly listener: (change: Change) => void;
}

const reads: ReadonlySet<Access> = new Set(['read', 'readWrite']);
const writes: ReadonlySet<Access> = new Set(['write', 'readWrite']);

/** The access of both. */
function together(a: Access, b: Access): Access {
  const [read, write] = [reads.has(a) || reads.has(b), writes.has(a) || writes.has(b)];
  return read ? (write ? 'readWrite' : 'read') : write ? 'write' : 'metadata';
}

interface Pending {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

/** The store in the server's process. */
class ProcessStore implements Vfs {
  readonly features: ReadonlySet<Feature>;
  readonly handles = new Map<number, ProcessHandle>();
  readonly #watches = new Map<number, Watching>();
  #child: ChildProcess;
  readonly #replacement: Replacement;
  readonly #pending = new Map<number, Pending>();
  readonly #Handle: typeof ProcessHandle;
  #lastCall = 0;
  #lastWatch = 0;
  #closed: Promise<void> | undefined;
  #ended = false;
  /** Resolves when a process has replaced one that exited; undefined while there is one. */
  #restarting: Promise<void> | undefined;
  /** When processes were replaced, ms. */
  #restarts: number[] = [];

  constructor(child: ChildProcess, features: ReadonlySet<Feature>, replacement: Replacement) {
    this.#child = child;
    this.features = features;
    this.#replacement = replacement;
    this.#Handle = features.has('clone') ? SharingProcessHandle : ProcessHandle;
    this.#follow(child);
  }

  #follow(child: ChildProcess): void {
    const exited = (error: Error): void => {
      if (child === this.#child) this.#exited(error);
    };
    child.on('message', (message: unknown) => this.#receive(message as ReplyMessage | ChangeMessage));
    child.on('error', exited);
    child.on('exit', () => exited(new Error('the process of the store ended')));
  }

  root(who: Identity, signal?: AbortSignal, same?: Handle): Answer<Handle> {
    const number = same === undefined ? undefined : this.numberOf(same);
    const origin: Origin = { path: [], how: { kind: 'folder' }, who, access: 'metadata' };
    return typeof number === 'string' ? number : this.opened(0, 'root', () => [who, numberNow(same)], origin, signal);
  }

  open(dir: Handle, name: string, how: OpenHow, who: Identity, signal?: AbortSignal): Answer<Handle> {
    const number = this.numberOf(dir);
    if (typeof number === 'string') return number;
    const { kind, follow, access } = how;
    const path = [...(dir as ProcessHandle).origin.path, name];
    const origin: Origin = { path, how: { kind, ...(follow !== undefined && { follow }) }, who, access };
    return this.opened(0, 'open', () => [numberNow(dir), name, how, who], origin, signal);
  }

  /**
   * Closes the store. If it has not closed after `closeMs`, its file system hangs, and the process is killed without waiting for its exit.
   */
  close(): Promise<void> {
    this.#closed ??= new Promise((done) => {
      if (this.#ended) return done();
      const timer = setTimeout(() => {
        kill(this.#child);
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

  /** Returns the process's number of a handle. EXDEV for a handle of another store, ESTALE for one that is lost. */
  numberOf(handle: Handle): number | VfsCode {
    if (!(handle instanceof ProcessHandle) || handle.store !== this) return 'EXDEV';
    return handle.number < 0 ? 'ESTALE' : handle.number;
  }

  /**
   * Makes a call that returns a handle.
   * @param target the called handle; 0 for the store
   * @param parameters evaluated when the call is sent: a handle may have another number by then
   */
  opened(
    target: ProcessHandle | 0,
    method: string,
    parameters: () => readonly unknown[],
    origin: Origin,
    signal?: AbortSignal,
  ): Answer<Handle> {
    const answer = this.call<HandleReference>(target, method, parameters, signal);
    return isCode(answer)
      ? answer
      : (answer as Promise<HandleReference | VfsCode>).then((reference) => {
          if (isCode(reference)) return reference;
          const made = new this.#Handle(this, reference, origin);
          this.handles.set(reference.handle, made);
          return made;
        });
  }

  /** Notes the new path of a renamed handle, and of those below it. */
  moved({ origin }: ProcessHandle, dir: ProcessHandle, name: string): void {
    if (origin.stream !== undefined) {
      origin.stream = name;
      return;
    }
    const former = origin.path;
    origin.path = [...dir.origin.path, name];
    for (const other of this.handles.values()) {
      const { path } = other.origin;
      if (other.origin !== origin && path.length >= former.length && former.every((part, i) => path[i] === part))
        other.origin.path = [...origin.path, ...path.slice(former.length)];
    }
  }

  /** Makes a call in the process, or in the one that replaces it. @param target the called handle; 0 for the store */
  call<T>(
    target: ProcessHandle | 0,
    method: string,
    parameters: () => readonly unknown[],
    signal?: AbortSignal,
  ): Promise<T | VfsCode> | VfsCode {
    if (this.stale) return 'ESTALE';
    if (signal?.aborted === true) return 'ECANCELED';
    if (this.#restarting !== undefined)
      return this.#restarting.then(async (): Promise<T | VfsCode> => this.call<T>(target, method, parameters, signal));
    const number = target === 0 ? 0 : target.number;
    if (number < 0) return 'ESTALE';
    const sent = parameters();
    return sent.includes(lost) ? 'ESTALE' : this.#post(number, method, sent);
  }

  /** Starts a watch. */
  watch(handle: ProcessHandle, want: WatchWant, listener: (change: Change) => void): Answer<Watch> {
    const watch = ++this.#lastWatch;
    const { recursive, others = false } = want;
    this.#watches.set(watch, { handle, want: { recursive, others }, listener });
    const close = (): void => {
      if (this.#watches.delete(watch) && !this.stale && this.#restarting === undefined)
        void this.#post(0, 'unwatch', [watch]).catch(() => {});
    };
    const answer = this.call<undefined>(handle, 'watch', () => [{ recursive, others }, watch]);
    if (!(answer instanceof Promise)) {
      this.#watches.delete(watch);
      return answer;
    }
    return answer.then((code) => {
      if (code === undefined) return { close, others };
      this.#watches.delete(watch);
      return code;
    });
  }

  #post<T>(handle: number, method: string, parameters: readonly unknown[]): Promise<T> {
    const call = ++this.#lastCall;
    const child = this.#child;
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(call, { resolve, reject });
      child.send({ call, handle, method, parameters } satisfies CallMessage, (error) => {
        if (error !== null && child === this.#child) this.#exited(error);
      });
    });
  }

  #receive(message: ReplyMessage | ChangeMessage): void {
    if ('watch' in message) {
      this.#watches.get(message.watch)?.listener(message.change as Change);
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

  /** Handles the exit of the process: another one replaces it, unless the store is closed or its processes exit too often. */
  #exited(error: Error): void {
    if (this.#ended) return;
    if (this.#restarting !== undefined) {
      this.#fail(error); // ends the restart
      return;
    }
    const now = performance.now();
    this.#restarts = [...this.#restarts.filter((at) => now - at < restartMs), now];
    if (this.#closed !== undefined || this.#restarts.length > maxRestarts) {
      this.#end(error);
      return;
    }
    this.#fail(error);
    this.#restarting = this.#restart().catch((failed: Error) => this.#end(failed));
  }

  async #restart(): Promise<void> {
    kill(this.#child);
    const [child, features] = await this.#replacement.restart();
    this.#child = child;
    if (this.stale) {
      kill(child);
      return;
    }
    this.#follow(child);
    if ([...this.features].some((feature) => !features.has(feature))) throw new Error('the file system of the store is another one');
    const before = [...this.handles.values()];
    this.handles.clear();
    let lostHandles = 0;
    for (const handle of before) {
      const number = await this.#reopened(handle);
      handle.number = number;
      if (number < 0) lostHandles++;
      else this.handles.set(number, handle);
    }
    for (const [watch, { handle, want, listener }] of this.#watches) {
      if (handle.number >= 0) await this.#post(handle.number, 'watch', [want, watch]);
      listener({ what: 'overflow' }); // changes since the exit were not seen
    }
    this.#restarting = undefined;
    this.#replacement.restarted?.(lostHandles);
  }

  /** Opens a handle again, by its path. @returns its number; -1 if the path does not lead to the same file now */
  async #reopened({ origin, fileId, isClosed }: ProcessHandle): Promise<number> {
    if (isClosed || origin.stream === '') return -1;
    const { path, how, who, access, stream } = origin;
    const entry: OpenHow = { ...how, access: stream === undefined ? access : 'metadata', disposition: 'open' };
    const passed: number[] = [];
    let at = await this.#post<HandleReference | VfsCode>(0, 'root', [who]);
    for (const [i, name] of path.entries()) {
      if (isCode(at)) break;
      passed.push(at.handle);
      at = await this.#post(0, 'open', [at.handle, name, i + 1 < path.length ? onPath : entry, who]);
    }
    if (!isCode(at) && stream !== undefined) {
      passed.push(at.handle);
      at = await this.#post(at.handle, 'openStream', [stream, { access, disposition: 'open' }]);
    }
    if (!isCode(at) && at.fileId !== fileId) {
      passed.push(at.handle);
      at = 'ESTALE';
    }
    for (const number of passed) await this.#post(number, 'close', []);
    return isCode(at) ? -1 : at.handle;
  }

  /** Ends the store: it was closed, or no process can replace the one that exited. */
  #end(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#restarting = undefined;
    this.#watches.clear();
    this.#fail(error);
    this.#replacement.ended();
  }

  /** Fails all pending calls: the process has exited, or it hangs and is abandoned. */
  #fail(error: Error): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { resolve, reject } of pending) {
      if (this.#closed === undefined) reject(new VfsError('EIO', error.message, { cause: error }));
      else resolve('ESTALE' as never);
    }
  }
}

/** A directory on the path of a handle that is opened again. */
const onPath: OpenHow = { access: 'metadata', kind: 'folder', disposition: 'open' };

/** In the place of the number of a handle that is lost. */
const lost = Symbol('lost');
const numberNow = (handle: Handle | undefined): number | typeof lost | undefined =>
  handle === undefined ? undefined : (handle as ProcessHandle).number < 0 ? lost : (handle as ProcessHandle).number;

/** A handle in the server's process. */
class ProcessHandle implements Handle {
  readonly store: ProcessStore;
  /** Its number in the process; -1 if it could not be opened again. */
  number: number;
  readonly origin: Origin;
  readonly fileId: string;
  readonly kind: Kind;
  name: string;
  #closed = false;

  constructor(store: ProcessStore, { handle, fileId, kind, name }: HandleReference, origin: Origin) {
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
    this.store.handles.delete(this.number);
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
    const number = this.store.numberOf(other);
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

class SharingProcessHandle extends ProcessHandle {
  cloneRange(source: Handle, sourceOffset: number, offset: number, length: number, signal?: AbortSignal): Answer<void> {
    return this.cloned(source, [sourceOffset, offset, length], signal);
  }
}
