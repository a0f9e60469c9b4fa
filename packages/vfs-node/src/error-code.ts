import { errnoName } from '@ring3/linux';
import { isVfsCode, type VfsCode } from '@ring3/vfs';

/** Host errors that have no code of their own in the contract. */
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

/** The contract's code for a host's error. @param errno as a call of `@ring3/linux` answers it, negative */
export const errorCode = (errno: number): VfsCode => codeOf(errnoName(errno));

/** The contract's code for an error that Node.js throws. */
export const thrownCode = (error: unknown): VfsCode => codeOf((error as NodeJS.ErrnoException).code ?? '');

const codeOf = (name: string): VfsCode => (isVfsCode(name) ? name : (others[name] ?? 'EIO'));

/** Does what throws the host's errors. @returns its result, or the code of the error */
export function attempt<T>(work: () => T): T | VfsCode {
  try {
    return work();
  } catch (error) {
    return thrownCode(error);
  }
}
