/**
 * The expected failures of a store, with the names of errno. A method *returns* the code in place of a result.
 * `smb-server/status-map.ts` maps each to an NTSTATUS. Other codes cannot be sent to a client.
 */
export const vfsCodes = [
  'EACCES', // the identity is not permitted to do this
  'EPERM', // no identity is permitted to do this here
  'ENOENT', // no entry of that name, or the entry was removed
  'EEXIST', // the name is in use
  'ENOTDIR', // a directory is required, and this is not a directory
  'EISDIR', // a file is required, and this is a directory
  'ENOTEMPTY', // the directory has entries
  'EINVAL', // an invalid request: a directory moved into itself, an invalid offset, an invalid name
  'ENAMETOOLONG', // the name is longer than the store can keep
  'ELOOP', // too many links, or a link where links are not followed
  'EXDEV', // source and target are in different stores, or the store cannot copy between them
  'EMLINK', // the entry has the maximum number of names
  'EFBIG', // larger than the maximum size of a file
  'ENOSPC', // the store is full
  'EDQUOT', // the quota of the identity is exhausted
  'EROFS', // the store cannot be written
  'EBUSY', // it is in use
  'ETXTBSY', // the host executes this file
  'EMFILE', // too many are open
  'ENOMEM', // the host has no memory for it
  'ENODATA', // the extended attribute, security descriptor or allocated range does not exist
  'EOPNOTSUPP', // not supported by this store or this kind of entry
  'ESTALE', // the handle is invalid because its store was closed or its file lost
  'ECANCELED', // the signal was aborted before the operation was done
  'ETIMEDOUT', // a remote store did not respond
  'EIO', // the medium failed
] as const;

/** One of {@link vfsCodes}. */
export type VfsCode = (typeof vfsCodes)[number];

const known: ReadonlySet<unknown> = new Set(vfsCodes);

/** @returns whether a result of a store is a failure. Results are never strings, so a test of the type is sufficient. */
export const isCode = <T>(answer: T | VfsCode): answer is VfsCode => typeof answer === 'string';

/** @returns whether an untyped value is one of the codes */
export const isVfsCode = (value: unknown): value is VfsCode => known.has(value);

/** An unexpected failure of a store, thrown or rejected with. `code` is mapped to the status that the client receives. */
export class VfsError extends Error {
  override readonly name = 'VfsError';
  readonly code: VfsCode;
  constructor(code: VfsCode, what: string, options?: ErrorOptions) {
    super(`${what}: ${code}`, options);
    this.code = code;
  }
}

/** @returns the result. @throws VfsError if it is a code. For tests, examples and set-up */
export const expectAnswer = <T>(answer: T | VfsCode, what: string): T => {
  if (isCode(answer)) throw new VfsError(answer, what);
  return answer;
};
