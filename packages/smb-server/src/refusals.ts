import { Command, CreateRequest, NtStatus, TreeConnectRequest } from '@ring3/smb-proto';
import { nameOf } from '@ring3/wire';
import type { Request } from './request.ts';

/** What says that somebody must not, rather than that something cannot be. */
const refusals: ReadonlySet<number> = new Set([
  NtStatus.AccessDenied,
  NtStatus.PrivilegeNotHeld,
  NtStatus.InvalidOwner,
  NtStatus.CannotDelete,
  NtStatus.MediaWriteProtected,
]);

/** Tells whoever listens that a request was refused. What a request of a chain has from the one before it was told there. */
export function tellRefusal(request: Request, status: number): void {
  const { session, tree, open, server } = request;
  if (!refusals.has(status) || session === undefined || server.events.listenerCount('refused') === 0) return;
  const { command } = request.header;
  if (open === undefined && command !== Command.Create && command !== Command.TreeConnect) return;
  const share = tree?.share.name ?? (command === Command.TreeConnect ? shareOf(request) : '');
  const path = open?.pathName ?? (command === Command.Create ? asked(request, CreateRequest, 'name') : '');
  server.events.emit('refused', { ...session.actor, share, path, command: nameOf(Command, command), status });
}

/** The share that a TREE_CONNECT asks for, as it is spelled here; as asked for where there is none. */
function shareOf(request: Request): string {
  const path = asked(request, TreeConnectRequest, 'path');
  const name = path.slice(path.lastIndexOf('\\') + 1);
  return request.server.shares.get(name)?.name ?? name;
}

/** A text of the request's body; empty where that cannot be read. */
function asked<T, K extends keyof T & string>(
  { frame, at, length }: Request,
  declaration: { read(frame: Request['frame'], at: number, length?: number): T },
  name: K,
): string {
  try {
    return String(declaration.read(frame, at, length)[name]);
  } catch {
    return '';
  }
}
