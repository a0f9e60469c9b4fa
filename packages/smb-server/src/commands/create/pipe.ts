import { CreateAction, type CreateRequest, type CreateResponse, FileAttributes, mapGeneric, NtStatus, OplockLevel } from '@ring3/smb-proto';
import { Open, originOf } from '../../objects/open.ts';
import { SessionPipe } from '../../pipe/session-pipe.ts';
import { channelSequenceOf } from '../../request/channel-sequence.ts';
import type { ContextOf } from '../../request/command.ts';

/** Opens a named pipe on IPC$, MS-SMB2 3.3.5.9. Only names in the table are valid; no other name reaches anything. */
export function openPipe(ctx: ContextOf<'tree'>, request: CreateRequest): Parameters<typeof CreateResponse.encode>[0] | NtStatus {
  const { session, tree, server } = ctx;
  const pipe = SessionPipe.open(session, request.name.replace(/^\\/, ''));
  server.debug.say('ipc', pipe === undefined ? 'no such pipe' : 'pipe opened', { ...session.actor, pipe: request.name });
  if (pipe === undefined) return NtStatus.ObjectNameNotFound;
  const open = new Open({
    persistentFileId: server.nextId(),
    volatileFileId: server.opens.nextId(),
    from: originOf(tree),
    grantedAccess: mapGeneric(request.desiredAccess),
    createOptions: request.createOptions,
    channelSequence: channelSequenceOf(ctx),
    handle: undefined,
    pipe,
    pathName: request.name,
  });
  server.opens.enter(open);
  ctx.open = open;
  return {
    oplockLevel: OplockLevel.None,
    createAction: CreateAction.Opened,
    creationTime: 0n,
    lastAccessTime: 0n,
    lastWriteTime: 0n,
    changeTime: 0n,
    allocationSize: 4096n,
    endOfFile: 0n,
    fileAttributes: FileAttributes.Normal,
    persistentFileId: open.persistentFileId,
    volatileFileId: open.volatileFileId,
    createContexts: [],
  };
}
