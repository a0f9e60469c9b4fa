import { Command, isError, NtStatus } from '@ring3/smb-proto';
import { nameOf } from '@ring3/wire';
import { rowOf } from '../commands/index.ts';
import type { Request } from '../request/request.ts';
import { disconnect } from '../values/no-response.ts';
import type { Outcome } from './dispatch.ts';

interface Printable {
  print?(value: unknown): string;
  read(frame: unknown, at: number, length: number): unknown;
}

const shown = (codec: Printable, value: () => unknown): string | undefined => {
  try {
    return codec.print?.(value());
  } catch (error) {
    return String(error);
  }
};

/** The outcome of a request: the status of its response, or why there is not one. */
function endOf(request: Request, outcome: Outcome): string {
  if (typeof outcome === 'symbol') return outcome === disconnect ? '(disconnected)' : '(no response)';
  return nameOf(NtStatus, typeof outcome === 'number' ? outcome : request.status);
}

/**
 * Logs a request and its outcome, field by field, from the declarations; of buffers and payload only their length, and of logons nothing.
 * @param ms since its frame had arrived
 */
export function trace(request: Request, outcome: Outcome, ms: number): void {
  const { header, connection, frame, at, length } = request;
  const row = rowOf(request);
  const quiet = header.command === Command.SessionSetup || row === undefined;
  const asked = quiet ? undefined : shown(row.request as Printable, () => row.request.read(frame, at, length));
  const answers = !quiet && typeof outcome === 'object' && !isError(request.status);
  connection.server.debug.say('smb', `${nameOf(Command, header.command)} ${endOf(request, outcome)}`, {
    connection: connection.id,
    message: header.messageId,
    related: request.related,
    session: request.session?.sessionId ?? header.sessionId,
    tree: request.tree?.treeId ?? header.treeId,
    ...(request.open === undefined ? {} : { path: request.open.pathName }),
    ms: Math.round(ms * 1000) / 1000,
    asked,
    answer: answers ? shown(row.response as unknown as Printable, () => outcome) : undefined,
  });
}

/** Logs a request that waits, by the id that its response will have. */
export function tracePending({ header, connection, asyncId, open }: Request): void {
  connection.server.debug.say('smb', `${nameOf(Command, header.command)} Pending`, {
    connection: connection.id,
    message: header.messageId,
    async: asyncId,
    ...(open === undefined ? {} : { path: open.pathName }),
  });
}
