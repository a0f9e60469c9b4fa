import { type Name, nameArgument, native, raw, result } from '../library.ts';

type CName = string | Uint8Array;

const libc = {
  mkdirat: native<[number, CName, number]>('int mkdirat(int, const char *, uint)'),
  unlinkat: native<[number, CName, number]>('int unlinkat(int, const char *, int)'),
  linkat: native<[number, CName, number, CName, number]>('int linkat(int, const char *, int, const char *, int)'),
  symlinkat: native<[CName, number, CName]>('int symlinkat(const char *, int, const char *)'),
  readlinkat: native<[number, CName, Uint8Array, number]>('int64 readlinkat(int, const char *, void *, size_t)'),
  renameat2: raw<[number, CName, number, CName, number]>('renameat2', ['int', 'const char *', 'int', 'const char *', 'uint']),
};

/** Flags of calls that take a directory and a name, bits/fcntl-linux.h AT_*. */
export const AtFlag = { NoFollow: 0x100, RemoveFolder: 0x200, Follow: 0x400, EmptyPath: 0x1000 } as const;

/** Flags of renameat2(2), uapi/linux/fs.h RENAME_*. */
export const RenameFlag = { NoReplace: 1, Exchange: 2 } as const;

/** Creates a directory. mkdirat(2). @returns 0 or a negative errno */
export function makeFolder(dir: number, name: Name, mode = 0o777): number {
  const argument = nameArgument(name);
  return typeof argument === 'number' ? argument : result(libc.mkdirat.run(dir, argument, mode));
}

/** Removes a name. unlinkat(2). @param flags `AtFlag.RemoveFolder` for a directory @returns 0 or a negative errno */
export function unlinkAt(dir: number, name: Name, flags = 0): number {
  const argument = nameArgument(name);
  return typeof argument === 'number' ? argument : result(libc.unlinkat.run(dir, argument, flags));
}

/** `unlinkAt` off the main thread: for large files. */
export function unlinkAtLater(dir: number, name: Name, flags = 0): Promise<number> {
  const argument = nameArgument(name);
  return typeof argument === 'number' ? Promise.resolve(argument) : libc.unlinkat.later(undefined, dir, argument, flags);
}

/** Creates a hard link. linkat(2). @param flags `AtFlag.Follow` follows a symbolic link at `name`, such as `descriptorPath` @returns 0 or a negative errno */
export function linkAt(dir: number, name: Name, newDir: number, newName: Name, flags = 0): number {
  const from = nameArgument(name);
  if (typeof from === 'number') return from;
  const to = nameArgument(newName);
  return typeof to === 'number' ? to : result(libc.linkat.run(dir, from, newDir, to, flags));
}

/** Creates a symbolic link. symlinkat(2). @returns 0 or a negative errno */
export function makeLink(target: Name, dir: number, name: Name): number {
  const to = nameArgument(target);
  if (typeof to === 'number') return to;
  const argument = nameArgument(name);
  return typeof argument === 'number' ? argument : result(libc.symlinkat.run(to, dir, argument));
}

const longestTarget = 4096; // PATH_MAX
const target = Buffer.alloc(longestTarget);

/**
 * Reads the target of a symbolic link. readlinkat(2).
 * @param name empty: the link that `dir` itself is open on (with `OpenFlag.Path`)
 * @returns the target's bytes or a negative errno (`-EINVAL`: not a link; for an empty name `-ENOENT`)
 */
export function readLink(dir: number, name: Name): Buffer | number {
  const argument = nameArgument(name);
  if (typeof argument === 'number') return argument;
  const length = libc.readlinkat.run(dir, argument, target, longestTarget);
  return length < 0 ? result(length) : Buffer.from(target.subarray(0, length));
}

/**
 * Renames. renameat2(2).
 * @param flags bits of `RenameFlag`
 * @returns 0 or a negative errno (`-EEXIST` with `NoReplace`; `-EINVAL` also if the file system supports no flags)
 */
export function renameAt(dir: number, name: Name, newDir: number, newName: Name, flags = 0): number {
  const from = nameArgument(name);
  if (typeof from === 'number') return from;
  const to = nameArgument(newName);
  if (typeof to === 'number') return to;
  const answer = libc.renameat2.run(dir, from, newDir, to, flags);
  return answer < 0 ? result(answer) : 0;
}
