import { type Steps, wait } from '@ring3/kit';
import { NtStatus } from '@ring3/smb-proto';
import { type Handle, isCode, type Stat, sameName } from '@ring3/vfs';
import { copyData } from '../../objects/copy-data.ts';
import { changed, noting } from '../../objects/noting.ts';
import type { ContextOf } from '../../request/command.ts';
import { askAccess } from '../../request/pending.ts';
import { orClose } from '../../values/or-close.ts';
import { isStreamName } from '../../values/paths.ts';
import { statusOf } from '../../values/status-map.ts';

/** The name of a stream; empty for the default stream. */
type StreamName = string;

/**
 * Renames the stream of an open, MS-FSA 2.1.5.15.11.1: a named stream to another name or to the default stream, the default stream to a name, which leaves an
 * empty default stream.
 * @param newName starts with a colon
 */
export function* renameStream(ctx: ContextOf<'open'>, handle: Handle, newName: string, replace: boolean): Steps<NtStatus> {
  const { open, tree } = ctx;
  if (!tree.share.names.streams || !tree.vfs.features.has('streams')) return NtStatus.ObjectNameInvalid;
  const name = parse(newName, handle.kind === 'folder', open.base?.kind === 'folder');
  if (typeof name === 'number') return name;
  const former: StreamName = open.base === undefined ? '' : handle.name;
  if (sameName(name, former) && (name === former || name === '')) return NtStatus.Success;
  const file = open.base ?? handle;
  const taken = sameName(name, former) ? NtStatus.Success : yield* mayTake(ctx, file, name, replace);
  if (taken !== NtStatus.Success) return taken;
  const allowed = yield* wait(askAccess(ctx, 'rename'));
  if (allowed !== NtStatus.Success) return allowed;
  const path = open.base === undefined ? open.pathName : open.pathName.slice(0, open.pathName.lastIndexOf(':'));
  const status = former === '' ? yield* nameDefault(ctx, file, name) : yield* renameNamed(ctx, file, handle, name, replace);
  if (status !== NtStatus.Success) return status;
  const to = name === '' ? path : `${path}:${name}`;
  ctx.server.reports.moved(open, to, 'rename');
  open.pathName = to;
  yield* wait(ctx.server.persistence.save(open));
  return NtStatus.Success;
}

/** Splits `:name:type`. @returns the name; or the status of an invalid one */
function parse(newName: string, ofDirectory: boolean, inDirectory: boolean): StreamName | NtStatus {
  const [, name = '', type, ...more] = newName.split(':');
  if (newName.endsWith(':') || more.length > 0) return NtStatus.InvalidParameter;
  if (name !== '' && !isStreamName(name)) return NtStatus.InvalidParameter;
  if (name === '' && (type === undefined || type === '')) return NtStatus.InvalidParameter;
  if (type !== undefined && /[\\/\0]/.test(type)) return NtStatus.InvalidParameter;
  if (type !== undefined && type.toUpperCase() !== (ofDirectory ? '$INDEX_ALLOCATION' : '$DATA')) return NtStatus.ObjectTypeMismatch;
  if (ofDirectory || (name === '' && inDirectory)) return NtStatus.InvalidParameter;
  return name;
}

/** Whether the new name is free, or its stream can be replaced: nothing has it open. */
function* mayTake(ctx: ContextOf<'open'>, file: Handle, name: StreamName, replace: boolean): Steps<NtStatus> {
  const { fileState } = ctx.tree;
  const there = name === '' ? file : yield* wait(file.openStream?.(name, { access: 'metadata', disposition: 'open' }));
  if (there === undefined || there === 'ENOENT') return NtStatus.Success;
  if (isCode(there)) return statusOf(there);
  const { opens, streamOpens } = yield* wait(fileState.submit(there.fileId, { kind: 'query' }));
  if (there !== file) yield* wait(there.close());
  if (!replace) return NtStatus.ObjectNameCollision;
  return opens > streamOpens ? NtStatus.InvalidParameter : NtStatus.Success;
}

function* renameNamed(ctx: ContextOf<'open'>, file: Handle, stream: Handle, name: StreamName, replace: boolean): Steps<NtStatus> {
  if (name === '') return yield* becomeDefault(ctx, file, stream);
  const renamed = yield* noting(ctx.open, changed, () => stream.rename(file, name, { replace }));
  return isCode(renamed) ? statusOf(renamed) : NtStatus.Success;
}

/** The default stream gets a name: its data is copied to a temporary stream, which gets the name when it is complete; then the default stream is emptied. */
function* nameDefault(ctx: ContextOf<'open'>, file: Handle, name: StreamName): Steps<NtStatus> {
  const { open, tree } = ctx;
  const copy = yield* copyOf(ctx, file, file);
  if (typeof copy === 'number') return copy;
  const able = (yield* wait(file.reopen?.('readWrite'))) ?? (yield* wait(copy.rename(file, name, { replace: true })));
  const emptied = isCode(able) ? able : yield* noting(open, changed, () => file.truncate(0));
  if (isCode(emptied)) {
    yield* drop(copy);
    return statusOf(emptied);
  }
  const { volatileFileId: openId } = open;
  const entry = yield* wait(tree.fileState.submit(file.fileId, { kind: 'takeOut', openId }));
  if (entry !== undefined) {
    yield* wait(tree.fileState.submit(copy.fileId, { ...entry, name: ctx.server.nameIds.of(copy) }));
    const ofStream = { ...entry, access: 0, checkedAccess: 0, deleteOnClose: false, posixDelete: false, overwrites: false, ofStream: true };
    yield* wait(tree.fileState.submit(file.fileId, ofStream));
  }
  open.become(copy, file);
  return NtStatus.Success;
}

/**
 * A named stream becomes the default stream. The old data of the default stream is kept in a temporary stream until the new data is complete.
 */
function* becomeDefault(ctx: ContextOf<'open'>, file: Handle, stream: Handle): Steps<NtStatus> {
  const { open, tree } = ctx;
  const able = yield* wait(file.reopen?.('readWrite'));
  if (isCode(able)) return statusOf(able);
  const kept = yield* copyOf(ctx, file, file);
  if (typeof kept === 'number') return kept;
  const status = yield* orClose(kept, replaceKept(ctx, stream, file, kept));
  if (status !== NtStatus.Success) return status;
  const { volatileFileId: openId } = open;
  const entry = yield* wait(tree.fileState.submit(stream.fileId, { kind: 'takeOut', openId }));
  yield* wait(tree.fileState.submit(file.fileId, { kind: 'withdraw', openId }));
  if (entry !== undefined) yield* wait(tree.fileState.submit(file.fileId, { ...entry, name: ctx.server.nameIds.of(file) }));
  open.become(file, undefined);
  yield* drop(stream);
  return NtStatus.Success;
}

/**
 * Replaces the data of the default stream. `kept` has the old data, also if the process ends meanwhile, and is removed at the end, unless the
 * old data could not be restored: then the next start does so.
 */
function* replaceKept(ctx: ContextOf<'open'>, stream: Handle, file: Handle, kept: Handle): Steps<NtStatus> {
  const before = yield* wait(file.stat());
  const backup = isCode(before) ? before : yield* wait(kept.rename(file, ''));
  const status = isCode(backup) ? statusOf(backup) : yield* replaceData(ctx, stream, file);
  const changedIt = status !== NtStatus.Success && !isCode(backup);
  const restored = changedIt && !isCode(before) ? yield* restore(ctx, kept, file, before) : NtStatus.Success;
  if (restored === NtStatus.Success) yield* drop(kept);
  else yield* wait(kept.close());
  return status;
}

/** Restores data and times of the default stream after a change that failed. */
function* restore(ctx: ContextOf<'open'>, kept: Handle, file: Handle, { modified, accessed, changed }: Stat): Steps<NtStatus> {
  const restored = yield* replaceData(ctx, kept, file);
  if (restored === NtStatus.Success) yield* wait(file.setStat?.({ modified, accessed, changed }));
  return restored;
}

/** Replaces the data of one stream by that of another. */
function* replaceData(ctx: ContextOf<'open'>, from: Handle, to: Handle): Steps<NtStatus> {
  const stat = yield* wait(from.stat());
  if (isCode(stat)) return statusOf(stat);
  const emptied = yield* noting(ctx.open, changed, () => to.truncate(0));
  if (isCode(emptied)) return statusOf(emptied);
  return yield* copyData(ctx.open, { handle: from, offset: 0, length: stat.size, sameStore: true }, to, 0);
}

/** A temporary stream of a file with the data of another. @returns it, to be renamed or dropped; or the status of a failure, which leaves nothing */
function* copyOf(ctx: ContextOf<'open'>, from: Handle, file: Handle): Steps<Handle | NtStatus> {
  const able = yield* wait(from.reopen?.('read'));
  if (isCode(able)) return statusOf(able);
  const copy = yield* wait(file.openStream?.('', { access: 'readWrite', disposition: 'temporary' }));
  if (copy === undefined) return NtStatus.ObjectNameInvalid;
  if (isCode(copy)) return statusOf(copy);
  let status: NtStatus | undefined;
  try {
    status = yield* replaceData(ctx, from, copy);
  } finally {
    if (status !== NtStatus.Success) yield* drop(copy);
  }
  return status === NtStatus.Success ? copy : status;
}

function* drop(stream: Handle): Steps<void> {
  yield* wait(stream.unlink());
  yield* wait(stream.close());
}
