import { type Name, nameArgument, native, result } from '../library.ts';
import { descriptorPath } from './open.ts';

type CName = string | Uint8Array;

const libc = {
  fget: native<[number, CName, Uint8Array, number]>('int64 fgetxattr(int, const char *, void *, size_t)'),
  fset: native<[number, CName, Uint8Array, number, number]>('int fsetxattr(int, const char *, const void *, size_t, int)'),
  flist: native<[number, Uint8Array, number]>('int64 flistxattr(int, void *, size_t)'),
  fremove: native<[number, CName]>('int fremovexattr(int, const char *)'),
  get: native<[CName, CName, Uint8Array, number]>('int64 getxattr(const char *, const char *, void *, size_t)'),
  set: native<[CName, CName, Uint8Array, number, number]>('int setxattr(const char *, const char *, const void *, size_t, int)'),
  list: native<[CName, Uint8Array, number]>('int64 listxattr(const char *, void *, size_t)'),
  remove: native<[CName, CName]>('int removexattr(const char *, const char *)'),
  lget: native<[CName, CName, Uint8Array, number]>('int64 lgetxattr(const char *, const char *, void *, size_t)'),
  lset: native<[CName, CName, Uint8Array, number, number]>('int lsetxattr(const char *, const char *, const void *, size_t, int)'),
  llist: native<[CName, Uint8Array, number]>('int64 llistxattr(const char *, void *, size_t)'),
  lremove: native<[CName, CName]>('int lremovexattr(const char *, const char *)'),
};

/**
 * The entry whose attributes are meant: a descriptor; one of `OpenFlag.Path`, which goes by way of /proc; or a path, where a link is followed or not.
 * xattr(7).
 */
export type XattrTarget = number | { readonly reference: number } | { readonly path: Name; readonly follow: boolean };

/** How a value is set, uapi/linux/xattr.h. 0: whether it is there or not. */
export const XattrFlag = { Create: 1, Replace: 2 } as const;

function pathOf(target: Exclude<XattrTarget, number>): CName | number {
  return 'reference' in target ? descriptorPath(target.reference) : nameArgument(target.path);
}
const follows = (target: Exclude<XattrTarget, number>): boolean => !('follow' in target) || target.follow;

/**
 * Reads an attribute. fgetxattr(2).
 * @param name with its name space: `'user.x'`
 * @param into is filled; empty asks for the length alone
 * @returns the value's length or a negative errno: `-ENODATA` none of that name, `-ERANGE` it does not fit, `-EOPNOTSUPP` there are none here
 */
export function getXattr(target: XattrTarget, name: Name, into: Uint8Array): number {
  const attribute = nameArgument(name);
  if (typeof attribute === 'number') return attribute;
  if (typeof target === 'number') return result(libc.fget.run(target, attribute, into, into.length));
  const path = pathOf(target);
  if (typeof path === 'number') return path;
  return result((follows(target) ? libc.get : libc.lget).run(path, attribute, into, into.length));
}

/** Sets an attribute. fsetxattr(2). @returns 0 or a negative errno: `-ENOSPC` or `-E2BIG` it is too long, `-EPERM` not on this kind of entry */
export function setXattr(target: XattrTarget, name: Name, value: Uint8Array, flags = 0): number {
  const attribute = nameArgument(name);
  if (typeof attribute === 'number') return attribute;
  if (typeof target === 'number') return result(libc.fset.run(target, attribute, value, value.length, flags));
  const path = pathOf(target);
  if (typeof path === 'number') return path;
  return result((follows(target) ? libc.set : libc.lset).run(path, attribute, value, value.length, flags));
}

/** Removes an attribute. fremovexattr(2). @returns 0 or a negative errno (`-ENODATA`: none of that name) */
export function removeXattr(target: XattrTarget, name: Name): number {
  const attribute = nameArgument(name);
  if (typeof attribute === 'number') return attribute;
  if (typeof target === 'number') return result(libc.fremove.run(target, attribute));
  const path = pathOf(target);
  if (typeof path === 'number') return path;
  return result((follows(target) ? libc.remove : libc.lremove).run(path, attribute));
}

const longestList = 65_536; // XATTR_LIST_MAX
let list: Buffer | undefined;

/** The names of all attributes. flistxattr(2). @returns them, or a negative errno */
export function listXattrs(target: XattrTarget): string[] | number {
  list ??= Buffer.alloc(longestList);
  let length: number;
  if (typeof target === 'number') length = libc.flist.run(target, list, longestList);
  else {
    const path = pathOf(target);
    if (typeof path === 'number') return path;
    length = (follows(target) ? libc.list : libc.llist).run(path, list, longestList);
  }
  if (length < 0) return result(length);
  return length === 0 ? [] : list.toString('utf8', 0, length - 1).split('\0');
}
