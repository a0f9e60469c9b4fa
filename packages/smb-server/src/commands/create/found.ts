import { type Steps, wait } from '@ring3/kit';
import { AccessMask, CreateOptions, FileAttributes, NtStatus } from '@ring3/smb-proto';
import { type Handle, isCode, type Stat, type VfsCode } from '@ring3/vfs';
import { dataChanged, directoryChanged } from '../../objects/child-changes.ts';
import { mayUnlink } from '../../objects/deletion.ts';
import { descriptorOf, rightsOf } from '../../objects/descriptors.ts';
import { attributesOf } from '../../objects/metadata.ts';
import type { NamedLink } from '../../objects/resolve.ts';
import type { OplockOwner } from '../../state/index.ts';
import { writeDataRights } from '../../values/access.ts';
import { statusOf } from '../../values/status-map.ts';
import { type AccessSubject, grant } from './access.ts';
import { admitOpen, withdrawOpen } from './admission.ts';
import { actionOf, type DispositionRow } from './disposition.ts';
import { dataAccess, newAttributes, withWrite } from './make.ts';
import { type CreatePlan, parentLeaseOf } from './plan.ts';
import { checkRoom, isFull } from './room.ts';
import { closeTarget, type Made, type Target } from './target.ts';

type Found = Extract<Target, { readonly found: true }>;

/** The file exists: checks whether it may be opened as requested, and opens, truncates or replaces it. */
export function* openFound(plan: CreatePlan, target: Found, row: DispositionRow): Steps<Made | NtStatus | 'again'> {
  let made: Made | NtStatus | 'again' | undefined;
  try {
    made = yield* admit(plan, target, row);
  } finally {
    if (typeof made !== 'object') yield* closeTarget(target);
  }
  return made;
}

/** The checks of the name and the options against the kind of the entry. */
function mismatch({ request, path }: CreatePlan, { kind }: Handle, there: DispositionRow['there']): NtStatus {
  const options = request.createOptions;
  if (typeof there === 'number') return there;
  if (kind === 'folder') {
    if (path.defaultStream && (options & CreateOptions.DirectoryFile) !== 0) return NtStatus.NotADirectory;
    const wantsFile = (options & CreateOptions.NonDirectoryFile) !== 0 || path.defaultStream;
    if (wantsFile) return NtStatus.FileIsADirectory;
    if (there === 'open') return NtStatus.Success;
    return path.components.length === 0 ? NtStatus.AccessDenied : NtStatus.ObjectNameCollision; // MS-FSA 2.1.5.1.2
  }
  if (kind === 'link') return NtStatus.Success; // it may lead to either
  return path.folder || (options & CreateOptions.DirectoryFile) !== 0 ? NtStatus.NotADirectory : NtStatus.Success;
}

function* admit(
  plan: CreatePlan,
  { handle, base, link: through, name }: Found,
  { there }: DispositionRow,
): Steps<Made | NtStatus | 'again'> {
  const { ctx } = plan;
  const wrong = mismatch(plan, handle, there);
  if (wrong !== NtStatus.Success || typeof there === 'number') return wrong;
  const stat = yield* wait(handle.stat());
  if (isCode(stat)) return statusOf(stat);
  const attributes = attributesOf(stat, handle.kind);
  const access = yield* granted(plan, base ?? handle, attributes, through);
  if (typeof access === 'number') return access;
  if (there !== 'open') {
    const status = mayOverwrite(plan, attributes);
    if (status !== NtStatus.Success) return status;
  }
  const link = through?.handle;
  if ((plan.request.createOptions & CreateOptions.DeleteOnClose) !== 0) {
    const status = yield* mayUnlink(ctx.tree, link ?? handle, 0); // `grant` has checked the attributes
    if (status !== NtStatus.Success) return status;
  }
  const openId = ctx.server.opens.nextId();
  const subject = { handle, base, link, openId };
  const admitted = yield* admitOpen(plan, subject, {
    access: access.granted,
    checkedAccess: there === 'open' ? access.granted : access.granted | writeDataRights,
    overwrites: there !== 'open',
  });
  if (admitted === NtStatus.DeletePending && (yield* isGone(plan, handle))) return 'again';
  if (admitted !== NtStatus.Success) return admitted;
  let status: NtStatus | undefined;
  try {
    status = yield* prepare(plan, handle, plan.lease?.id ?? openId, access.granted, there, attributes);
  } finally {
    if (status !== NtStatus.Success) yield* withdrawOpen(plan, subject);
  }
  if (status !== NtStatus.Success) return status;
  const isUnchanged = there === 'open' && !ctx.waited; // while it waits for a break, the holder of the lease may write
  return { ...subject, name, granted: access.granted, action: actionOf[there], stat: isUnchanged ? stat : undefined };
}

/** Whether the last open of the file was closed while this one waited, so that the file is deleted: its name is free again. */
function* isGone({ ctx }: CreatePlan, handle: Handle): Steps<boolean> {
  const { opens } = yield* wait(ctx.tree.fileState.submit(handle.fileId, { kind: 'query' }));
  return opens === 0;
}

/** The access that descriptors, share and attributes allow. */
function* granted(
  plan: CreatePlan,
  file: Handle,
  attributes: number,
  through: NamedLink | undefined,
): Steps<{ readonly granted: number } | NtStatus> {
  const { identity } = plan.ctx.tree;
  const parentDescriptor = plan.trail.descriptor;
  const isRoot = plan.path.components.length === 0;
  const descriptor = isRoot ? parentDescriptor : yield* descriptorOf(file, parentDescriptor);
  if (isCode(descriptor)) return statusOf(descriptor);
  const named = through === undefined ? undefined : yield* subjectOf(plan, through);
  if (isCode(named)) return statusOf(named);
  return grant(plan, {
    attributes,
    folder: file.kind === 'folder',
    rights: rightsOf(descriptor, identity),
    parentRights: rightsOf(parentDescriptor, identity),
    isNew: false,
    named,
  });
}

/** What the access to delete and rename a link depends on. */
function* subjectOf(plan: CreatePlan, { handle, parentDescriptor }: NamedLink): Steps<Omit<AccessSubject, 'named'> | VfsCode> {
  const { identity } = plan.ctx.tree;
  const stat: Stat | VfsCode = yield* wait(handle.stat());
  if (isCode(stat)) return stat;
  const descriptor = yield* descriptorOf(handle, parentDescriptor);
  if (isCode(descriptor)) return descriptor;
  const [rights, parentRights] = [rightsOf(descriptor, identity), rightsOf(parentDescriptor, identity)];
  return { attributes: attributesOf(stat, 'link'), folder: false, rights, parentRights, isNew: false };
}

/** Overwriting must not remove an attribute that hides or protects the file: MS-FSA 2.1.5.1.2. */
function mayOverwrite({ ctx, request, path, maximalAccess }: CreatePlan, attributes: number): NtStatus {
  if (!ctx.tree.writable || (attributes & FileAttributes.ReadOnly) !== 0) return NtStatus.AccessDenied;
  if ((maximalAccess & AccessMask.FileWriteData) === 0) return NtStatus.AccessDenied;
  if (path.stream !== undefined) return NtStatus.Success;
  const kept = attributes & (FileAttributes.Hidden | FileAttributes.System);
  return (kept & ~request.fileAttributes) !== 0 ? NtStatus.AccessDenied : NtStatus.Success;
}

/** Opens the data, and truncates it if the disposition requires it. @param owner of the oplock or lease of the open */
function* prepare(
  plan: CreatePlan,
  handle: Handle,
  owner: OplockOwner,
  granted: number,
  action: 'open' | 'overwrite' | 'supersede',
  attributes: number,
): Steps<NtStatus> {
  const access = action === 'open' ? dataAccess(granted, handle.kind) : withWrite(dataAccess(granted, handle.kind));
  if (access !== 'metadata' && handle.kind !== 'link') {
    const opened = yield* wait(handle.reopen?.(access));
    if (isCode(opened)) return statusOf(opened);
  }
  if (action === 'open') return NtStatus.Success;
  const full = plan.allocationSize > 0 ? yield* checkRoom(handle, plan.allocationSize) : undefined;
  if (full !== undefined) return statusOf(full);
  const emptied = yield* wait(handle.truncate(0));
  if (isCode(emptied)) return statusOf(emptied);
  const { server, tree } = plan.ctx;
  dataChanged(tree.fileState, handle.fileId, owner);
  directoryChanged(server, tree.fileState, (plan.trail.behindIds ?? plan.trail.ids).at(-1), parentLeaseOf(plan));
  if (plan.path.stream !== undefined) return NtStatus.Success;
  yield* dropStreams(handle);
  const given = plan.ctx.tree.share.names.attributesToKeep(handle.name, newAttributes(plan.request.fileAttributes), 0);
  const kept = action === 'overwrite' ? attributes & (FileAttributes.Hidden | FileAttributes.System) : 0;
  const set = yield* wait(handle.setStat?.({ attributes: given | kept }));
  if (isCode(set)) return statusOf(set);
  const reserved = plan.allocationSize > 0 ? yield* wait(handle.allocate?.(plan.allocationSize)) : undefined;
  return isFull(reserved) ? statusOf(reserved) : NtStatus.Success;
}

/** An overwritten file loses its streams: MS-FSA 2.1.5.1.2. */
function* dropStreams(handle: Handle): Steps<void> {
  const streams = yield* wait(handle.streams?.());
  if (streams === undefined || isCode(streams)) return;
  for (const { name } of streams) {
    const stream = yield* wait(handle.openStream?.(name, { access: 'metadata', disposition: 'open' }));
    if (stream === undefined || isCode(stream)) continue;
    yield* wait(stream.unlink());
    yield* wait(stream.close());
  }
}
