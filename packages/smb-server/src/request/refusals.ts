import { Command, CreateRequest, NtStatus, TreeConnectRequest } from '@ring3/smb-proto';
import { nameOf } from '@ring3/wire';
import type { Request } from './request.ts';

/** Statuses that deny access, as opposed to those of a failed operation. */
const refusals: ReadonlySet<number> = new Set([
  NtStatus.AccessDenied,
  NtStatus.PrivilegeNotHeld,
  NtStatus.InvalidOwner,
  NtStatus.CannotDelete,
  NtStatus.MediaWriteProtected,
]);

/** Emits an event for a denied request. A status that a request of a chain inherits from the previous one was reported with that one. */
export function emitRefusal(request: Request, status: number): void {
  const { session, tree, open, server } = request;
  if (!refusals.has(status) || session === undefined || server.events.listenerCount('refused') === 0) return;
  const { command } = request.header;
  if (open === undefined && command !== Command.Create && command !== Command.TreeConnect) return;
  const share = tree?.share.name ?? (command === Command.TreeConnect ? shareOf(request) : '');
  const path = open?.pathName ?? (command === Command.Create ? asked(request, CreateRequest, 'name') : '');
  server.events.emit('refused', { ...session.actor, share, path, command: nameOf(Command, command), status });
}

/** The share that a TREE_CONNECT names, in the spelling of the server; in that of the client if it does not exist. */
function shareOf(request: Request): string {
  const path = asked(request, TreeConnectRequest, 'path');
  const name = path.slice(path.lastIndexOf('\\') + 1);
  return request.server.shares.get(name)?.name ?? name;
}

/** A text of the request's body; empty if it cannot be decoded. */
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
