import type { MaybePromise } from '@ring3/kit';
import type { IoctlRequest, NtStatus } from '@ring3/smb-proto';
import type { ContextOf } from '../../command.ts';

/** What a code sees; tree and open are there where its row needs them. */
export type IoctlContext = ContextOf<'open'>;

/** One control code. */
export interface IoctlRow {
  /** `open`: of a file or pipe. `nothing`: works without a tree, too. */
  readonly needs: 'nothing' | 'open';
  /** Answers the output, at most `maxOutputResponse` bytes of it, or a status; `ctx.status` where the output comes with a warning. */
  handle(ctx: IoctlContext, request: IoctlRequest): MaybePromise<Uint8Array | NtStatus>;
}
