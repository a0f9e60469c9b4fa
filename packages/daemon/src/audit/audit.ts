import type { EventEmitter } from 'node:events';
import type { Clock, Log } from '@ring3/kit';
import type { ServerEvents } from '@ring3/smb-server';
import { type Change, differing } from '../change.ts';
import { type AuditKind, auditLine } from './audit-line.ts';
import { type AuditOptions, type AuditSettings, auditOptionsOf } from './audit-options.ts';
import { RotatedFile } from './rotated-file.ts';

/** What an audit needs from the daemon. */
export interface AuditPlace {
  readonly stateDir: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Writes who did what to the files of audited shares: one line of JSON for each event, in a file that is rotated by size. */
export class Audit {
  readonly #place: AuditPlace;
  /** Name of each share, in capitals → whether it is audited. */
  #shares: ReadonlyMap<string, boolean> = new Map();
  /** Undefined if no share is audited. */
  #open: { readonly file: RotatedFile; readonly options: Required<AuditOptions> } | undefined;
  #events: EventEmitter<ServerEvents> | undefined;
  #deaf: (() => void)[] = [];

  constructor(place: AuditPlace) {
    this.#place = place;
  }

  /** Applies settings: events of their shares are written to their file. @throws Error in one line; then nothing is changed */
  async apply(settings: AuditSettings): Promise<Change[]> {
    const before = this.#open;
    const wanted = auditOptionsOf(settings, this.#place.stateDir);
    this.#open = wanted === undefined ? undefined : { file: await this.#fileFor(wanted), options: wanted };
    const changes = this.#takeShares(settings);
    this.#listen();
    if (before?.file !== this.#open?.file) await before?.file.close();
    const keys = before === undefined || wanted === undefined ? [] : differing(before.options, wanted);
    return keys.length === 0 ? changes : [{ what: 'audit', how: 'changed', keys, holds: 'now' }, ...changes];
  }

  #takeShares({ shares = [] }: AuditSettings): Change[] {
    const before = this.#shares;
    this.#shares = new Map(shares.map(({ name, audit = false }) => [name.toUpperCase(), audit]));
    return shares
      .filter(({ name, audit = false }) => before.get(name.toUpperCase()) === !audit)
      .map(({ name }) => ({ what: `share ${name}`, how: 'changed', keys: ['audit'], holds: 'now' }));
  }

  /** The open file with its new limits, opened again, or another file. */
  async #fileFor(wanted: Required<AuditOptions>): Promise<RotatedFile> {
    if (this.#open?.options.path !== wanted.path) return RotatedFile.open(wanted, this.#place.log, '{');
    this.#open.file.renew(wanted);
    return this.#open.file;
  }

  /** Listens to a file server. The server creates no events that have no listener. */
  attach(events: EventEmitter<ServerEvents>): void {
    this.#events = events;
    this.#listen();
  }

  #listen(): void {
    const { clock } = this.#place;
    const [events, open] = [this.#events, this.#open];
    for (const end of this.#deaf.splice(0)) end();
    if (events === undefined || open === undefined) return;
    for (const kind of open.options.kinds) {
      const heard = (event: ServerEvents[AuditKind][0]): void => {
        if (!('share' in event) || this.#shares.get(event.share.toUpperCase()) === true)
          open.file.write(auditLine(kind, event as never, clock.wall()));
      };
      events.on(kind, heard as never);
      this.#deaf.push(() => events.off(kind, heard as never));
    }
  }

  /** Writes the waiting lines and ends; `apply` starts again. */
  async close(): Promise<void> {
    const open = this.#open;
    this.#open = this.#events = undefined;
    this.#listen();
    await open?.file.close();
  }
}
