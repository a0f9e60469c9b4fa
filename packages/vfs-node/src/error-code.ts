import { errnoName } from '@ring3/linux';
import { isVfsCode, type VfsCode } from '@ring3/vfs';

/** Host errors without an equal code in the contract. */
const others: Readonly<Record<string, VfsCode>> = {
  EILSEQ: 'EINVAL',
  ENFILE: 'EMFILE',
  ENOTTY: 'EOPNOTSUPP',
  ENOSYS: 'EOPNOTSUPP',
  EOVERFLOW: 'EFBIG',
  E2BIG: 'ENOSPC',
  EAGAIN: 'EBUSY',
  ENXIO: 'EACCES',
  ENODEV: 'EACCES',
};

/** Returns the contract's code for a host error. @param errno a negative errno, as the calls of `@ring3/linux` return it */
export const errorCode = (errno: number): VfsCode => codeOf(errnoName(errno));

/** Returns the contract's code for an error that Node.js throws. */
export const thrownCode = (error: unknown): VfsCode => codeOf((error as NodeJS.ErrnoException).code ?? '');

const codeOf = (name: string): VfsCode => (isVfsCode(name) ? name : (others[name] ?? 'EIO'));

/** Calls a function that throws host errors. @returns its result, or the code of the error */
export function attempt<T>(work: () => T): T | VfsCode {
  try {
    return work();
  } catch (error) {
    return thrownCode(error);
  }
}
