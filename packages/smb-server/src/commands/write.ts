import { andThen, type MaybePromise, runSteps } from '@ring3/kit';
import { AccessMask, CreateOptions, headerLength, NtStatus, WriteFlags, WriteRequest, WriteResponse } from '@ring3/smb-proto';
import { type Handle, isCode, type VfsCode, type WriteHow } from '@ring3/vfs';
import { modified, notedByStore, noting } from '../objects/noting.ts';
import type { Open } from '../objects/open.ts';
import { command } from '../request/command.ts';
import { askAccess } from '../request/pending.ts';
import { writesFreely } from '../state/index.ts';
import { endsBeyond, sectorAligned } from '../values/offsets.ts';
import { statusOf } from '../values/status-map.ts';

const through = { through: true };
const offsetAt = headerLength + WriteRequest.fixed.offset.offset;

/** WRITE, MS-SMB2 3.3.5.13: the store gets the chunks as they were received. */
export const write = command({
  needs: 'open',
  request: WriteRequest,
  response: WriteResponse,
  sends: ({ data }) => lengthOf(data),
  moved: ({ count }) => count,
  handle(ctx, { data, offset, flags }) {
    const { open, connection } = ctx;
    const length = lengthOf(data);
    if (length > connection.negotiated.maxWrite) return NtStatus.InvalidParameter;
    if (open.pipe !== undefined) return open.pipe.write(data, length);
    const { handle } = open;
    if (!open.mayAny(AccessMask.FileWriteData | AccessMask.FileAppendData)) return NtStatus.AccessDenied;
    if (handle === undefined || handle.kind === 'folder') return NtStatus.InvalidDeviceRequest; // of the store: after the server's check
    if (isUnbuffered(open, flags) && !sectorAligned(offset, length)) return NtStatus.InvalidParameter;
    if (offset < 0 || endsBeyond(ctx, offset, length, offsetAt)) return NtStatus.InvalidParameter;
    if (length === 0) return { count: 0 };
    if (offset + length > Number.MAX_SAFE_INTEGER) return NtStatus.InvalidParameter; // MS-FSA 2.1.5.4: beyond the largest file
    const how = (flags & WriteFlags.WriteThrough) !== 0 || (open.mode & CreateOptions.WriteThrough) !== 0 ? through : undefined;
    if (ctx.last && ctx.at === 0) ctx.compound.onlyWrote = true; // a store keeps no chunk after it has returned
    if (writesFreely(open.guard, open.owner)) return writeTo(open, handle, data, offset, how);
    return andThen(askAccess(ctx, 'write', offset, length), (status) =>
      status === NtStatus.Success ? writeTo(open, handle, data, offset, how) : status,
    );
  },
});

const isUnbuffered = ({ mode }: Open, flags: number): boolean =>
  (flags & WriteFlags.WriteUnbuffered) !== 0 || (mode & CreateOptions.NoIntermediateBuffering) !== 0;

function lengthOf(chunks: readonly Uint8Array[]): number {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  return length;
}

function writeTo(open: Open, handle: Handle, data: readonly Uint8Array[], offset: number, how: WriteHow | undefined): MaybePromise<Answer> {
  if (!notedByStore(open)) return writeNoting(open, handle, data, offset, how);
  const written = handle.write(data, offset, how);
  return written instanceof Promise ? written.then((count) => answered(open, count)) : answered(open, written);
}

const writeNoting = (
  open: Open,
  handle: Handle,
  data: readonly Uint8Array[],
  offset: number,
  how: WriteHow | undefined,
): MaybePromise<Answer> =>
  andThen(runSteps(noting(open, modified, () => handle.write(data, offset, how))), (count) => answered(open, count));

type Answer = { count: number } | NtStatus;
function answered(open: Open, count: number | VfsCode): Answer {
  if (isCode(count)) return statusOf(count);
  open.changed(count);
  return { count };
}
