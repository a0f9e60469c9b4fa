import { checkName, type VfsCode } from '@ring3/vfs';

/** Whether a stream may have this name. @returns why not */
export const checkStreamName = (name: string): VfsCode | undefined =>
  checkName(name) ?? (name.includes(':') || !name.isWellFormed() ? 'EINVAL' : undefined);
