import { andThen, type MaybePromise, runSteps, type Steps, settle, wait } from '@ring3/kit';
import { CloseFlags, CloseRequest, CloseResponse } from '@ring3/smb-proto';
import { type Handle, isCode, type Stat, type VfsCode } from '@ring3/vfs';
import { closeOpen } from '../objects/close.ts';
import { metadataOfOpen } from '../objects/metadata.ts';
import { noteWritten } from '../objects/noting.ts';
import type { Open } from '../objects/open.ts';
import { command } from '../request/command.ts';

const nothing = {
  flags: 0,
  creationTime: 0n,
  lastAccessTime: 0n,
  lastWriteTime: 0n,
  changeTime: 0n,
  allocationSize: 0n,
  endOfFile: 0n,
  fileAttributes: 0,
};

/** CLOSE, MS-SMB2 3.3.5.10. */
export const close = command({
  needs: 'open',
  request: CloseRequest,
  response: CloseResponse,
  closes: true,
  handle(ctx, { flags }) {
    const { open } = ctx;
    const { handle } = open;
    if ((flags & CloseFlags.PostqueryAttrib) === 0 || handle === undefined) return andThen(closeOpen(open), () => nothing);
    open.enter();
    return settle(
      (): MaybePromise<Stat | VfsCode> => (open.wrote ? runSteps(statWritten(open, handle)) : handle.stat()),
      (stat) => {
        const answer = isCode(stat) ? nothing : { ...attributesAfterClose(open, stat), flags: CloseFlags.PostqueryAttrib };
        open.leave();
        return andThen(closeOpen(open), () => answer);
      },
      (error) => {
        open.leave();
        throw error;
      },
    );
  },
});

/** The attributes of a file that was written through the open, with its LastAccessTime set. */
function* statWritten(open: Open, handle: Handle): Steps<Stat | VfsCode> {
  yield* noteWritten(open);
  return yield* wait(handle.stat());
}

function attributesAfterClose(open: Open, stat: Stat) {
  const { creationTime, lastAccessTime, lastWriteTime, changeTime, allocationSize, endOfFile, fileAttributes } = metadataOfOpen(open, stat);
  return { creationTime, lastAccessTime, lastWriteTime, changeTime, allocationSize, endOfFile, fileAttributes };
}
