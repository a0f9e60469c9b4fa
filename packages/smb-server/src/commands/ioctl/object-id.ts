import { runSteps, type Steps, wait } from '@ring3/kit';
import { AccessMask, FileObjectIdBuffer, NtStatus } from '@ring3/smb-proto';
import { type Handle, isCode } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import { changed, fileOf, noting } from '../../objects/noting.ts';
import { statusOf } from '../../values/status-map.ts';
import { type IoctlAnswer, type IoctlContext, type IoctlRow, nothing } from './row.ts';

/** BirthVolumeId, BirthObjectId and DomainId: the fields after the object id, MS-FSCC 2.1.3.1. */
const extendedLength = FileObjectIdBuffer.byteLength - FileObjectIdBuffer.offset.birthVolumeId;
const empty = new Uint8Array(16);
const isEmpty = (id: Uint8Array): boolean => Buffer.compare(id, empty) === 0;

/** Whether the share's store has object ids: Volume.IsObjectIDsSupported, MS-FSA 2.1.1.1. */
const isSupported = ({ tree }: IoctlContext): boolean => tree.vfs.features.has('objectIds');

/** FSCTL_GET_OBJECT_ID, MS-FSA 2.1.5.10.13. */
export const getObjectId: IoctlRow = {
  needs: 'entry',
  handle(ctx, { maxOutputResponse }) {
    if (!isSupported(ctx)) return NtStatus.VolumeNotUpgraded;
    if (maxOutputResponse < FileObjectIdBuffer.byteLength) return NtStatus.InvalidParameter;
    return runSteps(stored(fileOf(ctx.open)));
  },
};

/** FSCTL_CREATE_OR_GET_OBJECT_ID, MS-FSA 2.1.5.10.1. */
export const createOrGetObjectId: IoctlRow = {
  needs: 'entry',
  handle(ctx, { maxOutputResponse }) {
    if (!isSupported(ctx)) return NtStatus.VolumeNotUpgraded;
    if (maxOutputResponse < FileObjectIdBuffer.byteLength) return NtStatus.InvalidParameter;
    return runSteps(createOrGet(ctx));
  },
};

/** FSCTL_SET_OBJECT_ID, MS-FSA 2.1.5.10.35: for administrators of the share, who may restore files. */
export const setObjectId: IoctlRow = {
  needs: 'entry',
  changes: true,
  handle(ctx, { input }) {
    if (input.length !== FileObjectIdBuffer.byteLength) return NtStatus.InvalidParameter;
    if (!isSupported(ctx)) return NtStatus.VolumeNotUpgraded;
    if (ctx.tree.identity.admin !== true) return NtStatus.AccessDenied;
    return runSteps(setNew(ctx, input));
  },
};

/** FSCTL_SET_OBJECT_ID_EXTENDED, MS-FSA 2.1.5.10.36. */
export const setObjectIdExtended: IoctlRow = {
  needs: 'entry',
  changes: true,
  handle(ctx, { input }) {
    if (input.length !== extendedLength) return NtStatus.InvalidParameter;
    if (!isSupported(ctx)) return NtStatus.VolumeNotUpgraded;
    if (!ctx.open.mayAny(AccessMask.FileWriteData | AccessMask.FileWriteAttributes)) return NtStatus.AccessDenied;
    return runSteps(setExtended(ctx, input));
  },
};

/** FSCTL_DELETE_OBJECT_ID, MS-FSA 2.1.5.10.2. */
export const deleteObjectId: IoctlRow = {
  needs: 'entry',
  changes: true,
  handle: (ctx) => (isSupported(ctx) ? runSteps(remove(ctx)) : NtStatus.VolumeNotUpgraded),
};

/** The ids of a file as FILE_OBJECTID_BUFFER has them; ObjectidNotFound if it has none. */
function* stored(file: Handle): Steps<IoctlAnswer> {
  const found = yield* wait(file.getObjectId?.());
  if (found === undefined || found === 'ENODATA') return NtStatus.ObjectidNotFound;
  if (isCode(found)) return statusOf(found);
  return found.length === FileObjectIdBuffer.byteLength ? found : NtStatus.ObjectidNotFound; // of a damaged store
}

function* createOrGet(ctx: IoctlContext): Steps<IoctlAnswer> {
  const found = yield* stored(fileOf(ctx.open));
  if (typeof found === 'number' && found !== NtStatus.ObjectidNotFound) return found;
  const old = typeof found === 'number' ? undefined : FileObjectIdBuffer.read(new Frame(found), 0);
  if (old !== undefined && !(isEmpty(old.birthVolumeId) && isEmpty(old.birthObjectId))) return found;
  if (!ctx.tree.writable) return NtStatus.MediaWriteProtected;
  const { guid, random } = ctx.server;
  const objectId = old?.objectId ?? random.fill(new Uint8Array(16));
  const frame = Frame.alloc(FileObjectIdBuffer.byteLength);
  FileObjectIdBuffer.write(frame, 0, { objectId, birthVolumeId: guid, birthObjectId: objectId });
  const set = yield* change(ctx, frame.bytes);
  return set === NtStatus.Success ? frame.bytes : set;
}

function* setNew(ctx: IoctlContext, input: Uint8Array): Steps<IoctlAnswer> {
  const found = yield* stored(fileOf(ctx.open));
  if (found instanceof Uint8Array) return NtStatus.ObjectNameCollision;
  if (found !== NtStatus.ObjectidNotFound) return found;
  const set = yield* change(ctx, input);
  return set === NtStatus.Success ? nothing : set;
}

function* setExtended(ctx: IoctlContext, input: Uint8Array): Steps<IoctlAnswer> {
  const found = yield* stored(fileOf(ctx.open));
  if (typeof found === 'number') return found;
  const ids = new Uint8Array(found);
  ids.set(input, FileObjectIdBuffer.offset.birthVolumeId);
  const set = yield* change(ctx, ids);
  return set === NtStatus.Success ? nothing : set;
}

function* remove(ctx: IoctlContext): Steps<IoctlAnswer> {
  const found = yield* stored(fileOf(ctx.open));
  if (found === NtStatus.ObjectidNotFound) return nothing;
  const removed = yield* change(ctx, undefined);
  return removed === NtStatus.Success ? nothing : removed;
}

/** Sets or removes the ids; DuplicateName if another file has the object id. */
function* change({ open }: IoctlContext, ids: Uint8Array | undefined): Steps<NtStatus> {
  const failed = yield* noting(open, changed, () => fileOf(open).setObjectId?.(ids));
  return failed === 'EEXIST' ? NtStatus.DuplicateName : isCode(failed) ? statusOf(failed) : NtStatus.Success;
}
