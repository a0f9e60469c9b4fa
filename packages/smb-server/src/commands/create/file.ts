import { type Steps, wait } from '@ring3/kit';
import {
  AccessMask,
  CreateAction,
  CreateOptions,
  type CreateResponse,
  FileAttributes,
  fileAllAccess,
  NtStatus,
  type SecurityDescriptor,
} from '@ring3/smb-proto';
import { type Access, foldName, type Handle, isCode, type Stat, type VfsCode } from '@ring3/vfs';
import { readDataRights, writeDataRights } from '../../access.ts';
import { descriptorOf, newDescriptor, rightsOf } from '../../descriptors.ts';
import { attributesOf, metadataOf } from '../../metadata.ts';
import { Open } from '../../open.ts';
import { requestOplock } from '../../oplock.ts';
import { submitPending } from '../../pending.ts';
import { openParent, release } from '../../resolve.ts';
import { statusOf } from '../../status-map.ts';
import { grant } from './access.ts';
import { answerContexts } from './contexts/index.ts';
import { actionOf, type DispositionRow, dispositions } from './disposition.ts';
import type { CreatePlan } from './plan.ts';

type Answer = Parameters<typeof CreateResponse.encode>[0];
/** A file that was opened or made, with what it was granted. */
interface Made {
  readonly handle: Handle;
  readonly granted: number;
  readonly action: CreateAction;
  readonly openId: number;
}

/** Another CREATE made the file meanwhile: look again, so often. */
const attempts = 8;

/** Opens or creates a file or folder: the name becomes an identity, is admitted by the file's state, and only then is anything changed. */
export function* createFile(plan: CreatePlan): Steps<Answer | NtStatus> {
  const { tree } = plan.ctx;
  const { components } = plan.path;
  const row = dispositions[plan.request.createDisposition] as DispositionRow;
  const parent = yield* openParent(tree, components);
  if (typeof parent === 'number') return parent;
  try {
    for (let attempt = 0; ; attempt++) {
      const found = yield* lookUp(plan, parent);
      const made = isCode(found) ? yield* onMissing(plan, parent, found, row) : yield* onFound(plan, parent, found, row);
      if (made === 'again' && attempt < attempts) continue;
      if (made === 'again') return NtStatus.ObjectNameCollision;
      return typeof made === 'number' ? made : yield* finish(plan, made);
    }
  } finally {
    yield* release(tree, parent);
  }
}

function* lookUp({ ctx, path, request }: CreatePlan, parent: Handle): Steps<Handle | VfsCode> {
  const { tree } = ctx;
  const name = path.components.at(-1);
  if (name === undefined) return yield* wait(tree.vfs.root(tree.session.identity));
  const follow = (request.createOptions & CreateOptions.OpenReparsePoint) === 0;
  return yield* wait(tree.vfs.open(parent, name, { access: 'metadata', kind: 'any', disposition: 'open', follow }, tree.session.identity));
}

/** The file is there. */
function* onFound(plan: CreatePlan, parent: Handle, handle: Handle, row: DispositionRow): Steps<Made | NtStatus> {
  const made = yield* admit(plan, parent, handle, row);
  if (typeof made === 'number') yield* wait(handle.close());
  return made;
}

function* admit(plan: CreatePlan, parent: Handle, handle: Handle, { there }: DispositionRow): Steps<Made | NtStatus> {
  const { ctx, request, path } = plan;
  const folder = handle.kind === 'folder';
  if (typeof there === 'number') return there;
  if (!folder && (path.folder || (request.createOptions & CreateOptions.DirectoryFile) !== 0)) return NtStatus.NotADirectory;
  if (folder && ((request.createOptions & CreateOptions.NonDirectoryFile) !== 0 || there !== 'open')) return NtStatus.FileIsADirectory;
  const stat = yield* wait(handle.stat());
  if (isCode(stat)) return statusOf(stat);
  const attributes = attributesOf(stat, handle.kind);
  const { identity } = ctx.session;
  const descriptor = yield* descriptorOf(handle);
  const above = yield* descriptorOf(parent);
  if (isCode(descriptor) || isCode(above)) return statusOf(isCode(descriptor) ? descriptor : (above as VfsCode));
  const access = grant(plan, {
    attributes,
    folder,
    rights: rightsOf(descriptor, identity),
    deleteChild: (rightsOf(above, identity) & AccessMask.FileDeleteChild) !== 0,
    isNew: false,
  });
  if (typeof access === 'number') return access;
  const { granted } = access;
  if (there !== 'open') {
    const status = mayOverwrite(plan, attributes);
    if (status !== NtStatus.Success) return status;
  }
  const openId = ctx.server.nextOpenId();
  const admitted = yield* wait(
    submitPending(ctx, ctx.tree.fileState, handle.fileId, {
      kind: 'open',
      openId,
      access: granted,
      checkedAccess: there === 'open' ? granted : granted | writeDataRights,
      shareAccess: request.shareAccess,
      deleteOnClose: (request.createOptions & CreateOptions.DeleteOnClose) !== 0,
      overwrites: there !== 'open',
    }),
  );
  if (admitted !== NtStatus.Success) return admitted;
  const status = yield* prepare(plan, handle, granted, there, attributes);
  if (status === NtStatus.Success) return { handle, granted, action: actionOf[there], openId };
  yield* wait(ctx.tree.fileState.submit(handle.fileId, { kind: 'withdraw', openId }));
  return status;
}

/** Overwriting must not lose a protection: MS-FSA 2.1.5.1.2. */
function mayOverwrite({ ctx, request }: CreatePlan, attributes: number): NtStatus {
  if (!ctx.tree.writable || (attributes & FileAttributes.ReadOnly) !== 0) return NtStatus.AccessDenied;
  const kept = attributes & (FileAttributes.Hidden | FileAttributes.System);
  return (kept & ~request.fileAttributes) !== 0 ? NtStatus.AccessDenied : NtStatus.Success;
}

/** Opens the data, and empties it where the disposition says so. */
function* prepare(
  plan: CreatePlan,
  handle: Handle,
  granted: number,
  action: 'open' | 'overwrite' | 'supersede',
  attributes: number,
): Steps<NtStatus> {
  const access = action === 'open' ? dataAccess(granted, handle) : withWrite(dataAccess(granted, handle));
  if (access !== 'metadata' && handle.kind !== 'link') {
    const opened = yield* wait(handle.reopen?.(access));
    if (isCode(opened)) return statusOf(opened);
  }
  if (action === 'open') return NtStatus.Success;
  const emptied = yield* wait(handle.truncate(0));
  if (isCode(emptied)) return statusOf(emptied);
  const given = newAttributes(plan.request.fileAttributes);
  const wanted = action === 'overwrite' ? given | (attributes & (FileAttributes.Hidden | FileAttributes.System)) : given;
  const set = yield* wait(handle.setStat?.({ attributes: wanted }));
  return isCode(set) ? statusOf(set) : NtStatus.Success;
}

/** What the store has to give for the granted access. */
function dataAccess(granted: number, handle: Handle | 'new'): Access {
  const reads = (granted & readDataRights) !== 0;
  const writes = handle !== 'new' && handle.kind === 'folder' ? false : (granted & writeDataRights) !== 0;
  if (reads && writes) return 'readWrite';
  if (reads) return 'read';
  return writes ? 'write' : 'metadata';
}

const withWrite = (access: Access): Access => (access === 'read' || access === 'readWrite' ? 'readWrite' : 'write');

/** Attributes of a file that starts anew: those that can be set, and that it is to be archived. */
const settable =
  FileAttributes.ReadOnly |
  FileAttributes.Hidden |
  FileAttributes.System |
  FileAttributes.Archive |
  FileAttributes.Temporary |
  FileAttributes.Offline |
  FileAttributes.NotContentIndexed;
const newAttributes = (asked: number): number => (asked & settable) | FileAttributes.Archive;

/** Nothing of that name is there. */
function* onMissing(plan: CreatePlan, parent: Handle, code: VfsCode, { missing }: DispositionRow): Steps<Made | NtStatus | 'again'> {
  if (code !== 'ENOENT') return code === 'ENOTDIR' ? NtStatus.ObjectPathNotFound : statusOf(code);
  if (typeof missing === 'number') return missing;
  const { ctx, path, request } = plan;
  const name = path.components.at(-1) as string;
  if (!ctx.tree.writable) return NtStatus.AccessDenied;
  const folder = (request.createOptions & CreateOptions.DirectoryFile) !== 0;
  if (path.folder && !folder) return NtStatus.ObjectNameInvalid;
  const above = yield* descriptorOf(parent);
  if (isCode(above)) return statusOf(above);
  const needed = folder ? AccessMask.FileAddSubdirectory : AccessMask.FileAddFile;
  if ((rightsOf(above, ctx.session.identity) & needed) === 0) return NtStatus.AccessDenied;
  const attributes = request.fileAttributes;
  const access = grant(plan, { attributes, folder, rights: fileAllAccess, deleteChild: true, isNew: true });
  if (typeof access === 'number') return access;
  const giveBack = yield* wait(ctx.tree.fileState.reserve(parent.fileId, foldName(name)));
  try {
    return yield* make(plan, parent, above, name, folder, access.granted);
  } finally {
    giveBack();
  }
}

function* make(
  plan: CreatePlan,
  parent: Handle,
  above: SecurityDescriptor,
  name: string,
  folder: boolean,
  granted: number,
): Steps<Made | NtStatus | 'again'> {
  const { ctx, request } = plan;
  const { tree } = ctx;
  const attributes = folder ? request.fileAttributes & settable & ~FileAttributes.Archive : newAttributes(request.fileAttributes);
  const initial = {
    attributes,
    ...(tree.vfs.features.has('descriptor') && { descriptor: newDescriptor(ctx.session, above, plan.descriptor, folder) }),
    ...(plan.xattrs !== undefined && { xattrs: plan.xattrs }),
  };
  const access = folder ? (dataAccess(granted, 'new') === 'metadata' ? 'metadata' : 'read') : dataAccess(granted, 'new');
  const handle = yield* wait(
    tree.vfs.open(parent, name, { access, kind: folder ? 'folder' : 'file', disposition: 'create', initial }, tree.session.identity),
  );
  if (handle === 'EEXIST') return 'again';
  if (isCode(handle)) return statusOf(handle);
  const openId = ctx.server.nextOpenId();
  const admitted = yield* wait(
    submitPending(ctx, tree.fileState, handle.fileId, {
      kind: 'open',
      openId,
      access: granted,
      checkedAccess: granted,
      shareAccess: request.shareAccess,
      deleteOnClose: (request.createOptions & CreateOptions.DeleteOnClose) !== 0,
      overwrites: false,
    }),
  );
  if (admitted !== NtStatus.Success) {
    yield* wait(handle.close());
    return admitted;
  }
  if (plan.allocationSize > 0 && !folder) yield* wait(handle.allocate?.(plan.allocationSize));
  return { handle, granted, action: CreateAction.Created, openId };
}

/** The open is entered into the tables, if its session and tree are still there, and described. */
function* finish(plan: CreatePlan, { handle, granted, action, openId }: Made): Steps<Answer | NtStatus> {
  const { ctx, request } = plan;
  const { session, tree, server } = ctx;
  const stat: Stat | VfsCode = yield* wait(handle.stat());
  const gone = session.state !== 'valid' || session.trees.get(tree.treeId) !== tree;
  if (isCode(stat) || gone) {
    yield* wait(tree.fileState.submit(handle.fileId, { kind: 'withdraw', openId }));
    yield* wait(handle.close());
    return isCode(stat) ? statusOf(stat) : NtStatus.UserSessionDeleted;
  }
  const open = new Open({
    persistentFileId: server.nextId(),
    volatileFileId: openId,
    tree,
    grantedAccess: granted,
    createOptions: request.createOptions,
    handle,
    pipe: undefined,
    pathName: plan.name,
  });
  session.opens.set(openId, open);
  ctx.open = open;
  server.opened(open);
  const oplockLevel = yield* wait(requestOplock(open, request.requestedOplockLevel));
  const { indexNumber: _id, ...told } = metadataOf(stat, handle.kind);
  return {
    oplockLevel,
    createAction: action,
    ...told,
    persistentFileId: open.persistentFileId,
    volatileFileId: open.volatileFileId,
    createContexts: answerContexts(plan, open, stat),
  };
}
