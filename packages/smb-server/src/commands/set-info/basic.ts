import { type Steps, wait } from '@ring3/kit';
import {
  CreateOptions,
  FileAllocationInformation,
  FileAttributes,
  FileBasicInformation,
  FileEndOfFileInformation,
  FileModeInformation,
  FilePositionInformation,
  filetimeToNs,
  NtStatus,
  settableFileAttributes,
} from '@ring3/smb-proto';
import { type Handle, isCode, type StatChanges, type VfsCode } from '@ring3/vfs';
import { childChanged } from '../../objects/child-changes.ts';
import type { NameRules } from '../../objects/name-rules.ts';
import { fileOf, modified, noting, now, UserSet } from '../../objects/noting.ts';
import type { Open } from '../../objects/open.ts';
import { askAccess } from '../../request/pending.ts';
import { bytesPerSector, largest, maxFileSize } from '../../values/offsets.ts';
import { statusOf } from '../../values/status-map.ts';
import type { Setter } from './setter.ts';

/** Values that are not times: leave the time as it is; stop its automatic change; resume its automatic change. MS-FSCC 2.4.7. */
const leave = 0n;
const stop = 0xffff_ffff_ffff_ffffn;
const resume = 0xffff_ffff_ffff_fffen;

const settable = settableFileAttributes | FileAttributes.SparseFile;

/** FileBasicInformation, MS-FSA 2.1.5.15.2. */
export const setBasic: Setter = function* (ctx, handle, frame) {
  const asked = FileBasicInformation.read(frame, 0);
  const isTime = (time: bigint): boolean => time !== leave && time !== stop && time !== resume;
  const times = [asked.creationTime, asked.lastWriteTime, asked.lastAccessTime, asked.changeTime];
  if (times.some((time) => isTime(time) && time > largest)) return NtStatus.InvalidParameter;
  const { fileAttributes } = asked;
  if (handle.kind === 'file' && (fileAttributes & FileAttributes.Directory) !== 0) return NtStatus.InvalidParameter;
  if (handle.kind === 'folder' && (fileAttributes & FileAttributes.Temporary) !== 0) return NtStatus.InvalidParameter;
  const { open } = ctx;
  const changes: Changes = {};
  if (isTime(asked.creationTime)) changes.birth = filetimeToNs(asked.creationTime);
  if (isTime(asked.lastWriteTime)) changes.modified = filetimeToNs(asked.lastWriteTime);
  if (isTime(asked.lastAccessTime)) changes.accessed = filetimeToNs(asked.lastAccessTime);
  if (isTime(asked.changeTime)) changes.changed = filetimeToNs(asked.changeTime);
  const target = fileOf(open);
  if (fileAttributes !== 0) {
    const kept = yield* attributesToKeep(ctx.tree.share.names, target, fileAttributes & settable);
    if (isCode(kept)) return statusOf(kept);
    changes.attributes = kept;
  }
  if (Object.keys(changes).length > 0) {
    const set = yield* setChanges(open, target, changes);
    if (set !== NtStatus.Success) return set;
  }
  const held = [asked.lastWriteTime, asked.changeTime, asked.lastAccessTime];
  open.userSet = held.reduce((userSet, time, i) => {
    const bit = heldTimes[i] as number;
    return time === leave ? userSet : time === resume ? userSet & ~bit : userSet | bit;
  }, open.userSet);
  return NtStatus.Success;
};

type Changes = { -readonly [K in keyof StatChanges]: StatChanges[K] };
const heldTimes = [UserSet.ModificationTime, UserSet.ChangeTime, UserSet.AccessTime];

/** Sets times and attributes. ChangeTime stays if the client set it before; the LastAccessTime of writes so far is set first. */
function* setChanges(open: Open, target: Handle, changes: Changes): Steps<NtStatus> {
  if (target.setStat === undefined) return NtStatus.NotSupported;
  const { fileGuard } = open;
  if (fileGuard.written && changes.accessed === undefined) changes.accessed = now(open);
  if ((open.userSet & UserSet.ChangeTime) !== 0 && changes.changed === undefined) {
    const before = yield* wait(target.stat());
    if (isCode(before)) return statusOf(before);
    changes.changed = before.changed;
  }
  const set = yield* wait(target.setStat(changes));
  if (isCode(set)) return statusOf(set);
  childChanged(open);
  fileGuard.written = false;
  if (changes.attributes !== undefined) fileGuard.archived = (changes.attributes & FileAttributes.Archive) !== 0;
  return NtStatus.Success;
}

function* attributesToKeep(names: NameRules, target: Handle, asked: number): Steps<number | VfsCode> {
  if (names.attributesOf(target.name) === 0) return asked;
  const stat = yield* wait(target.stat());
  return isCode(stat) ? stat : names.attributesToKeep(target.name, asked, stat.attributes ?? 0);
}

/** FileEndOfFileInformation, MS-FSA 2.1.5.15.4. */
export const setEndOfFile: Setter = function* (ctx, handle, frame) {
  const { endOfFile } = FileEndOfFileInformation.read(frame, 0);
  if (handle.kind === 'folder' || endOfFile > maxFileSize) return NtStatus.InvalidParameter;
  const allowed = yield* wait(askAccess(ctx, 'size'));
  if (allowed !== NtStatus.Success) return allowed;
  const set = yield* noting(ctx.open, modified, () => handle.truncate(Number(endOfFile)));
  if (isCode(set)) return statusOf(set);
  ctx.open.changed(0);
  childChanged(ctx.open);
  return NtStatus.Success;
};

/** FileAllocationInformation, MS-FSA 2.1.5.15.1: space is reserved if the store can; less space than data truncates the data. */
export const setAllocation: Setter = function* (ctx, handle, frame) {
  const { allocationSize } = FileAllocationInformation.read(frame, 0);
  if (handle.kind === 'folder' || allocationSize > maxFileSize) return NtStatus.InvalidParameter;
  const allowed = yield* wait(askAccess(ctx, 'size'));
  if (allowed !== NtStatus.Success) return allowed;
  const size = Number(allocationSize);
  const stat = yield* wait(handle.stat());
  if (isCode(stat)) return statusOf(stat);
  const set = yield* noting(ctx.open, modified, () => (size < stat.size ? handle.truncate(size) : handle.allocate?.(size)));
  if (isCode(set)) return statusOf(set);
  if (size < stat.size) ctx.open.changed(0);
  childChanged(ctx.open);
  return NtStatus.Success;
};

/** FilePositionInformation, MS-FSA 2.1.5.15.9: kept with the open, and otherwise unused. */
// biome-ignore lint/correctness/useYield: at once
export const setPosition: Setter = function* (ctx, _handle, frame) {
  const { currentByteOffset } = FilePositionInformation.read(frame, 0);
  if (currentByteOffset > largest) return NtStatus.InvalidParameter;
  const unbuffered = (ctx.open.mode & CreateOptions.NoIntermediateBuffering) !== 0;
  if (unbuffered && currentByteOffset % BigInt(bytesPerSector) !== 0n) return NtStatus.InvalidParameter;
  ctx.open.position = currentByteOffset;
  return NtStatus.Success;
};

/** Bits of FileModeInformation that a client can change. FILE_SYNCHRONOUS_IO_ALERT and _NONALERT are only for synchronous opens, and a server has none. */
const changeableModes = CreateOptions.WriteThrough | CreateOptions.SequentialOnly;

/** FileModeInformation, MS-FSA 2.1.5.15.7. An unbuffered open keeps its FILE_WRITE_THROUGH. */
// biome-ignore lint/correctness/useYield: at once
export const setMode: Setter = function* (ctx, _handle, frame) {
  const { mode } = FileModeInformation.read(frame, 0);
  if ((mode & ~changeableModes) !== 0) return NtStatus.InvalidParameter;
  const { open } = ctx;
  const changes = (open.mode & CreateOptions.NoIntermediateBuffering) === 0 ? changeableModes : CreateOptions.SequentialOnly;
  open.mode = (open.mode & ~changes) | (mode & changes);
  return NtStatus.Success;
};
