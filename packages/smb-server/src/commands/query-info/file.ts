import { type Steps, wait } from '@ring3/kit';
import {
  Dialect,
  eaSizeOf,
  type FileFullEa,
  FileInformationClass,
  FileStreamInformation,
  fileInformation,
  fileStreams,
  fullEas,
  getEas,
  NtStatus,
  type QueryInfoRequest,
  ReparseTag,
} from '@ring3/smb-proto';
import { type Handle, isCode, type Stat } from '@ring3/vfs';
import { encode, Frame } from '@ring3/wire';
import { shortNamesIn } from '../../objects/find-entry.ts';
import { fileId128Of, metadataOfOpen } from '../../objects/metadata.ts';
import type { Open } from '../../objects/open.ts';
import { openParent, release } from '../../objects/resolve.ts';
import { isSnapshotToken } from '../../objects/snapshots.ts';
import type { ContextOf } from '../../request/command.ts';
import { largestEas, listEas } from '../../values/extended-attributes.ts';
import { parsePath } from '../../values/paths.ts';
import { isShortName } from '../../values/short-names.ts';
import { statusOf } from '../../values/status-map.ts';
import { encodeInformation, fitted, least } from './answer.ts';
import { queryPipe } from './pipe.ts';

type Answer = { buffer: Uint8Array[] } | NtStatus;

/** File information, MS-SMB2 3.3.5.20.1: one object of all known properties serves each declared class. */
export function* queryFile(ctx: ContextOf<'open'>, request: QueryInfoRequest): Steps<Answer> {
  const { open } = ctx;
  const { fileInfoClass } = request;
  const row = fileInformation[fileInfoClass];
  if (row === undefined) return NtStatus.InvalidInfoClass;
  if (row.query === undefined) return NtStatus.NotSupported;
  if (row.query !== 0 && !open.mayAny(row.query)) return NtStatus.AccessDenied;
  if (fileInfoClass === FileInformationClass.NormalizedName && ctx.connection.negotiated.dialect !== Dialect.Smb311)
    return NtStatus.NotSupported;
  const { handle } = open;
  if (handle === undefined) return queryPipe(ctx, request);
  if (ofPipes.has(fileInfoClass)) return NtStatus.InvalidDeviceRequest;
  if (fileInfoClass === FileInformationClass.FullEa) return yield* queryEas(ctx, request, handle);
  if (fileInfoClass === FileInformationClass.Stream) return yield* queryStreams(ctx, request, handle);
  if (row.declaration === undefined) return NtStatus.InvalidInfoClass;
  const fixed = least(row.declaration);
  if (request.outputBufferLength < fixed) return NtStatus.InfoLengthMismatch;
  const stat = yield* wait(handle.stat());
  if (isCode(stat)) return statusOf(stat);
  const known = yield* everything(open, handle, stat);
  const fileName = fileInfoClass === FileInformationClass.AlternateName ? yield* alternateName(ctx, handle) : nameOf[fileInfoClass]?.(open);
  if (typeof fileName === 'number') return fileName;
  const value = fileName === undefined ? known : { ...known, fileName };
  return fitted(ctx, encodeInformation(row.declaration, value), fixed, request.outputBufferLength);
}

const ofPipes: ReadonlySet<number> = new Set([FileInformationClass.Pipe, FileInformationClass.PipeLocal, FileInformationClass.PipeRemote]);

/** The path from the share's root, in a snapshot as well. */
function nameForClient({ pathName, share }: Open): string {
  if (share.options?.snapshots === undefined || !pathName.startsWith('@GMT-')) return pathName;
  const [first = '', ...rest] = pathName.split('\\');
  return isSnapshotToken(first) ? rest.join('\\') : pathName;
}

/** Names that are not the path from the share's root. */
const nameOf: Readonly<Record<number, (open: Open) => string>> = {
  [FileInformationClass.NormalizedName]: nameForClient,
};

/** FileAlternateNameInformation, MS-FSA 2.1.5.12.2: the name itself if it is an 8.3 name, else the generated one. */
function* alternateName({ tree, open }: ContextOf<'open'>, handle: Handle): Steps<string | NtStatus> {
  const { name } = open.named ?? handle;
  if (isShortName(name)) return name.toUpperCase();
  const path = tree.share.names.shortNames ? parsePath(open.pathName) : NtStatus.ObjectNameNotFound;
  if (typeof path === 'number') return path;
  const parent = yield* openParent(tree, path.components);
  if (typeof parent === 'number') return parent;
  try {
    const names = yield* shortNamesIn(tree, parent);
    return isCode(names) ? statusOf(names) : (names.of(path.components.at(-1) ?? '') ?? NtStatus.ObjectNameNotFound);
  } finally {
    yield* release(tree, parent);
  }
}

/** The fields of all classes. */
function* everything(open: Open, handle: Handle, stat: Stat): Steps<object> {
  const metadata = metadataOfOpen(open, stat);
  const { deletePending } = yield* wait(
    open.fileState.submit((open.named ?? handle).fileId, { kind: 'query', openId: open.volatileFileId }),
  );
  const eas = handle.listXattrs === undefined ? [] : yield* listEas(handle);
  const links = deletePending && open.link === undefined ? Math.max(0, stat.links - 1) : stat.links;
  return {
    ...metadata,
    numberOfLinks: links,
    deletePending: deletePending ? 1 : 0,
    directory: handle.kind === 'folder' ? 1 : 0,
    eaSize: isCode(eas) ? 0 : eaSizeOf(eas),
    accessFlags: open.grantedAccess,
    currentByteOffset: BigInt(open.position),
    mode: open.mode,
    alignmentRequirement: 0,
    fileName: `\\${nameForClient(open)}`,
    compressedFileSize: metadata.endOfFile,
    compressionFormat: 0,
    compressionUnitShift: 0,
    chunkShift: 0,
    clusterShift: 0,
    reparseTag: handle.kind === 'link' ? ReparseTag.Symlink : 0,
    volumeSerialNumber: BigInt(open.server.volumeSerialNumber),
    fileId128: fileId128Of(stat),
  };
}

/** FileFullEaInformation, MS-SMB2 3.3.5.20.1: all, or those that are asked for; an attribute that does not exist has an empty value. */
function* queryEas(ctx: ContextOf<'open'>, request: QueryInfoRequest, handle: Handle): Steps<Answer> {
  if (handle.listXattrs === undefined) return NtStatus.EasNotSupported;
  const eas = yield* listEas(handle);
  if (isCode(eas)) return statusOf(eas);
  let wanted: FileFullEa[] = [...eas];
  if (request.input.length > 0) {
    if (request.input.length > largestEas) return NtStatus.InvalidParameter;
    const names = getEas.read(new Frame(request.input), 0, request.input.length);
    const byName = new Map(eas.map((ea) => [ea.eaName.toUpperCase(), ea]));
    wanted = names.map((name) => {
      const eaName = name.toUpperCase();
      return byName.get(eaName) ?? { flags: 0, eaName, eaValue: new Uint8Array(0) };
    });
  }
  if (wanted.length === 0) return NtStatus.NoEasOnFile;
  const bytes = encode(fullEas, wanted, Frame.alloc);
  return bytes.length <= request.outputBufferLength ? { buffer: [bytes] } : ctx.tooSmall(bytes.length);
}

/** FileStreamInformation, MS-FSCC 2.4. */
function* queryStreams(ctx: ContextOf<'open'>, request: QueryInfoRequest, handle: Handle): Steps<Answer> {
  const base = ctx.open.base ?? handle;
  const stat = yield* wait(base.stat());
  if (isCode(stat)) return statusOf(stat);
  const named = (ctx.tree.share.names.streams ? yield* wait(base.streams?.()) : undefined) ?? [];
  if (isCode(named)) return statusOf(named);
  const own = base.kind === 'file' ? [{ name: '', size: stat.size, allocated: stat.allocated }] : [];
  const streams = [...own, ...named].map(({ name, size, allocated }) => ({
    streamName: `:${name}:$DATA`,
    streamSize: BigInt(size),
    streamAllocationSize: BigInt(allocated),
  }));
  const bytes = encode(fileStreams, streams, Frame.alloc);
  return fitted(ctx, bytes, least(FileStreamInformation), request.outputBufferLength);
}
