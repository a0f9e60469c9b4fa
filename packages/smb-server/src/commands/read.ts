import { andThen, type MaybePromise, runSteps } from '@ring3/kit';
import { CreateOptions, headerLength, NtStatus, ReadFlags, ReadRequest, ReadResponse } from '@ring3/smb-proto';
import { type Handle, isCode, type VfsCode } from '@ring3/vfs';
import { readingHeld, UserSet } from '../objects/noting.ts';
import type { Open } from '../objects/open.ts';
import { type ContextOf, command } from '../request/command.ts';
import { askAccess } from '../request/pending.ts';
import { readsFreely } from '../state/index.ts';
import { readDataRights } from '../values/access.ts';
import { beyond, endsBeyond, sectorAligned } from '../values/offsets.ts';
import { statusOf } from '../values/status-map.ts';

/**
 * READ, MS-SMB2 3.3.5.12: into a pooled buffer, which returns when the link has sent it. A cached read makes no promise and no closure
 * except for that.
 */
export const read = command({
  needs: 'open',
  request: ReadRequest,
  response: ReadResponse,
  expects: ({ length }) => length,
  moved: ({ data }) => (data.length === 1 ? data[0]!.length : data.reduce((sum, { length }) => sum + length, 0)),
  handle(ctx, { length, offset, minimumCount, flags }) {
    const { open, connection } = ctx;
    if (length > connection.negotiated.maxRead) return NtStatus.InvalidParameter;
    if (open.pipe !== undefined) return open.pipe.read(ctx, length);
    ctx.compressReply = (flags & ReadFlags.RequestCompressed) !== 0;
    const { handle } = open;
    if (!open.mayAny(readDataRights)) return NtStatus.AccessDenied;
    if (handle === undefined || handle.kind === 'folder') return NtStatus.InvalidDeviceRequest; // of the store: after the server's check
    if (isUnbuffered(open, flags) && !sectorAligned(offset, length)) return NtStatus.InvalidParameter;
    if (offset < 0 || endsBeyond(ctx, offset, length, offsetAt)) return NtStatus.InvalidParameter;
    if (length === 0) return emptyRead(minimumCount);
    if (offset >= beyond || offset + length > beyond) return NtStatus.EndOfFile; // a sum beyond 2^53 is rounded
    if (readsFreely(open.guard, open.owner)) return readInto(ctx, handle, length, offset, minimumCount);
    return andThen(askAccess(ctx, 'read', offset, length), (status) =>
      status === NtStatus.Success ? readInto(ctx, handle, length, offset, minimumCount) : status,
    );
  },
});

const isUnbuffered = ({ mode }: Open, flags: number): boolean =>
  (flags & ReadFlags.ReadUnbuffered) !== 0 || (mode & CreateOptions.NoIntermediateBuffering) !== 0;

function readInto(ctx: ContextOf<'open'>, handle: Handle, length: number, offset: number, minimumCount: number): MaybePromise<Answer> {
  const pool = ctx.server.buffers;
  const buffer = pool.take(length);
  ctx.sent = () => pool.give(buffer);
  const target = buffer.length === length ? buffer : buffer.subarray(0, length);
  const held = (ctx.open.userSet & UserSet.AccessTime) !== 0;
  const got = held ? runSteps(readingHeld(ctx.open, () => handle.read(target, offset))) : handle.read(target, offset);
  if (got instanceof Promise) return later(ctx, got, buffer, offset, minimumCount);
  return answered(ctx.open, buffer, offset, got, minimumCount);
}

/** While the store reads, the buffer counts for the connection, which starts no more reads than it may hold. */
function later(
  { connection, open }: ContextOf<'open'>,
  got: Promise<number | VfsCode>,
  buffer: Uint8Array,
  offset: number,
  minimumCount: number,
): Promise<Answer> {
  connection.reading += buffer.length;
  return got.then((count) => answered(open, buffer, offset, count, minimumCount)).finally(() => (connection.reading -= buffer.length));
}

const offsetAt = headerLength + ReadRequest.fixed.offset.offset;

type Answer = typeof nothing | NtStatus;
const nothing = { dataRemaining: 0, data: [] as Uint8Array[] };
const emptyRead = (minimumCount: number): Answer => (minimumCount > 0 ? NtStatus.EndOfFile : nothing);

function answered(open: Open, buffer: Uint8Array, offset: number, got: number | VfsCode, minimumCount: number): Answer {
  if (isCode(got)) return statusOf(got);
  if (got === 0 || got < minimumCount) return NtStatus.EndOfFile;
  open.position = offset + got;
  open.bytesRead += got;
  return { dataRemaining: 0, data: [buffer.subarray(0, got)] };
}
