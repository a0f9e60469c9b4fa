import { NtStatus, PipeWaitRequest } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import { isPipeName } from '../../pipe/pipe.ts';
import { type IoctlRow, nothing } from './row.ts';

/** FSCTL_PIPE_WAIT, MS-FSCC 2.3: every known pipe can be opened at once. */
export const pipeWait: IoctlRow = {
  needs: 'tree',
  handle(_ctx, { input }) {
    const { name } = PipeWaitRequest.read(new Frame(input), 0);
    return isPipeName(name) ? nothing : NtStatus.ObjectNameNotFound;
  },
};
