import { type Steps, wait } from '@ring3/kit';
import {
  AccessMask,
  FileAttributes,
  FileLinkInformation,
  FileRenameInformation,
  FileRenameInformationEx,
  NtStatus,
  RenameFlags,
  type SecurityDescriptor,
  ShareAccess,
} from '@ring3/smb-proto';
import { type Handle, isCode, type VfsCode } from '@ring3/vfs';
import { directoryChanged, nameChanged } from '../../objects/child-changes.ts';
import { descriptorOf, rightsOf } from '../../objects/descriptors.ts';
import { findEntry, nameRemoved, storedName } from '../../objects/find-entry.ts';
import { attributesOf } from '../../objects/metadata.ts';
import { changed, noting, redescribed } from '../../objects/noting.ts';
import type { Open } from '../../objects/open.ts';
import { newTrail, openParent, release, shownPath } from '../../objects/resolve.ts';
import type { ContextOf } from '../../request/command.ts';
import { askAccess, askAccessFor, askShare } from '../../request/pending.ts';
import { noOpen } from '../../state/index.ts';
import type { ParsedPath } from '../../values/paths.ts';
import { statusOf } from '../../values/status-map.ts';
import { renameStream } from './rename-stream.ts';
import type { Setter } from './setter.ts';

/** FileRenameInformation, MS-FSA 2.1.5.15.11. */
export const setRename: Setter = function* (ctx, handle, frame) {
  const { replaceIfExists, rootDirectory, fileName } = FileRenameInformation.read(frame, 0, frame.length);
  if (rootDirectory !== 0n) return NtStatus.InvalidParameter;
  return yield* move(ctx, handle, fileName, replacing(replaceIfExists), 'rename');
};

/** FileLinkInformation, MS-FSA 2.1.5.15.6: a second name for a file. */
export const setLink: Setter = function* (ctx, handle, frame) {
  const { replaceIfExists, rootDirectory, fileName } = FileLinkInformation.read(frame, 0, frame.length);
  if (rootDirectory !== 0n) return NtStatus.InvalidParameter;
  return yield* move(ctx, handle, fileName, replacing(replaceIfExists), 'link');
};

/** How the target of a rename or link is replaced, if it exists. */
interface Replacing {
  readonly replace: boolean;
  /** Also if the target is open: its opens stay, without a name; and a directory replaces an empty one. FILE_RENAME_POSIX_SEMANTICS. */
  readonly posix: boolean;
  /** Also if the target has the read-only attribute. FILE_RENAME_IGNORE_READONLY_ATTRIBUTE. */
  readonly ignoreReadOnly: boolean;
}
const replacing = (replaceIfExists: number): Replacing => ({ replace: replaceIfExists !== 0, posix: false, ignoreReadOnly: false });

/** Supported flags. No entry has a pin state or a storage reserve, so the two SUPPRESS flags have nothing to suppress. */
const done =
  RenameFlags.ReplaceIfExists |
  RenameFlags.PosixSemantics |
  RenameFlags.SuppressPinStateInheritance |
  RenameFlags.SuppressStorageReserveInheritance |
  RenameFlags.IgnoreReadOnlyAttribute;
/** Flags that resize storage reserve areas, which do not exist here. */
const resizing =
  RenameFlags.NoIncreaseAvailableSpace |
  RenameFlags.NoDecreaseAvailableSpace |
  RenameFlags.ForceResizeTargetStorageReserve |
  RenameFlags.ForceResizeSourceStorageReserve;

/** FileRenameInformationEx, MS-FSCC 2.4: a flag is executed or rejected. */
export const setRenameEx: Setter = function* (ctx, handle, frame) {
  const { flags, rootDirectory, fileName } = FileRenameInformationEx.read(frame, 0, frame.length);
  if (rootDirectory !== 0n || (flags & ~(done | resizing)) !== 0) return NtStatus.InvalidParameter;
  if ((flags & resizing) !== 0) return NtStatus.NotSupported;
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const replacement = {
    replace: has(RenameFlags.ReplaceIfExists),
    posix: has(RenameFlags.PosixSemantics),
    ignoreReadOnly: has(RenameFlags.IgnoreReadOnlyAttribute),
  };
  return yield* move(ctx, handle, fileName, replacement, 'rename');
};

function* move(ctx: ContextOf<'open'>, file: Handle, fileName: string, replacement: Replacing, how: 'rename' | 'link'): Steps<NtStatus> {
  const { tree, open } = ctx;
  const { replace, posix } = replacement;
  const handle = how === 'rename' ? (open.named ?? file) : file;
  if (fileName === '') return NtStatus.InvalidParameter;
  if (how === 'link' && handle.link === undefined) return NtStatus.NotSupported;
  if (how === 'link' && handle.kind === 'folder') return NtStatus.FileIsADirectory;
  if (how === 'rename' && fileName.startsWith(':')) return yield* renameStream(ctx, file, fileName, replace);
  const path = tree.share.names.parse(fileName.startsWith('\\') ? fileName.slice(1) : fileName);
  if (typeof path === 'number') return path;
  if (open.base !== undefined) return NtStatus.InvalidParameter;
  if (path.stream !== undefined || path.components.length === 0) return NtStatus.ObjectNameInvalid;
  if (handle.fileId === tree.root?.fileId) return NtStatus.AccessDenied;
  const below = file.kind === 'folder' ? yield* clearBelow(ctx) : NtStatus.Success;
  if (below !== NtStatus.Success) return below;
  const trail = newTrail();
  const parent = yield* openParent(tree, path.components, trail);
  if (typeof parent === 'number') return parent;
  try {
    const status = yield* mayMove(ctx, parent, trail.descriptor, path, handle, replacement);
    if (status !== NtStatus.Success) return status;
    const target = yield* storedName(tree, parent, trail.names, path.components.at(-1) as string, ctx.server.clock.now());
    const to = shownPath(trail, target);
    const { persistence } = ctx.server;
    if (how === 'rename' && !(yield* wait(persistence.renaming(tree.fileState, handle, to)))) return NtStatus.InsufficientResources;
    const noted = how === 'rename' && handle === open.handle && handle.kind === 'file' ? redescribed : changed;
    const done = yield* noting(open, noted, () =>
      how === 'rename' ? handle.rename(parent, target, { replace, replaceDirectory: posix }) : handle.link?.(parent, target, { replace }),
    );
    if (!isCode(done)) {
      ctx.server.reports.moved(open, to, how);
      directoryChanged(ctx.server, tree.fileState, parent.fileId, open.parentLease);
      if (how === 'rename') {
        nameChanged(open);
        nameRemoved(open);
        for (const moved of ctx.server.opens.renamed(tree, handle.fileId, to, trail.ids)) yield* follow(moved, parent);
      }
    }
    if (how === 'rename') yield* wait(persistence.saveFile(tree.fileState, handle));
    return isCode(done) ? renameStatus(done) : NtStatus.Success;
  } finally {
    yield* release(tree, parent);
  }
}

/** Watches for changes of others in the new directory of a file that an open caches. If that is not possible, nothing is cached any more. */
function* follow(open: Open, parent: Handle): Steps<void> {
  const { outside } = open.share;
  if (outside === undefined || open.watched === undefined || open.handle === undefined || open.handle.kind === 'folder') return;
  const watched = yield* outside.watch(parent);
  if (typeof watched === 'object') outside.use(watched, open);
  else outside.stop(open);
  if (watched !== 'full') return;
  yield* wait(open.fileState.submit(open.handle.fileId, { kind: 'notice', operation: 'write', owner: noOpen }));
}

/**
 * A directory can be renamed only if nothing below it is open. Handle-caching oplocks below are broken first, so deferred CLOSEs can
 * arrive.
 */
function* clearBelow(ctx: ContextOf<'open'>): Steps<NtStatus> {
  const { server, tree, open } = ctx;
  const { fileId: directoryId } = open.handle as Handle;
  for (const { handle } of server.opens.below(tree, directoryId)) {
    const status = handle === undefined ? NtStatus.Success : yield* wait(askAccessFor(ctx, tree.fileState, handle.fileId, 'rename'));
    if (status !== NtStatus.Success) return status;
  }
  return server.opens.below(tree, directoryId).length > 0 ? NtStatus.AccessDenied : NtStatus.Success;
}

/** Whether the directory of the new name accepts the entry, and no open conflicts with it. */
function* mayMove(
  ctx: ContextOf<'open'>,
  parent: Handle,
  parentDescriptor: SecurityDescriptor,
  path: ParsedPath,
  handle: Handle,
  replacement: Replacing,
): Steps<NtStatus> {
  const { tree } = ctx;
  const needed = handle.kind === 'folder' ? AccessMask.FileAddSubdirectory : AccessMask.FileAddFile;
  if ((rightsOf(parentDescriptor, tree.identity) & needed) === 0) return NtStatus.AccessDenied;
  const status = yield* checkTarget(ctx, parent, parentDescriptor, path, handle, replacement);
  if (status !== NtStatus.Success) return status;
  // the directory of the new name is opened for adding an entry, and not shared for deletion: no other open may be able to delete it
  const shared = yield* wait(askShare(ctx, tree.fileState, parent.fileId, AccessMask.FileAddFile, ShareAccess.Read | ShareAccess.Write));
  if (shared !== NtStatus.Success) return shared;
  return yield* wait(askAccess(ctx, 'rename'));
}

/** A target is replaced only if it could be deleted: by its rights and attributes, and by its opens. */
function* checkTarget(
  ctx: ContextOf<'open'>,
  parent: Handle,
  parentDescriptor: SecurityDescriptor,
  { components }: ParsedPath,
  handle: Handle,
  replacement: Replacing,
): Steps<NtStatus> {
  const { tree } = ctx;
  const how = { access: 'metadata', kind: 'any', disposition: 'open', follow: false } as const;
  const target = yield* wait(findEntry(tree, parent, components.at(-1) as string, how));
  if (isCode(target)) return NtStatus.Success;
  try {
    if (target.fileId === handle.fileId) return NtStatus.Success;
    if (!replacement.replace) return NtStatus.ObjectNameCollision;
    if (target.kind === 'folder' && !(replacement.posix && handle.kind === 'folder')) return NtStatus.AccessDenied;
    return yield* mayReplace(ctx, parentDescriptor, target, replacement);
  } finally {
    yield* wait(target.close());
  }
}

function* mayReplace(
  ctx: ContextOf<'open'>,
  parentDescriptor: SecurityDescriptor,
  target: Handle,
  { posix, ignoreReadOnly }: Replacing,
): Steps<NtStatus> {
  const { tree } = ctx;
  const stat = yield* wait(target.stat());
  if (isCode(stat)) return statusOf(stat);
  const own = yield* descriptorOf(target, parentDescriptor);
  if (isCode(own)) return NtStatus.AccessDenied;
  const rights = rightsOf(own, tree.identity);
  const mayIgnore = ignoreReadOnly && (rights & AccessMask.FileWriteAttributes) !== 0;
  if ((attributesOf(stat, target.kind) & FileAttributes.ReadOnly) !== 0 && !mayIgnore) return NtStatus.AccessDenied;
  const deletes = (rights & AccessMask.Delete) | (rightsOf(parentDescriptor, tree.identity) & AccessMask.FileDeleteChild);
  if (deletes === 0) return NtStatus.AccessDenied;
  const broken = yield* wait(askAccessFor(ctx, tree.fileState, target.fileId, 'delete'));
  if (broken !== NtStatus.Success) return broken;
  // as an open that deletes and shares everything: other opens of the file must share deletion
  if (posix) return yield* wait(askShare(ctx, tree.fileState, target.fileId, AccessMask.Delete, shareAll));
  const { opens } = yield* wait(tree.fileState.submit(target.fileId, { kind: 'query' }));
  return opens > 0 ? NtStatus.AccessDenied : NtStatus.Success;
}

const shareAll = ShareAccess.Read | ShareAccess.Write | ShareAccess.Delete;

const renameStatus = (code: VfsCode): NtStatus => {
  return code === 'EISDIR' ? NtStatus.AccessDenied : statusOf(code);
};
