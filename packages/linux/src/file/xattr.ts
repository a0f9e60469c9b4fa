import { Errno } from '../errno.ts';
import { address, type Name, nameArgument, native, raw, result } from '../library.ts';
import { AtFlag } from './name.ts';
import { descriptorFolder, descriptorPath } from './open.ts';

type CName = string | Uint8Array;

const libc = {
  fget: native<[number, CName, Uint8Array, number]>('int64 fgetxattr(int, const char *, void *, size_t)'),
  fset: native<[number, CName, Uint8Array, number, number]>('int fsetxattr(int, const char *, const void *, size_t, int)'),
  flist: native<[number, Uint8Array, number]>('int64 flistxattr(int, void *, size_t)'),
  fremove: native<[number, CName]>('int fremovexattr(int, const char *)'),
  // of the target of the link in /proc: the link itself has no attributes
  get: native<[CName, CName, Uint8Array, number]>('int64 getxattr(const char *, const char *, void *, size_t)'),
  set: native<[CName, CName, Uint8Array, number, number]>('int setxattr(const char *, const char *, const void *, size_t, int)'),
  list: native<[CName, Uint8Array, number]>('int64 listxattr(const char *, void *, size_t)'),
  remove: native<[CName, CName]>('int removexattr(const char *, const char *)'),
  lget: native<[CName, CName, Uint8Array, number]>('int64 lgetxattr(const char *, const char *, void *, size_t)'),
  lset: native<[CName, CName, Uint8Array, number, number]>('int lsetxattr(const char *, const char *, const void *, size_t, int)'),
  llist: native<[CName, Uint8Array, number]>('int64 llistxattr(const char *, void *, size_t)'),
  lremove: native<[CName, CName]>('int lremovexattr(const char *, const char *)'),
  getAt: raw<[number, CName, number, CName, Uint8Array, number]>('getxattrat', [
    'int',
    'const char *',
    'uint',
    'const char *',
    'void *',
    'size_t',
  ]),
};

/**
 * The entry whose attributes are used: a descriptor that is open for data; or an entry of a directory, where a link is not followed and the empty name is the
 * descriptor itself, which may then be one of `OpenFlag.Path`. xattr(7).
 */
export type XattrTarget = number | { readonly dir: number; readonly name: Name };

/** How a value is set, uapi/linux/xattr.h. 0: created or replaced. */
export const XattrFlag = { Create: 1, Replace: 2 } as const;

/** The path to an entry for the calls that take a path. It goes through /proc to the directory's descriptor. */
function pathTo({ dir, name }: Exclude<XattrTarget, number>): CName | number {
  const argument = nameArgument(name);
  if (typeof argument === 'number' || dir < 0) return argument;
  if (name.length === 0) return descriptorPath(dir);
  if (typeof name === 'string') return `${descriptorPath(dir)}/${name}`;
  return Buffer.concat([Buffer.from(`${descriptorPath(dir)}/`), argument as Uint8Array]);
}

const place = new Uint8Array(16); // struct xattr_args: value u64, size u32, flags u32
const placeView = new DataView(place.buffer);
let direct: boolean | undefined; // whether getxattrat exists (Linux 6.13): without it a path is used, which is slower

function getAt({ dir, name }: Exclude<XattrTarget, number>, attribute: CName, into: Uint8Array): number {
  const itself = name.length === 0; // getxattrat takes no descriptor of `OpenFlag.Path` for the entry itself: its link in /proc is followed
  const entry = itself ? String(dir) : nameArgument(name);
  if (typeof entry === 'number') return entry;
  placeView.setBigUint64(0, into.length === 0 ? 0n : address(into), true);
  placeView.setUint32(8, into.length, true);
  return result(libc.getAt.run(itself ? descriptorFolder() : dir, entry, itself ? 0 : AtFlag.NoFollow, attribute, place, 16));
}

/**
 * Reads an attribute. fgetxattr(2), getxattrat(2).
 * @param name with its name space: `'user.x'`
 * @param into receives the value; empty: only the length is returned
 * @returns the value's length or a negative errno: `-ENODATA`: no such attribute, `-ERANGE`: the value does not fit, `-EOPNOTSUPP`: no attributes on this file system
 */
export function getXattr(target: XattrTarget, name: Name, into: Uint8Array): number {
  const attribute = nameArgument(name);
  if (typeof attribute === 'number') return attribute;
  if (typeof target === 'number') return result(libc.fget.run(target, attribute, into, into.length));
  if (direct !== false) {
    const answer = getAt(target, attribute, into);
    direct ??= answer !== -Errno.ENOSYS && answer !== -Errno.EPERM;
    if (direct) return answer;
  }
  const path = pathTo(target);
  if (typeof path === 'number') return path;
  return result((target.name.length === 0 ? libc.get : libc.lget).run(path, attribute, into, into.length));
}

/** Sets an attribute. fsetxattr(2). @returns 0 or a negative errno: `-ENOSPC` or `-E2BIG`: too long, `-EPERM`: not on this type of entry */
export function setXattr(target: XattrTarget, name: Name, value: Uint8Array, flags = 0): number {
  const attribute = nameArgument(name);
  if (typeof attribute === 'number') return attribute;
  if (typeof target === 'number') return result(libc.fset.run(target, attribute, value, value.length, flags));
  const path = pathTo(target);
  if (typeof path === 'number') return path;
  return result((target.name.length === 0 ? libc.set : libc.lset).run(path, attribute, value, value.length, flags));
}

/** Removes an attribute. fremovexattr(2). @returns 0 or a negative errno (`-ENODATA`: no such attribute) */
export function removeXattr(target: XattrTarget, name: Name): number {
  const attribute = nameArgument(name);
  if (typeof attribute === 'number') return attribute;
  if (typeof target === 'number') return result(libc.fremove.run(target, attribute));
  const path = pathTo(target);
  if (typeof path === 'number') return path;
  return result((target.name.length === 0 ? libc.remove : libc.lremove).run(path, attribute));
}

const longestList = 65_536; // XATTR_LIST_MAX
let list: Buffer | undefined;

/** The names of all attributes. flistxattr(2). @returns them, or a negative errno */
export function listXattrs(target: XattrTarget): string[] | number {
  list ??= Buffer.alloc(longestList);
  let length: number;
  if (typeof target === 'number') length = libc.flist.run(target, list, longestList);
  else {
    const path = pathTo(target);
    if (typeof path === 'number') return path;
    length = (target.name.length === 0 ? libc.list : libc.llist).run(path, list, longestList);
  }
  if (length < 0) return result(length);
  return length === 0 ? [] : list.toString('utf8', 0, length - 1).split('\0');
}
