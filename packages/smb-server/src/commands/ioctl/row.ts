import type { MaybePromise } from '@ring3/kit';
import type { IoctlRequest, NtStatus } from '@ring3/smb-proto';
import type { Handle } from '@ring3/vfs';
import type { ContextOf } from '../../request/command.ts';

/** The context of a handler; the open is present if its row needs one. */
export type IoctlContext = ContextOf<'open'>;
/** Output (at most `maxOutputResponse` bytes), or a status; `ctx.status` is the status of an output. */
export type IoctlAnswer = Uint8Array | NtStatus;

/** One control code: its preconditions are declared here and checked in one place. */
export interface IoctlRow {
  /** `tree`: no FileId, as 3.3.5.15 lists. `open`: of a file or pipe. `entry`: of a file or directory. `file`: of a file only. */
  readonly needs: 'tree' | 'open' | 'entry' | 'file';
  /** Rights of which the open must have one. */
  readonly access?: number;
  /** It changes something: denied on a read-only share. */
  readonly changes?: true;
  handle(ctx: IoctlContext, request: IoctlRequest): MaybePromise<IoctlAnswer>;
}

/** The output of a code without one. */
export const nothing = new Uint8Array(0);

/** The file of a row that needs one. */
export const handleOf = (ctx: IoctlContext): Handle => ctx.open.handle as Handle;
