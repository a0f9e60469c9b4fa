/**
 * The everyday failures of a store, by errno's names: what a call *returns* in place of its result.
 * `smb-server/status-map.ts` turns each into an NTSTATUS; a code that is not in this table cannot be told to a client.
 */
export const vfsCodes = [
  'EACCES', // the identity may not do this
  'EPERM', // nobody may do this here
  'ENOENT', // no entry of that name; or the entry is gone
  'EEXIST', // the name is taken
  'ENOTDIR', // a folder was asked for, or needed, and this is none
  'EISDIR', // a file was asked for, or needed, and this is a folder
  'ENOTEMPTY', // the folder has entries
  'EINVAL', // the request makes no sense: a folder into itself, an offset that no file can have, a name that no entry can have
  'ENAMETOOLONG', // the name is longer than the store can keep
  'ELOOP', // links lead to links without end; or a link was met where none is followed
  'EXDEV', // the two places are in different stores, or the copy crosses a border the store cannot copy over
  'EMLINK', // the entry has as many names as it can have
  'EFBIG', // larger than the store lets a file be
  'ENOSPC', // the store is full
  'EDQUOT', // the identity's share of it is used up
  'EROFS', // the store cannot be written
  'EBUSY', // something else holds it
  'ETXTBSY', // the host runs this program
  'EMFILE', // too many are open
  'ENOMEM', // the host has no memory for it
  'ENODATA', // there is no extended attribute, descriptor or allocated range of that name or place
  'EOPNOTSUPP', // this store, or this kind of entry, cannot do it
  'ESTALE', // what the handle held is gone for good
  'ECANCELED', // the signal was aborted before it was done
  'ETIMEDOUT', // the far side of a remote store did not answer
  'EIO', // the medium failed
] as const;

/** One of {@link vfsCodes}. */
export type VfsCode = (typeof vfsCodes)[number];

const known: ReadonlySet<unknown> = new Set(vfsCodes);

/** @returns whether a store's answer is a failure. Results are never strings, so one test of the type is enough: this is that test. */
export const isCode = <T>(answer: T | VfsCode): answer is VfsCode => typeof answer === 'string';

/** @returns whether some value, from outside the type system, is one of the codes */
export const isVfsCode = (value: unknown): value is VfsCode => known.has(value);

/** An unusual failure of a store: thrown (or rejected with) where no one expects it. `code` is what a client can be told. */
export class VfsError extends Error {
  override readonly name = 'VfsError';
  readonly code: VfsCode;
  constructor(code: VfsCode, what: string, options?: ErrorOptions) {
    super(`${what}: ${code}`, options);
    this.code = code;
  }
}

/** @returns the answer where it is one, else throws {@link VfsError}: for tests, examples and set-up, where a failure ends the matter */
export const expectAnswer = <T>(answer: T | VfsCode, what: string): T => {
  if (isCode(answer)) throw new VfsError(answer, what);
  return answer;
};
