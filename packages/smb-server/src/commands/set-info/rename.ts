import { type Steps, wait } from '@ring3/kit';
import {
  AccessMask,
  FileLinkInformation,
  FileRenameInformation,
  FileRenameInformationEx,
  NtStatus,
  RenameFlags,
  ShareAccess,
} from '@ring3/smb-proto';
import { type Handle, isCode, type VfsCode } from '@ring3/vfs';
import type { ContextOf } from '../../command.ts';
import { type ParsedPath, parsePath } from '../../paths.ts';
import { askAccess } from '../../pending.ts';
import { openParent, release } from '../../resolve.ts';
import { statusOf } from '../../status-map.ts';
import type { Setter } from './file.ts';

/** FileRenameInformation, MS-FSA 2.1.5.15.12. */
export const setRename: Setter = function* (ctx, handle, frame) {
  const { replaceIfExists, rootDirectory, fileName } = FileRenameInformation.read(frame, 0, frame.length);
  if (rootDirectory !== 0n) return NtStatus.InvalidParameter;
  return yield* move(ctx, handle, fileName, replaceIfExists !== 0, 'rename');
};

/** FileRenameInformationEx. */
export const setRenameEx: Setter = function* (ctx, handle, frame) {
  const { flags, rootDirectory, fileName } = FileRenameInformationEx.read(frame, 0, frame.length);
  if (rootDirectory !== 0n) return NtStatus.InvalidParameter;
  return yield* move(ctx, handle, fileName, (flags & RenameFlags.ReplaceIfExists) !== 0, 'rename');
};

/** FileLinkInformation, MS-FSA 2.1.5.15.6: another name for a file. */
export const setLink: Setter = function* (ctx, handle, frame) {
  const { replaceIfExists, rootDirectory, fileName } = FileLinkInformation.read(frame, 0, frame.length);
  if (rootDirectory !== 0n) return NtStatus.InvalidParameter;
  return yield* move(ctx, handle, fileName, replaceIfExists !== 0, 'link');
};

function* move(ctx: ContextOf<'open'>, handle: Handle, fileName: string, replace: boolean, how: 'rename' | 'link'): Steps<NtStatus> {
  const { tree, open } = ctx;
  if (fileName === '') return NtStatus.InvalidParameter;
  if (how === 'link' && handle.link === undefined) return NtStatus.NotSupported;
  if (how === 'link' && handle.kind === 'folder') return NtStatus.FileIsADirectory;
  const name = fileName.startsWith('\\') ? fileName.slice(1) : fileName;
  const path = parsePath(name);
  if (typeof path === 'number') return path;
  if (path.stream !== undefined || path.components.length === 0) return NtStatus.ObjectNameInvalid;
  if (handle.fileId === tree.root?.fileId) return NtStatus.AccessDenied;
  if (handle.kind === 'folder' && ctx.server.opensBelow(tree, open)) return NtStatus.AccessDenied;
  const parent = yield* openParent(tree, path.components);
  if (typeof parent === 'number') return parent;
  try {
    const status = yield* checkTarget(ctx, parent, path, handle, replace);
    if (status !== NtStatus.Success) return status;
    const shared = yield* wait(tree.fileState.submit(parent.fileId, intoParent));
    if (shared !== NtStatus.Success) return shared;
    const allowed = yield* wait(askAccess(ctx, 'rename'));
    if (allowed !== NtStatus.Success) return allowed;
    const target = path.components.at(-1) as string;
    const done = yield* wait(how === 'rename' ? handle.rename(parent, target, { replace }) : handle.link?.(parent, target, { replace }));
    if (isCode(done)) return renameStatus(done);
    if (how === 'rename') open.pathName = name;
    return NtStatus.Success;
  } finally {
    yield* release(tree, parent);
  }
}

/** The folder of the new name is opened for adding an entry, and not shared for deletion: nobody may have it open so that it could vanish. */
const intoParent = {
  kind: 'conflict',
  openId: 0,
  access: AccessMask.FileAddFile,
  shareAccess: ShareAccess.Read | ShareAccess.Write,
} as const;

/** A target that somebody has open is not replaced. */
function* checkTarget(
  { tree }: ContextOf<'open'>,
  parent: Handle,
  { components }: ParsedPath,
  handle: Handle,
  replace: boolean,
): Steps<NtStatus> {
  const name = components.at(-1) as string;
  const target = yield* wait(
    tree.vfs.open(parent, name, { access: 'metadata', kind: 'any', disposition: 'open', follow: false }, tree.session.identity),
  );
  if (isCode(target)) return NtStatus.Success;
  const { fileId, kind } = target;
  yield* wait(target.close());
  if (fileId === handle.fileId) return NtStatus.Success;
  if (!replace) return NtStatus.ObjectNameCollision;
  if (kind === 'folder') return NtStatus.AccessDenied;
  const { opens } = yield* wait(tree.fileState.submit(fileId, { kind: 'query' }));
  return opens > 0 ? NtStatus.AccessDenied : NtStatus.Success;
}

const renameStatus = (code: VfsCode): NtStatus => {
  if (code === 'EISDIR' || code === 'ENOTEMPTY') return NtStatus.AccessDenied;
  return statusOf(code);
};
