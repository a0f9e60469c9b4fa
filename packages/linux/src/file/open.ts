import { close } from '../close.ts';
import { Errno } from '../errno.ts';
import { type Name, nameArgument, native, raw, result } from '../library.ts';
import { readLink } from './name.ts';

const arm = process.arch === 'arm64';

/** Flags of open(2), asm/fcntl.h; four of them differ between x86-64 and AArch64. */
export const OpenFlag = {
  ReadOnly: 0,
  WriteOnly: 0o1,
  ReadWrite: 0o2,
  Create: 0o100,
  Exclusive: 0o200,
  NoTerminal: 0o400,
  Truncate: 0o1000,
  Append: 0o2000,
  NonBlock: 0o4000,
  DataSync: 0o10000,
  Direct: arm ? 0o200000 : 0o40000,
  Directory: arm ? 0o40000 : 0o200000,
  NoFollow: arm ? 0o100000 : 0o400000,
  NoAccessTime: 0o1000000,
  CloseOnExec: 0o2000000,
  Sync: 0o4010000,
  /** Only a reference to the entry. It does not open the file, so it has no effect on a FIFO or a device. */
  Path: 0o10000000,
  /** A file without a name in the given directory. */
  Temporary: 0o20000000 | (arm ? 0o40000 : 0o200000),
} as const;

/** How openat2 resolves a path, uapi/linux/openat2.h RESOLVE_*. */
export const Resolve = { NoMountCrossing: 0x1, NoMagicLinks: 0x2, NoSymbolicLinks: 0x4, Beneath: 0x8, InRoot: 0x10, Cached: 0x20 } as const;

/** The working directory, in place of a directory descriptor. */
export const currentFolder = -100;

const libc = {
  openat: native<[number, string | Uint8Array, number, number]>('int openat(int, const char *, int, uint)'),
  openat2: raw<[number, string | Uint8Array, Uint8Array, number]>('openat2', ['int', 'const char *', 'const void *', 'size_t']),
};

/**
 * Opens an entry of a directory, with close-on-exec. openat(2). A link, `..` or `/` in the name can leave the directory: see `openBeneath`.
 * @param mode permission bits of a new file, less the umask
 * @returns the descriptor or a negative errno
 */
export function openAt(dir: number, name: Name, flags: number, mode = 0o666): number {
  const argument = nameArgument(name);
  return typeof argument === 'number' ? argument : result(libc.openat.run(dir, argument, flags | OpenFlag.CloseOnExec, mode));
}

/** Opens the file of a descriptor (also one of `OpenFlag.Path`) again, with other flags, even if it was renamed. Requires /proc. */
export const reopen = (fd: number, flags: number): number =>
  result(libc.openat.run(descriptorFolder(), String(fd), (flags | OpenFlag.CloseOnExec) & ~OpenFlag.NoFollow, 0));

let ownDescriptors = -1;

/**
 * The directory /proc/self/fd, whose links refer to the open files of this process. Opened once.
 * @returns the descriptor, or a negative errno if /proc is not mounted; a call that is given the negative number returns `-EBADF`
 */
export function descriptorFolder(): number {
  if (ownDescriptors < 0) ownDescriptors = openAt(currentFolder, '/proc/self/fd', OpenFlag.Path | OpenFlag.Directory);
  return ownDescriptors;
}

/** A path to the file of a descriptor, for calls that do not accept a descriptor of `OpenFlag.Path`. proc_pid_fd(5). */
export const descriptorPath = (fd: number): string => `/proc/self/fd/${fd}`;

const how = new Uint8Array(24); // struct open_how: flags u64, mode u64, resolve u64
const howView = new DataView(how.buffer);

/**
 * Opens a path with the given resolution rules. openat2(2).
 * @param resolve bits of `Resolve`
 * @returns the descriptor or a negative errno: `-EXDEV` if the path leaves the directory, `-ELOOP` for a link if none is allowed, `-EAGAIN` if a
 *   concurrent rename prevented the check, `-ENOSYS` or `-EPERM` if the kernel lacks the call or a container profile denies it
 */
export function openat2(dir: number, path: Name, flags: number, mode: number, resolve: number): number {
  const argument = nameArgument(path);
  if (typeof argument === 'number') return argument;
  howView.setUint32(0, flags | OpenFlag.CloseOnExec, true);
  howView.setUint32(8, mode, true);
  howView.setUint32(16, resolve, true);
  return result(libc.openat2.run(dir, argument, how, 24));
}

let allowed: boolean | undefined;

/** Returns whether openat2 can be called. Older container profiles deny it. */
export function openat2Allowed(): boolean {
  if (allowed === undefined) {
    const fd = openat2(currentFolder, '/', OpenFlag.Path | OpenFlag.Directory, 0, 0);
    if (fd >= 0) close(fd);
    allowed = fd >= 0;
  }
  return allowed;
}

/**
 * Opens a path below a directory, and never outside of it: `..` and relative links may be used inside; leaving the directory and absolute links are rejected.
 * Uses openat2 if it is allowed, else walks component by component.
 * @param flags with `OpenFlag.NoFollow` a link at the path's end is not followed
 * @param mode permission bits, only for `OpenFlag.Create`
 * @returns the descriptor or a negative errno: `-EXDEV` if the path leaves the directory, `-ELOOP` for more than 40 links
 */
export function openBeneath(dir: number, path: Name, flags: number, mode = 0): number {
  if (openat2Allowed()) {
    for (let attempt = 0; attempt < 4; attempt++) {
      const fd = openat2(dir, path, flags, mode, Resolve.Beneath | Resolve.NoMagicLinks);
      if (fd !== -Errno.EAGAIN) return fd;
    }
  }
  return walkBeneath(dir, path, flags, mode);
}

const mostLinks = 40;
const slash = 0x2f;

function components(path: Name): Name[] {
  if (typeof path === 'string') return path.split('/').filter((part) => part !== '' && part !== '.');
  const parts: Name[] = [];
  for (let at = 0; at <= path.length; ) {
    const end = path.indexOf(slash, at) < 0 ? path.length : path.indexOf(slash, at);
    const part = path.subarray(at, end);
    if (part.length > 0 && !(part.length === 1 && part[0] === 0x2e)) parts.push(part);
    at = end + 1;
  }
  return parts;
}
const isParent = (part: Name): boolean =>
  part.length === 2 && (typeof part === 'string' ? part === '..' : part[0] === 0x2e && part[1] === 0x2e);
const isAbsolute = (path: Name): boolean => path[0] === '/' || path[0] === slash;
/** Returns whether the end of the path must be a directory: it ends in `/` or `/.`. */
function endsInFolder(path: Name): boolean {
  const at = (from: number): number | undefined =>
    typeof path === 'string' ? path.codePointAt(path.length - from) : path[path.length - from];
  return at(1) === slash || (at(1) === 0x2e && (path.length === 1 || at(2) === slash));
}

/**
 * `openBeneath` without openat2: walks the path one component at a time. Each is opened relative to the previous one and no link is followed; links are
 * read and their targets walked, and `..` returns to the previous descriptor. So a rename during the walk cannot lead outside.
 */
export function walkBeneath(dir: number, path: Name, flags: number, mode = 0): number {
  if (path.length === 0) return -Errno.ENOENT;
  if (isAbsolute(path)) return -Errno.EXDEV;
  const folders = [dir]; // the descriptors of the parents; the first belongs to the caller
  const left = components(path).reverse();
  let want = endsInFolder(path) ? (flags | OpenFlag.Directory) & ~OpenFlag.NoFollow : flags;
  try {
    for (let links = 0; ; ) {
      const part = left.pop();
      if (part === undefined) return openAt(folders.at(-1)!, '.', want & ~(OpenFlag.Create | OpenFlag.Exclusive), mode);
      if (isParent(part)) {
        if (folders.length === 1) return -Errno.EXDEV;
        close(folders.pop()!);
        continue;
      }
      const fd = step(folders.at(-1)!, part, left.length === 0, want, mode);
      if (fd !== -Errno.ELOOP && fd !== -Errno.ENOTDIR) {
        if (fd < 0 || left.length === 0) return fd;
        folders.push(fd);
        continue;
      }
      if (left.length === 0 && (want & OpenFlag.NoFollow) !== 0) return fd;
      const target = readLink(folders.at(-1)!, part);
      if (typeof target === 'number') return target === -Errno.EINVAL ? -Errno.ENOTDIR : target;
      if (++links > mostLinks) return -Errno.ELOOP;
      if (isAbsolute(target)) return -Errno.EXDEV;
      if (left.length === 0 && endsInFolder(target)) want |= OpenFlag.Directory;
      left.push(...components(target).reverse());
    }
  } finally {
    for (const folder of folders.slice(1)) close(folder);
  }
}

/** Opens one component: the last one with the caller's flags, the others as directories. A link returns `-ELOOP` (or `-ENOTDIR`). */
function step(dir: number, part: Name, last: boolean, flags: number, mode: number): number {
  if (!last) return openAt(dir, part, OpenFlag.Path | OpenFlag.Directory | OpenFlag.NoFollow);
  if ((flags & OpenFlag.Path) === 0 || (flags & OpenFlag.NoFollow) !== 0) return openAt(dir, part, flags | OpenFlag.NoFollow, mode);
  // O_PATH with O_NOFOLLOW opens a link itself; readlink shows whether it is one
  const fd = openAt(dir, part, flags | OpenFlag.NoFollow, mode);
  if (fd < 0 || typeof readLink(fd, '') === 'number') return fd;
  close(fd);
  return -Errno.ELOOP;
}
