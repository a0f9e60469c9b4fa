import {
  type Answer,
  type Change,
  type Feature,
  type Handle,
  type Identity,
  isCode,
  type OpenHow,
  type Vfs,
  type VfsCode,
  type Watch,
  type WatchWant,
} from '@ring3/vfs';
import type { NodeStoreOptions } from '../node-store.ts';
import type { HandleReference } from './messages.ts';
import { lost, numberIn, numberNow, ProcessHandle, SharingProcessHandle, type StoreOfHandles } from './process-handle.ts';
import { moved, type Origin, reopen } from './reopen.ts';
import { StoreChild } from './store-child.ts';

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
  let child = new StoreChild();
  let ended = (): void => {};
  const end = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const open = async (): Promise<Vfs> => {
    const features = await child.serve(directory, optionsOf);
    const restart = async (): Promise<readonly [StoreChild, ReadonlySet<Feature>]> => {
      child = new StoreChild();
      return [child, await child.serve(directory, optionsOf)];
    };
    return new ProcessStore(child, features, { restart, ended, restarted });
  };
  const store = open();
  store.catch(() => {
    child.kill();
    ended();
  });
  return { store, ended: end, abandon: () => child.kill() };
}

/** Maximum time for closing a store, ms. */
const closeMs = 1000;
/** Maximum number of replaced processes in `restartMs`: then the store ends. */
const maxRestarts = 3;
const restartMs = 60_000;

/** How a process is replaced. */
interface Replacement {
  /** Starts another process. */
  readonly restart: () => Promise<readonly [StoreChild, ReadonlySet<Feature>]>;
  /** Called when the store has ended. */
  readonly ended: () => void;
  readonly restarted: Restarted | undefined;
}

/** A watch. */
interface Watching {
  readonly handle: ProcessHandle;
  readonly want: WatchWant;
  readonly listener: (change: Change) => void;
}

/** The store in the server's process. */
class ProcessStore implements Vfs, StoreOfHandles {
  readonly features: ReadonlySet<Feature>;
  readonly #handles = new Map<number, ProcessHandle>();
  readonly #watches = new Map<number, Watching>();
  #child: StoreChild;
  readonly #replacement: Replacement;
  readonly #Handle: typeof ProcessHandle;
  #lastWatch = 0;
  #closed: Promise<void> | undefined;
  #ended = false;
  /** Resolves when a process has replaced one that exited; undefined while there is one. */
  #restarting: Promise<void> | undefined;
  /** When processes were replaced, ms. */
  #restarts: number[] = [];

  constructor(child: StoreChild, features: ReadonlySet<Feature>, replacement: Replacement) {
    this.#child = child;
    this.features = features;
    this.#replacement = replacement;
    this.#Handle = features.has('clone') ? SharingProcessHandle : ProcessHandle;
    this.#follow(child);
  }

  #follow(child: StoreChild): void {
    child.follow({
      changed: ({ watch, change }) => this.#watches.get(watch)?.listener(change as Change),
      renamed: (number, name) => {
        const handle = child === this.#child ? this.#handles.get(number) : undefined;
        if (handle !== undefined) handle.name = name;
      },
      exited: (error) => {
        if (child === this.#child) this.#exited(error);
      },
    });
  }

  root(who: Identity, signal?: AbortSignal, same?: Handle): Answer<Handle> {
    const number = same === undefined ? undefined : numberIn(this, same);
    const origin: Origin = { path: [], how: { kind: 'folder' }, who, access: 'metadata' };
    return typeof number === 'string' ? number : this.opened(0, 'root', () => [who, numberNow(same)], origin, signal);
  }

  open(dir: Handle, name: string, how: OpenHow, who: Identity, signal?: AbortSignal): Answer<Handle> {
    const number = numberIn(this, dir);
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
        this.#child.kill();
        this.#end(new Error('the process of the store does not respond'));
        done();
      }, closeMs);
      this.#child.onExit(() => {
        clearTimeout(timer);
        done();
      });
      void this.#child.post(0, 'close', []);
    });
    return this.#closed;
  }

  get stale(): boolean {
    return this.#closed !== undefined || this.#ended;
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
          this.#handles.set(reference.handle, made);
          return made;
        });
  }

  moved({ origin }: ProcessHandle, dir: ProcessHandle, name: string): void {
    moved(
      origin,
      dir.origin,
      name,
      Array.from(this.#handles.values(), (handle) => handle.origin),
    );
  }

  forget(handle: ProcessHandle): void {
    if (this.#handles.get(handle.number) === handle) this.#handles.delete(handle.number);
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
    return sent.includes(lost) ? 'ESTALE' : this.#child.post(number, method, sent);
  }

  /** Starts a watch. */
  watch(handle: ProcessHandle, want: WatchWant, listener: (change: Change) => void): Answer<Watch> {
    const watch = ++this.#lastWatch;
    const { recursive, others = false } = want;
    this.#watches.set(watch, { handle, want: { recursive, others }, listener });
    const close = (): void => {
      if (this.#watches.delete(watch) && !this.stale && this.#restarting === undefined)
        void this.#child.post(0, 'unwatch', [watch]).catch(() => {});
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
    this.#child.kill();
    const [child, features] = await this.#replacement.restart();
    this.#child = child;
    if (this.stale) {
      child.kill();
      return;
    }
    this.#follow(child);
    if ([...this.features].some((feature) => !features.has(feature))) throw new Error('the file system of the store is another one');
    const before = [...this.#handles.values()];
    this.#handles.clear();
    let lostHandles = 0;
    for (const handle of before) {
      const number = handle.isClosed ? -1 : await reopen(child, handle.origin, handle.fileId);
      handle.number = number;
      if (number < 0) lostHandles++;
      else if (!handle.isClosed) this.#handles.set(number, handle);
    }
    for (const [watch, { handle, want, listener }] of this.#watches) {
      if (handle.number >= 0) await child.post(handle.number, 'watch', [want, watch]);
      listener({ what: 'overflow' }); // changes since the exit were not seen
    }
    this.#restarting = undefined;
    this.#replacement.restarted?.(lostHandles);
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
    this.#child.fail(this.#closed === undefined ? error : 'ESTALE');
  }
}
