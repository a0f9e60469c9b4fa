import { createHash } from 'node:crypto';
import { existsSync, fchmodSync, fstatSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { inspect } from 'node:util';
import { andThen, isPromise } from '@ring3/kit';
import {
  clone,
  cloneRangeLater,
  close,
  Errno,
  features as linuxFeatures,
  makeFolder,
  makeLink,
  OpenFlag,
  openAt,
  stat,
} from '@ring3/linux';
import {
  type Answer,
  checkName,
  type Feature,
  type Handle,
  type Identity,
  isCode,
  type OpenHow,
  type Vfs,
  type VfsCode,
  VfsError,
} from '@ring3/vfs';
import type { Descriptor } from './descriptor.ts';
import { type Entry, hostName } from './entry.ts';
import { directoryOf, EntryHandle } from './entry-handle.ts';
import { replaceByNew } from './entry-names.ts';
import { EntryStore } from './entry-store.ts';
import { EntryTree } from './entry-tree.ts';
import { errorCode } from './error-code.ts';
import { scratch } from './scratch.ts';
import type { Stream } from './stream.ts';
import { StreamHandle } from './stream-handle.ts';
import type { Streams } from './streams.ts';

/** How a host directory is served. */
export interface NodeStoreOptions {
  /**
   * A directory outside the served one, for values that the host cannot store with a file: long streams, large values. It is created on
   * first use. Default: one directory for each served path, below `ring3-stores` in `$XDG_STATE_HOME` or `~/.local/state`.
   */
  readonly state?: string;
  /** Permission bits of new files. Default: 0o666 without the bits of the process's umask. */
  readonly fileMode?: number;
  /** Permission bits of new directories. Default: 0o777 without the bits of the umask. */
  readonly folderMode?: number;
  /** Whether the directory may be missing (default false). While it is missing, `root` returns ENOENT. */
  readonly mayBeAbsent?: boolean;
  /**
   * Whether the host's `user.*` attributes are used if the host has them (default true). If false, all values are in the state directory.
   */
  readonly hostAttributes?: boolean;
}

const features: readonly Feature[] = [
  'streams',
  'xattr',
  'attributes',
  'times',
  'descriptor',
  'objectIds',
  'links',
  'hardLinks',
  'sparse',
  'allocate',
  'copy',
  'flush',
  'watch',
  'space',
  'locks',
  'path',
];

/**
 * Serves a directory of the host.
 * @param directory its path. Each `root` resolves it again, so that a directory that is mounted, restored or created there later is served
 * @returns the store; close it to release the directory
 * @throws TypeError for arguments of a wrong type; VfsError if the directory cannot be opened (ENOENT, EACCES …), the state directory is
 * inside it (EINVAL) or damaged (EIO), or the system is not Linux (EOPNOTSUPP)
 */
export function createNodeStore(directory: string, options: NodeStoreOptions = {}): Vfs {
  if (typeof directory !== 'string')
    throw new TypeError(`createNodeStore needs the path of a directory, not ${inspect(directory, { depth: 0 })}`);
  if (typeof options !== 'object' || options === null)
    throw new TypeError(
      `createNodeStore(path, options): options must be an object, for example { state: '/var/lib/app' }, not ${inspect(options)}`,
    );
  const { refusal } = linuxFeatures();
  if (refusal !== undefined) throw new VfsError('EOPNOTSUPP', refusal);
  const served = resolve(directory);
  const state = resolve(options.state ?? defaultState(real(served)));
  if (isInside(real(state), real(served)))
    throw new VfsError(
      'EINVAL',
      `the state directory ${state} is inside ${directory}, where clients would see it: choose another one with { state }`,
    );
  return new NodeStore(served, { ...options, state });
}

/** The default state directory of a served directory. It depends only on the path. */
function defaultState(served: string): string {
  const base = process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state');
  return join(base, 'ring3-stores', createHash('sha256').update(served).digest('hex').slice(0, 32));
}

const isInside = (path: string, directory: string): boolean =>
  path === directory || path.startsWith(directory === sep ? sep : directory + sep);

/** The path without symbolic links, as far as it exists. */
function real(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  const parent = dirname(path);
  return parent === path ? path : join(real(parent), basename(path));
}

/**
 * Sets the permission bits of a new directory. It keeps the bits that it inherited (setgid).
 * @returns 0 or a negative errno
 */
function setDirectoryMode(parent: number, name: ReturnType<typeof hostName>, mode: number): number {
  const made = openAt(parent, name, OpenFlag.Directory | OpenFlag.NoFollow);
  if (made < 0) return made;
  fchmodSync(made, (fstatSync(made).mode & 0o7000) | mode);
  close(made);
  return 0;
}

/** Errors for a missing directory: it does not exist, or the name belongs to another kind of entry. */
const absent: ReadonlySet<number> = new Set([-Errno.ENOENT, -Errno.ENOTDIR]);

/** The store: it opens and creates entries. */
export class NodeStore extends EntryStore implements Vfs {
  readonly features: ReadonlySet<Feature>;
  /** A handle has one for its inode and one for its data; each directory above it has one for its inode (entry.ts). */
  readonly fileDescriptors = { handle: 2, directory: 1 } as const;
  readonly #fileMode: number | undefined;
  readonly #folderMode: number | undefined;
  readonly #Handle: typeof EntryHandle;

  constructor(directory: string, options: NodeStoreOptions & { readonly state: string }) {
    const tree = new EntryTree(directory, options.hostAttributes ?? true, (now) => !isInside(real(options.state), real(now)));
    super(tree, options.state);
    this.#fileMode = options.fileMode;
    this.#folderMode = options.folderMode;
    const root = this.tree.openRoot();
    if (typeof root === 'number' && !(options.mayBeAbsent === true && absent.has(root))) {
      this.close();
      throw new VfsError(errorCode(root), directory);
    }
    const existing = typeof root === 'number' ? undefined : root;
    if (existing !== undefined) this.temporaryNames.removeLeft(existing);
    const shares = existing !== undefined && sharesBlocks(existing);
    this.#Handle = shares ? SharingHandle : EntryHandle;
    const stable =
      existing !== undefined && (existing.inode.device.hasHandles || (stat(existing.fd, scratch) === 0 && scratch.birth !== undefined));
    existing?.release();
    this.features = new Set<Feature>([...features, ...(stable ? (['stableIds'] as const) : []), ...(shares ? (['clone'] as const) : [])]);
  }

  root(_who: Identity, _signal?: AbortSignal, same?: Handle): Handle | VfsCode {
    if (this.closed) return 'ESTALE';
    if (same === undefined) {
      const root = this.tree.openRoot();
      return typeof root === 'number' ? errorCode(root) : new this.#Handle(this, root);
    }
    const entry = directoryOf(this, same);
    return isCode(entry) ? entry : new this.#Handle(this, entry.hold());
  }

  open(dir: Handle, name: string, how: OpenHow, _who: Identity, signal?: AbortSignal): Answer<Handle> {
    if (this.closed) return 'ESTALE';
    if (signal?.aborted === true) return 'ECANCELED';
    const directory = directoryOf(this, dir);
    if (isCode(directory)) return directory;
    const bad = checkName(name);
    if (bad !== undefined) return bad;
    if (how.disposition === 'create')
      return this.withName(directory, name, (existing) =>
        how.replaces === undefined ? this.#create(directory, name, existing, how) : this.#createOver(directory, existing, how),
      );
    const found = this.tree.find(directory, name);
    return isPromise(found) ? found.then((entry) => this.#found(entry, how)) : this.#found(found, how);
  }

  protected override streamHandle(entry: Entry, streams: Streams, stream: Stream): Handle {
    return new StreamHandle(this, entry, streams, stream);
  }

  /** Opens the entry that a name leads to. */
  #found(found: Entry | VfsCode, how: OpenHow): Answer<Handle> {
    if (isCode(found)) return found;
    if (found.inode.kind !== 'link' || how.kind === 'link' || how.follow === false) return this.#opened(found, how);
    const target = this.tree.follow(found);
    return andThen(target, (entry) => {
      found.release();
      return isCode(entry) ? entry : this.#opened(entry, how);
    });
  }

  /** Creates a handle, which takes ownership of the entry. */
  #opened(entry: Entry, how: OpenHow): Answer<Handle> {
    const handle = new this.#Handle(this, entry);
    const failure = mismatch(entry, how) ?? handle.reopen(how.access);
    return andThen(failure, (code) => {
      if (code === undefined) return handle;
      void handle.close();
      return code;
    });
  }

  #create(directory: Entry, name: string, existing: Entry | VfsCode | undefined, how: OpenHow): Answer<Handle> {
    if (existing !== undefined) return isCode(existing) ? existing : 'EEXIST';
    if (how.kind === 'any') return 'EINVAL';
    const bad = how.kind === 'link' ? this.#badTarget(directory, how.target ?? '') : undefined;
    if (bad !== undefined) return bad;
    const make = (): number => this.notifications.explain([], () => this.#make(directory, name, how));
    const made = this.tree.names.change(directory, make, name, undefined);
    if (made < 0) return errorCode(made);
    const entry = this.tree.child(directory, name);
    const data = how.kind === 'file' ? adopted(made, entry) : undefined;
    if (typeof entry === 'number') return errorCode(entry);
    return andThen(this.#opened(entry, how), (handle) => {
      data?.release();
      return this.#initialized(handle, how);
    });
  }

  /** Creates an entry in the place of another one. */
  #createOver(directory: Entry, existing: Entry | VfsCode | undefined, how: OpenHow): Answer<Handle> {
    if (existing === undefined || isCode(existing) || existing.inode.fileId !== how.replaces) return 'ENOENT';
    if (how.kind !== 'link' && how.kind !== 'file') return 'EINVAL';
    const bad = how.kind === 'link' ? this.#badTarget(directory, how.target ?? '') : undefined;
    if (bad !== undefined) return bad;
    const { name } = existing;
    const make = (between: string): number => {
      const made = this.#make(directory, between, how);
      if (how.kind === 'file' && made >= 0) close(made);
      return Math.min(made, 0);
    };
    const recognize = how.kind === 'link' ? { target: Buffer.from(targetBytes(how.target!)).toString('hex') } : { empty: true };
    const replaced = replaceByNew(this, existing, make, recognize);
    if (replaced < 0) return errorCode(replaced);
    const entry = this.tree.child(directory, name);
    return typeof entry === 'number' ? errorCode(entry) : andThen(this.#opened(entry, how), (handle) => this.#initialized(handle, how));
  }

  /** Sets the initial metadata of a new entry, or removes the entry. */
  #initialized(handle: Handle | VfsCode, { initial }: OpenHow): Handle | VfsCode {
    if (isCode(handle) || initial === undefined) return handle;
    const failure = this.notifications.explain([], () => this.#initialize(handle as EntryHandle, initial));
    if (failure === undefined) return handle;
    void handle.unlink();
    void handle.close();
    return failure;
  }

  /** Creates the host's entry. @returns a file's descriptor, otherwise 0; or a negative errno */
  #make(directory: Entry, name: string, how: OpenHow): number {
    const host = hostName(name);
    if (how.kind === 'folder') {
      const made = makeFolder(directory.fd, host, this.#folderMode ?? 0o777);
      return made < 0 || this.#folderMode === undefined ? made : setDirectoryMode(directory.fd, host, this.#folderMode);
    }
    if (how.kind === 'link') return makeLink(targetBytes(how.target!), directory.fd, host);
    const flags = OpenFlag.ReadWrite | OpenFlag.Create | OpenFlag.Exclusive | OpenFlag.NoFollow;
    const made = openAt(directory.fd, host, flags, this.#fileMode ?? 0o666);
    if (made >= 0 && this.#fileMode !== undefined) fchmodSync(made, this.#fileMode); // undo the umask
    return made;
  }

  /** Sets the initial metadata of a new entry, before any other operation of this store runs. */
  #initialize(handle: EntryHandle, initial: NonNullable<OpenHow['initial']>): VfsCode | undefined {
    const { attributes, birth, descriptor, xattrs } = initial;
    if (attributes !== undefined || birth !== undefined) {
      const changes = { ...(attributes === undefined ? undefined : { attributes }), ...(birth === undefined ? undefined : { birth }) };
      const failure = handle.setStat(changes) as VfsCode | undefined;
      if (failure !== undefined) return failure;
    }
    for (const [key, value] of xattrs ?? []) {
      const failure = handle.setXattr(key, value);
      if (failure !== undefined) return failure;
    }
    return descriptor === undefined ? undefined : handle.setDescriptor(descriptor);
  }

  /** Returns a code if a link's target is invalid or, by its text, outside the share. */
  #badTarget(directory: Entry, target: string): VfsCode | undefined {
    if (target === '' || target.includes('\0') || !target.isWellFormed()) return 'EINVAL';
    if (target.startsWith('/')) return 'EACCES';
    let depth = 0;
    for (let at = directory.parent; at !== undefined; at = at.parent) depth++;
    for (const name of target.split('/')) {
      if (name === '..') depth--;
      else if (name !== '' && name !== '.') depth++;
      if (depth < 0) return 'EACCES';
    }
    return undefined;
  }
}

/** A handle on a file system that can share blocks between files. */
class SharingHandle extends EntryHandle {
  cloneRange(source: Handle, sourceOffset: number, offset: number, length: number, signal?: AbortSignal): Answer<void> {
    const files = this.cloned(source, sourceOffset, offset, signal);
    if (isCode(files)) return files;
    if (length === 0) return undefined;
    const [from, to] = files;
    const cloned = from.holdUntil(to.runInPool(() => cloneRangeLater(from.fd, sourceOffset, to.fd, offset, length)));
    return cloned.then((answer) => (answer < 0 ? errorCode(answer) : undefined));
  }
}

/** Tests, with two files without names, whether the file system can share blocks. */
function sharesBlocks(root: Entry): boolean {
  const make = (): number => openAt(root.fd, '.', OpenFlag.ReadWrite | OpenFlag.Temporary, 0o600);
  const [from, to] = [make(), make()];
  const shares = from >= 0 && to >= 0 && clone(from, to) === 0;
  for (const fd of [from, to]) if (fd >= 0) close(fd);
  return shares;
}

/** Gives a new file's descriptor to its inode, unless another program replaced the file meanwhile. */
function adopted(fd: number, entry: Entry | number): Descriptor | undefined {
  if (typeof entry !== 'number' && stat(fd, scratch) === 0 && entry.is(scratch)) return entry.inode.adopt(fd);
  close(fd);
  return undefined;
}

function mismatch({ inode: { kind } }: Entry, how: OpenHow): VfsCode | undefined {
  if (how.kind === 'any' || how.kind === kind) return undefined;
  if (how.kind === 'link') return 'EINVAL';
  if (kind === 'link') return 'ELOOP';
  return how.kind === 'file' ? 'EISDIR' : 'ENOTDIR';
}

/** A link's target in the spelling of the host. */
const targetBytes = (target: string): string | Uint8Array => {
  const parts = target.split('/').map(hostName);
  return parts.every((part) => typeof part === 'string')
    ? target
    : Buffer.concat(parts.flatMap((part, i) => [Buffer.from(i > 0 ? '/' : ''), Buffer.from(part as string)]));
};
