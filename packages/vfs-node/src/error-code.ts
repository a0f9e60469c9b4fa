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
export function errorCode(errno: number): VfsCode {
  const name = errnoName(errno);
  return isVfsCode(name) ? name : (others[name] ?? 'EIO');
}
