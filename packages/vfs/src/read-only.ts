import { type Call, intercept } from './intercept.ts';
import type { Access, OpenHow, StreamHow, Vfs } from './vfs.ts';
import type { VfsCode } from './vfs-error.ts';

const changing: readonly Call[] = [
  'write',
  'truncate',
  'rename',
  'unlink',
  'setStat',
  'link',
  'setXattr',
  'setDescriptor',
  'setObjectId',
  'allocate',
  'punch',
  'copyRange',
  'cloneRange',
];
const opening: readonly Call[] = ['open', 'openStream', 'reopen'];
const writes = (access: Access): boolean => access === 'write' || access === 'readWrite';
const refused = (how: OpenHow | StreamHow): boolean => how.disposition !== 'open' || writes(how.access);

function before(call: Call, parameters: readonly unknown[]): VfsCode | undefined {
  if (call === 'open') return refused(parameters[2] as OpenHow) ? 'EROFS' : undefined;
  if (call === 'openStream') return refused(parameters[1] as StreamHow) ? 'EROFS' : undefined;
  if (call === 'reopen') return writes(parameters[0] as Access) ? 'EROFS' : undefined;
  return 'EROFS';
}

/** The same store without changes: each change returns EROFS, and `features` contains `readOnly`. Reads are passed on. */
export const readOnly = (vfs: Vfs): Vfs =>
  intercept(vfs, before, new Set([...changing, ...opening]), new Set([...vfs.features, 'readOnly'] as const));
