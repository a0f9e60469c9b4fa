import { runSteps, type Steps, wait } from '@ring3/kit';
import { encodeSymbolicLink, NtStatus } from '@ring3/smb-proto';
import { isCode, toWireName } from '@ring3/vfs';
import { statusOf } from '../../values/status-map.ts';
import { handleOf, type IoctlAnswer, type IoctlContext, type IoctlRow } from './row.ts';

/** FSCTL_GET_REPARSE_POINT, MS-FSA 2.1.5.10.14: the target of a symbolic link. */
export const getReparsePoint: IoctlRow = {
  needs: 'entry',
  handle: (ctx, { maxOutputResponse }) => runSteps(read(ctx, maxOutputResponse)),
};

function* read(ctx: IoctlContext, room: number): Steps<IoctlAnswer> {
  const handle = handleOf(ctx);
  if (handle.kind !== 'link' || handle.readLink === undefined) return NtStatus.NotAReparsePoint;
  const link = yield* wait(handle.readLink());
  if (isCode(link)) return statusOf(link);
  const name = link.target.split('/').map(shown).join('\\');
  const bytes = encodeSymbolicLink({ substituteName: name, printName: name, relative: !link.target.startsWith('/') });
  return bytes.length <= room ? bytes : ctx.tooSmall(bytes.length);
}

/** Converts names to the wire; `.` and `..` stay as they are. */
const shown = (part: string): string => (part === '..' || part === '.' ? part : toWireName(part));
