import { runSteps, type Steps, wait } from '@ring3/kit';
import {
  AccessMask,
  decodeSymbolicLink,
  maximumReparseDataLength,
  NtStatus,
  ReparseDataBuffer,
  ReparseTag,
  type SymbolicLinkReparse,
} from '@ring3/smb-proto';
import { isCode } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import { parsePath, storeName } from '../../values/paths.ts';
import { statusOf } from '../../values/status-map.ts';
import { handleOf, type IoctlAnswer, type IoctlContext, type IoctlRow, nothing } from './row.ts';
import { takePlace } from './take-place.ts';

/**
 * FSCTL_SET_REPARSE_POINT, MS-FSA 2.1.5.10.37: an empty file or directory becomes a symbolic link, a link another one. The target must be
 * relative and inside the share, so that programs outside of the share that follow the link reach the same file. No other kind of reparse
 * point is supported.
 */
export const setReparsePoint: IoctlRow = {
  needs: 'entry',
  access: AccessMask.FileWriteData | AccessMask.FileWriteAttributes,
  changes: true,
  handle(ctx, { input }) {
    if (!isReparseBuffer(input)) return NtStatus.IoReparseDataInvalid;
    const buffer = ReparseDataBuffer.read(new Frame(input), 0);
    if (buffer.reparseTag !== ReparseTag.Symlink || !ctx.tree.vfs.features.has('links')) return NtStatus.IoReparseTagNotHandled;
    return runSteps(become(ctx, decodeSymbolicLink(buffer) as SymbolicLinkReparse));
  },
};

const { byteLength: head } = ReparseDataBuffer.fixed;
/** REPARSE_GUID_DATA_BUFFER has a GUID after the same header, MS-FSCC 2.1.2.3. */
const guidLength = 16;

/** Whether the length of a buffer is that of its data, MS-FSA 2.1.5.10.37 phase 1. */
function isReparseBuffer(input: Uint8Array): boolean {
  if (input.length < head || input.length > maximumReparseDataLength + head) return false;
  const data = input.length - head;
  const { reparseDataLength } = ReparseDataBuffer.fixed.read(new Frame(input), 0);
  return data === reparseDataLength || data === reparseDataLength + guidLength;
}

function* become(ctx: IoctlContext, link: SymbolicLinkReparse): Steps<IoctlAnswer> {
  const target = targetOf(ctx.open.pathName, link);
  if (typeof target === 'number') return target;
  const stat = yield* wait(handleOf(ctx).stat());
  if (isCode(stat)) return statusOf(stat);
  if (stat.kind === 'file' && stat.size > 0) return NtStatus.IoReparseDataInvalid; // its data would be lost
  const status = yield* takePlace(ctx, { kind: 'link', target });
  return status === NtStatus.Success ? nothing : status;
}

/** The target of the link, in the spelling of a store. */
function targetOf(pathName: string, { substituteName, relative }: SymbolicLinkReparse): string | NtStatus {
  const path = parsePath(pathName);
  if (typeof path === 'number') return path;
  if (!relative || substituteName.startsWith('\\')) return NtStatus.AccessDenied;
  let depth = path.components.length - 1;
  const names: string[] = [];
  for (const part of substituteName.split('\\')) {
    if (part === '.') continue;
    depth += part === '..' ? -1 : 1;
    if (depth < 0) return NtStatus.AccessDenied;
    const name = part === '..' ? part : storeName(part);
    if (typeof name === 'number') return NtStatus.IoReparseDataInvalid;
    names.push(name);
  }
  return names.length === 0 ? '.' : names.join('/');
}
