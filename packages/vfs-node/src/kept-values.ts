import { Errno, getXattr, listXattrs, removeXattr, setTimes, setXattr, stat, type XattrTarget } from '@ring3/linux';
import type { Answer, VfsCode } from '@ring3/vfs';
import { errorCode } from './error-code.ts';
import type { Inode } from './inode.ts';
import { scratch } from './scratch.ts';
import { objectIdKey, type Sidecar } from './sidecar.ts';

/** Maximum length of an attribute value on any host. */
const maxBytes = 0x10000;
const buffer = Buffer.alloc(maxBytes);
const userPrefix = 'user.';
/** The prefix of the store's own attributes among the host's `user.*` attributes. */
const ownPrefix = 'user.ring3.';
/** The store's own keys, which are not extended attributes of a client. */
export const descriptorKey = `${ownPrefix}descriptor`;
export const descriptionKey = `${ownPrefix}dos`;
/** The prefix of streams that are short enough for an attribute. */
export const streamPrefix = `${ownPrefix}stream.`;

/**
 * Errors after which a value is stored in the sidecar: the host has no attributes, none on this kind of entry, or no space for the value.
 */
const sidecarErrors: ReadonlySet<number> = new Set([-Errno.EOPNOTSUPP, -Errno.ENOSPC, -Errno.E2BIG, -Errno.ERANGE, -Errno.EPERM]);

/**
 * Values that belong to a file. They are in the host's `user.*` attributes, so that a copy or move by another program keeps them; values
 * that do not fit there are in the sidecar. A value is in only one of the two.
 */
export class KeptValues {
  readonly #sidecar: Sidecar;

  constructor(sidecar: Sidecar) {
    this.#sidecar = sidecar;
  }

  /** @returns a copy of the value, or undefined; a code if the host fails */
  get(inode: Inode, target: XattrTarget, key: string): Uint8Array | VfsCode | undefined {
    const value = this.peek(inode.fileId, inode, target, key);
    return value instanceof Uint8Array ? Uint8Array.prototype.slice.call(value) : value;
  }

  /** As `get`, but the value is valid only until the next call. @param fileId of an entry that need not be open */
  peek(
    fileId: string,
    { device, kind }: Pick<Inode, 'device' | 'kind'>,
    target: XattrTarget,
    key: string,
  ): Uint8Array | VfsCode | undefined {
    const kept = this.#sidecar.get(fileId, key);
    if (kept !== undefined) return kept;
    if (!device.hasXattrs || kind === 'link') return undefined;
    const length = getXattr(target, key, buffer);
    if (length >= 0) return buffer.subarray(0, length);
    if (length === -Errno.EOPNOTSUPP) device.hasXattrs = false;
    return length === -Errno.ENODATA || length === -Errno.EOPNOTSUPP ? undefined : errorCode(length);
  }

  /** @returns undefined; ENOSPC if no space is sufficient, or the code of the host's error */
  set(inode: Inode, target: XattrTarget, key: string, value: Uint8Array): VfsCode | undefined {
    inode.device.forget(inode.number);
    const answer = this.setOnHost(inode, target, key, value);
    if (answer === 0) {
      this.#sidecar.remove(inode.fileId, key);
      return undefined;
    }
    if (!sidecarErrors.has(answer)) return errorCode(answer);
    if (!this.#sidecar.set(inode.fileId, key, value)) return 'ENOSPC';
    if (inode.device.hasXattrs && inode.kind !== 'link') removeXattr(target, key);
    touch(target);
    return undefined;
  }

  /** Sets a value in the host's attributes only. @returns 0 or a negative errno */
  setOnHost({ device, kind }: Inode, target: XattrTarget, key: string, value: Uint8Array): number {
    if (!device.hasXattrs || kind === 'link') return -Errno.EOPNOTSUPP;
    const answer = setXattr(target, key, value);
    if (answer === -Errno.EOPNOTSUPP) device.hasXattrs = false;
    return answer;
  }

  /** Removes a value, if it exists. */
  remove(inode: Inode, target: XattrTarget, key: string): VfsCode | undefined {
    inode.device.forget(inode.number);
    // the sidecar's value counts if both exist, so it is removed last: a killed process leaves the value, not an older one
    const answer = inode.device.hasXattrs && inode.kind !== 'link' ? removeXattr(target, key) : 0;
    if (answer < 0 && answer !== -Errno.ENODATA && answer !== -Errno.EOPNOTSUPP) return errorCode(answer);
    if (this.#sidecar.remove(inode.fileId, key)) touch(target);
    return undefined;
  }

  /** Returns the keys of a file with a prefix. */
  keys(inode: Inode, target: XattrTarget, prefix: string): string[] | VfsCode {
    const kept = this.#sidecar.keys(inode.fileId, prefix);
    if (!inode.device.hasXattrs || inode.kind === 'link') return kept;
    const found = listXattrs(target);
    if (typeof found === 'number') return found === -Errno.EOPNOTSUPP ? kept : errorCode(found);
    return [...found.filter((key) => key.startsWith(prefix) && !kept.includes(key)), ...kept];
  }

  /** Returns the names and lengths of a file's extended attributes; null if there are none, or they cannot be read. */
  xattrSizes(fileId: string, inode: Pick<Inode, 'device' | 'kind'>, target: XattrTarget): ReadonlyMap<string, number> | null {
    const host = inode.device.hasXattrs && inode.kind !== 'link' ? listXattrs(target) : [];
    const keys = new Set([...this.#sidecar.keys(fileId, userPrefix), ...(typeof host === 'number' ? [] : host)]);
    const sizes = new Map<string, number>();
    for (const key of keys) {
      if (!key.startsWith(userPrefix) || key.startsWith(ownPrefix)) continue;
      const value = this.peek(fileId, inode, target, key);
      if (value instanceof Uint8Array) sizes.set(key.slice(userPrefix.length), value.length);
    }
    return sizes.size === 0 ? null : sizes;
  }

  /** The object id of a file. */
  objectId({ fileId }: Inode): Uint8Array | undefined {
    return this.#sidecar.get(fileId, objectIdKey);
  }

  /** @returns undefined; EEXIST if another file has it, ENOSPC */
  setObjectId({ fileId }: Inode, objectId: Uint8Array | undefined): VfsCode | undefined {
    if (objectId === undefined) {
      this.#sidecar.remove(fileId, objectIdKey);
      return undefined;
    }
    const holder = this.#sidecar.withObjectId(objectId.subarray(0, 16));
    if (holder !== undefined && holder !== fileId) return 'EEXIST';
    return this.#sidecar.set(fileId, objectIdKey, objectId) ? undefined : 'ENOSPC';
  }

  /**
   * Flushes the values that the host cannot store with their files.
   * @returns undefined or a code
   */
  flush(): Answer<void> {
    return this.#sidecar.flush();
  }

  /** Removes the values of a deleted file. */
  forget(inode: Inode): void {
    this.#sidecar.forget(inode.fileId);
  }
}

/** Moves the change time of a file, which the host does not do for values in the sidecar; watches report it. */
function touch(target: XattrTarget): void {
  const fd = typeof target === 'number' ? target : target.dir; // of the file itself
  if (stat(fd, scratch) === 0) setTimes(fd, scratch.accessed, scratch.modified); // with one of them, inotify reports a change of data
}

/** Returns the key of a client's extended attribute: the host's `user.` name. EINVAL for an invalid name and for the store's own keys. */
export function xattrKey(name: string): string | VfsCode {
  const key = userPrefix + name;
  if (name === '' || name.includes('\0') || !name.isWellFormed()) return 'EINVAL';
  if (key.startsWith(ownPrefix)) return 'EACCES';
  return Buffer.byteLength(key) > 255 ? 'ENAMETOOLONG' : key;
}

/** Returns the client's names of the keys that are extended attributes. */
export const xattrNames = (keys: readonly string[]): string[] =>
  keys.filter((key) => !key.startsWith(ownPrefix)).map((key) => key.slice(userPrefix.length));

/** The prefix of all extended attributes. */
export const xattrPrefix = userPrefix;
