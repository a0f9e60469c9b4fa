import { Command, isError, NtStatus } from '@ring3/smb-proto';
import { nameOf } from '@ring3/wire';
import { commands } from './commands/index.ts';
import type { Outcome } from './dispatch.ts';
import type { Request } from './request.ts';

interface Printable {
  print?(value: unknown): string;
  read(frame: unknown, at: number, length: number): unknown;
}

const shown = (codec: Printable, value: unknown): string => {
  try {
    return codec.print?.(value) ?? JSON.stringify(value);
  } catch (error) {
    return String(error);
  }
};

/** Writes a request and what it came to into the log, field by field, from the declarations. Never the payload of reads and writes, and no token. */
export function trace(request: Request, outcome: Outcome): void {
  const { header, connection, frame, at, length } = request;
  const row = commands[header.command as Command];
  const quiet = header.command === Command.SessionSetup || row === undefined;
  let asked = '';
  try {
    if (!quiet) asked = shown(row.request as Printable, row.request.read(frame, at, length));
  } catch (error) {
    asked = String(error);
  }
  const status = typeof outcome === 'number' ? outcome : request.status;
  const answer = typeof outcome === 'object' && !quiet && !isError(status) ? shown(row.response as unknown as Printable, outcome) : '';
  connection.log.trace(`${nameOf(Command, header.command)} ${nameOf(NtStatus, status)}`, {
    message: header.messageId,
    related: request.related,
    session: header.sessionId,
    tree: header.treeId,
    asked,
    answer,
  });
}
