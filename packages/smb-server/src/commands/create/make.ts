import { type Steps, wait } from '@ring3/kit';
import {
  AccessMask,
  CreateAction,
  CreateOptions,
  FileAttributes,
  fileAllAccess,
  NtStatus,
  type SecurityDescriptor,
  settableFileAttributes,
} from '@ring3/smb-proto';
import { type Access, foldName, type Handle, type Initial, isCode, type Kind, type VfsCode } from '@ring3/vfs';
import { directoryChanged } from '../../objects/child-changes.ts';
import { mayUnlinkNew } from '../../objects/deletion.ts';
import { newDescriptor, rightsOf } from '../../objects/descriptors.ts';
import { newName } from '../../objects/find-entry.ts';
import { submitPending } from '../../request/pending.ts';
import { readDataRights, writeDataRights } from '../../values/access.ts';
import { orClose } from '../../values/or-close.ts';
import { statusOf } from '../../values/status-map.ts';
import { grant, privileged } from './access.ts';
import { admitOpen } from './admission.ts';
import type { DispositionRow } from './disposition.ts';
import { type CreatePlan, parentLeaseOf } from './plan.ts';
import { type Made, openStream, type Target } from './target.ts';

type Missing = Extract<Target, { readonly found: false }>;

/** The name does not exist: makes it, if the disposition allows it. `again` if another CREATE made it meanwhile. */
export function* makeMissing(
  plan: CreatePlan,
  parent: Handle,
  target: Missing,
  { missing }: DispositionRow,
): Steps<Made | NtStatus | 'again'> {
  const made = yield* orClose(target.base, tryToMake(plan, parent, target, missing));
  if (typeof made !== 'object' && target.base !== undefined) yield* wait(target.base.close());
  return made;
}

function* tryToMake(
  plan: CreatePlan,
  parent: Handle,
  { code, base }: Missing,
  missing: DispositionRow['missing'],
): Steps<Made | NtStatus | 'again'> {
  const { ctx, path, request } = plan;
  if (code !== 'ENOENT')
    return code === 'ENOTDIR' ? NtStatus.ObjectPathNotFound : code === 'EOPNOTSUPP' ? NtStatus.ObjectNameInvalid : statusOf(code);
  if (typeof missing === 'number') return missing;
  if (!ctx.tree.writable) return NtStatus.AccessDenied;
  const folder = (request.createOptions & CreateOptions.DirectoryFile) !== 0 || path.directoryStream;
  if (folder && (path.stream !== undefined || path.defaultStream)) return NtStatus.NotADirectory;
  if (folder && (request.createOptions & CreateOptions.NonDirectoryFile) !== 0) return NtStatus.FileIsADirectory;
  if (path.folder && !folder) return NtStatus.ObjectNameInvalid;
  const refused = refusedAttributes(request, folder);
  if (refused !== NtStatus.Success) return refused;
  if (path.stream !== undefined && !ctx.tree.vfs.features.has('streams')) return NtStatus.ObjectNameInvalid;
  const parentDescriptor = plan.trail.descriptor;
  const needed = folder ? AccessMask.FileAddSubdirectory : AccessMask.FileAddFile;
  const given = rightsOf(parentDescriptor, ctx.tree.identity) | privileged(ctx.tree.identity, request.createOptions);
  if (base === undefined && (given & needed) === 0) return NtStatus.AccessDenied;
  const { fileAttributes: attributes } = request;
  const access = grant(plan, { attributes, folder, rights: fileAllAccess, parentRights: fileAllAccess, isNew: true });
  if (typeof access === 'number') return access;
  const deletes = base === undefined && (request.createOptions & CreateOptions.DeleteOnClose) !== 0;
  const mayDelete = deletes ? yield* mayUnlinkNew(parent) : NtStatus.Success;
  if (mayDelete !== NtStatus.Success) return mayDelete;
  const ticket = ctx.server.opens.nextId();
  const name = foldName(path.components.at(-1) ?? '');
  const { fileState } = ctx.tree;
  const reserved = yield* wait(submitPending(ctx, fileState, parent.fileId, { kind: 'reserve', ticket, name }));
  if (reserved !== NtStatus.Success) return reserved;
  try {
    return yield* make(plan, parent, base, parentDescriptor, folder, access.granted);
  } finally {
    void fileState.submit(parent.fileId, { kind: 'release', ticket });
  }
}

/** Attributes that a new file cannot have, MS-FSA 2.1.5.1.1. */
function refusedAttributes({ fileAttributes, createOptions }: CreatePlan['request'], folder: boolean): NtStatus {
  if (folder && (fileAttributes & FileAttributes.Temporary) !== 0) return NtStatus.InvalidParameter;
  const deletes = (createOptions & CreateOptions.DeleteOnClose) !== 0;
  return deletes && (fileAttributes & FileAttributes.ReadOnly) !== 0 ? NtStatus.CannotDelete : NtStatus.Success;
}

function* make(
  plan: CreatePlan,
  parent: Handle,
  existing: Handle | undefined,
  parentDescriptor: SecurityDescriptor,
  folder: boolean,
  granted: number,
): Steps<Made | NtStatus | 'again'> {
  const made = yield* makeHandles(plan, parent, existing, parentDescriptor, folder, granted);
  if (made === 'EEXIST') return 'again';
  if (isCode(made)) return statusOf(made);
  const { handle, base } = made;
  const { ctx } = plan;
  const openId = ctx.server.opens.nextId();
  const subject = { handle, base, link: undefined, openId };
  const admitted = yield* admitOpen(plan, subject, { access: granted, checkedAccess: granted, overwrites: false });
  if (admitted !== NtStatus.Success) {
    yield* wait(handle.close());
    if (base !== existing) yield* wait(base?.close());
    return admitted;
  }
  return { ...subject, name: (base ?? handle).name, granted, action: CreateAction.Created };
}

/** Makes the entry, and its stream if the name has one. */
function* makeHandles(
  plan: CreatePlan,
  parent: Handle,
  existing: Handle | undefined,
  parentDescriptor: SecurityDescriptor,
  folder: boolean,
  granted: number,
): Steps<{ readonly handle: Handle; readonly base: Handle | undefined } | VfsCode> {
  const { stream } = plan.path;
  const kind = folder ? 'folder' : 'file';
  if (stream === undefined) {
    const handle = yield* makeEntry(plan, parent, parentDescriptor, kind, dataAccess(granted, kind));
    return isCode(handle) ? handle : { handle, base: undefined };
  }
  const base = existing ?? (yield* makeEntry(plan, parent, parentDescriptor, kind, 'metadata'));
  if (isCode(base)) return base;
  const making = openStream(base, stream, dataAccess(granted, 'file'), 'create');
  const handle = (yield* orClose(existing === undefined ? base : undefined, making)) ?? 'EOPNOTSUPP';
  if (!isCode(handle)) return { handle, base };
  if (existing === undefined) yield* wait(base.close());
  return handle;
}

function* makeEntry(
  plan: CreatePlan,
  parent: Handle,
  parentDescriptor: SecurityDescriptor,
  kind: 'file' | 'folder',
  access: Access,
): Steps<Handle | VfsCode> {
  const { ctx, path, request, trail, xattrs, descriptor } = plan;
  const { tree } = ctx;
  const name = newName(tree.share, trail.names, path.components.at(-1) as string, ctx.server.clock.now());
  const asked =
    kind === 'folder' ? request.fileAttributes & settableFileAttributes & ~FileAttributes.Archive : newAttributes(request.fileAttributes);
  const initial: Initial = {
    attributes: tree.share.names.attributesToKeep(name, asked, 0),
    ...(tree.vfs.features.has('descriptor') && { descriptor: newDescriptor(tree, parentDescriptor, descriptor, kind === 'folder') }),
    ...(xattrs !== undefined && { xattrs }),
  };
  const made = yield* wait(tree.vfs.open(parent, name, { access, kind, disposition: 'create', initial }, tree.identity));
  if (!isCode(made)) directoryChanged(ctx.server, tree.fileState, parent.fileId, parentLeaseOf(plan));
  return made;
}

/** The access to the store that the granted access needs. */
export function dataAccess(granted: number, kind: Kind): Access {
  const reads = (granted & readDataRights) !== 0;
  const writes = kind === 'file' && (granted & writeDataRights) !== 0;
  if (reads && writes) return 'readWrite';
  if (reads) return 'read';
  return writes ? 'write' : 'metadata';
}

/** The same, and writing. */
export const withWrite = (access: Access): Access => (access === 'read' || access === 'readWrite' ? 'readWrite' : 'write');

/** Attributes of an overwritten file: those requested, and FILE_ATTRIBUTE_ARCHIVE. */
export const newAttributes = (asked: number): number => (asked & settableFileAttributes) | FileAttributes.Archive;
