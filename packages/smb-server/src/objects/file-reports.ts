import type { EventEmitter } from 'node:events';
import type { Log } from '@ring3/kit';
import { Command } from '@ring3/smb-proto';
import type { Kind, VfsCode } from '@ring3/vfs';
import { nameOf } from '@ring3/wire';
import type { Actor, FileEvent, OpenAction, ServerEvents } from '../values/events.ts';
import { statusOf } from '../values/status-map.ts';
import type { Numbers } from './numbers.ts';

/** Names of CreateAction, MS-SMB2 2.2.14, by its numbers. */
const actions: readonly OpenAction[] = ['superseded', 'opened', 'created', 'overwritten'];

/** What is reported of an open: Open implements it. */
interface ReportedOpen {
  readonly actor: Actor;
  readonly share: { readonly name: string };
  readonly pathName: string;
  readonly grantedAccess: number;
  readonly handle: { readonly kind: Kind } | undefined;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

const about = ({ actor, share, pathName }: ReportedOpen): FileEvent => ({ ...actor, share: share.name, path: pathName });

/** Where the reports go. */
interface Receivers {
  readonly events: EventEmitter<ServerEvents>;
  readonly numbers: Numbers;
  readonly log: Log;
}

/** Reports what clients do with files as events; for an event without a listener nothing is made. */
export class FileReports {
  readonly #to: Receivers;

  constructor(to: Receivers) {
    this.#to = to;
  }

  /** @param action CreateAction, MS-SMB2 2.2.14 */
  opened(open: ReportedOpen, action: 0 | 1 | 2 | 3): void {
    const { events } = this.#to;
    if (events.listenerCount('open') === 0) return;
    const { grantedAccess: access, handle } = open;
    events.emit('open', { ...about(open), access, action: actions[action] as OpenAction, kind: handle?.kind ?? 'file' });
  }

  /** An open's first change of data. */
  written(open: ReportedOpen): void {
    const { events } = this.#to;
    if (events.listenerCount('write') > 0) events.emit('write', about(open));
  }

  closed(open: ReportedOpen): void {
    const { events } = this.#to;
    if (events.listenerCount('close') === 0) return;
    const { bytesRead, bytesWritten } = open;
    events.emit('close', { ...about(open), bytesRead, bytesWritten });
  }

  /** The object of an open was deleted. @param wholeFile not its stream, but the file */
  deleted(open: ReportedOpen, wholeFile: boolean, deleter: Actor): void {
    const { events } = this.#to;
    if (events.listenerCount('delete') === 0) return;
    events.emit('delete', { ...deleter, share: open.share.name, path: pathOf(open, wholeFile) });
  }

  /**
   * The deletion at the close of an open failed: the client has the response that it is closed, so only the log, the numbers and the audit
   * report it.
   */
  notDeleted(open: ReportedOpen, wholeFile: boolean, deleter: Actor, code: VfsCode): void {
    const { events, numbers, log } = this.#to;
    numbers.notDeleted.add(code);
    const [share, path] = [open.share.name, pathOf(open, wholeFile)];
    log.warn('a file was not deleted at its last close', { share, path, user: deleter.user, error: code });
    if (events.listenerCount('refused') === 0) return;
    events.emit('refused', { ...deleter, share, path, command: nameOf(Command, Command.Close), status: statusOf(code) });
  }

  /** Called before the open has its new name. */
  moved(open: ReportedOpen, to: string, how: 'rename' | 'link'): void {
    const { events } = this.#to;
    if (events.listenerCount('rename') > 0) events.emit('rename', { ...about(open), to, how });
  }

  /** A descriptor was changed. @param information SECURITY_INFORMATION, MS-DTYP 2.4.7 */
  secured(open: ReportedOpen, information: number): void {
    const { events } = this.#to;
    if (events.listenerCount('security') > 0) events.emit('security', { ...about(open), information });
  }
}

const pathOf = ({ pathName }: ReportedOpen, wholeFile: boolean): string =>
  wholeFile ? pathName.slice(0, pathName.lastIndexOf(':')) : pathName;
