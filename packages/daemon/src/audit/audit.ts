import type { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Clock, Log } from '@ring3/kit';
import type { ServerEvents } from '@ring3/smb-server';
import { type Change, differing } from '../change.ts';
import type { Settings } from '../settings.ts';
import { isStateInside } from '../shared-folders.ts';
import { auditDefaults } from './audit-defaults.ts';
import { type AuditKind, auditLine } from './audit-line.ts';
import { RotatedFile, type RotatedFileOptions } from './rotated-file.ts';

/** How an audit is kept; what is left out is `auditDefaults`. */
export interface AuditOptions extends Partial<RotatedFileOptions> {
  /** What is written about; everything unless said. */
  readonly kinds?: readonly AuditKind[];
}

/** Where an audit lives. */
export interface AuditPlace {
  readonly stateDir: string;
  readonly clock: Clock;
  readonly log: Log;
}

type Wanted = Required<AuditOptions>;

/** Who did what to the files of the shares that say so: a line of JSON each, in a file that is replaced when it has grown. */
export class Audit {
  readonly #place: AuditPlace;
  #shares: ReadonlySet<string> = new Set();
  /** Undefined where no share is written about. */
  #open: { readonly file: RotatedFile; readonly options: Wanted } | undefined;
  #events: EventEmitter<ServerEvents> | undefined;
  #deaf: (() => void)[] = [];

  constructor(place: AuditPlace) {
    this.#place = place;
  }

  /** Takes settings: from here on lines are written about their shares, where they say. @throws Error in one line, and nothing is changed */
  async apply(settings: Pick<Settings, 'audit' | 'shares'>): Promise<Change[]> {
    const before = this.#open;
    const wanted = optionsOf(settings, this.#place.stateDir);
    this.#open = wanted === undefined ? undefined : { file: await this.#fileFor(wanted), options: wanted };
    this.#shares = new Set(audited(settings).map(({ name }) => name.toUpperCase()));
    this.#listen();
    if (before?.file !== this.#open?.file) await before?.file.close();
    if (before === undefined || wanted === undefined) return [];
    const keys = differing(before.options, wanted);
    return keys.length === 0 ? [] : [{ what: 'audit', how: 'changed', keys, holds: 'now' }];
  }

  /** The file that is open, with its new limits, or another. */
  async #fileFor(wanted: Wanted): Promise<RotatedFile> {
    if (this.#open?.options.path !== wanted.path) return RotatedFile.open(wanted, this.#place.log);
    this.#open.file.limits = wanted;
    return this.#open.file;
  }

  /** Listens to a file server, which makes nothing for what nobody listens to. */
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
        if (!('share' in event) || this.#shares.has(event.share.toUpperCase()))
          open.file.write(auditLine(kind, event as never, clock.wall()));
      };
      events.on(kind, heard as never);
      this.#deaf.push(() => events.off(kind, heard as never));
    }
  }

  /** Writes what waits, and ends; another `apply` begins anew. */
  async close(): Promise<void> {
    const open = this.#open;
    this.#open = this.#events = undefined;
    this.#listen();
    await open?.file.close();
  }
}

const audited = ({ shares = [] }: Pick<Settings, 'shares'>) => shares.filter(({ audit }) => audit === true);

/** @returns undefined where no share is written about @throws Error in one line, where clients of a share would reach the file */
function optionsOf(settings: Pick<Settings, 'audit' | 'shares'>, stateDir: string): Wanted | undefined {
  if (audited(settings).length === 0) return undefined;
  const wanted = { ...auditDefaults, path: join(stateDir, auditDefaults.path), ...settings.audit };
  for (const { name, path } of settings.shares ?? [])
    if (path !== undefined && isStateInside(existing(dirname(wanted.path)), path))
      throw new Error(
        `the audit file ${wanted.path} lies inside the shared folder ${path}, where clients of ${name} would reach it: give another path`,
      );
  return wanted;
}

/** The folder, or that one of those above it which is there. */
const existing = (folder: string): string => (existsSync(folder) ? folder : existing(dirname(folder)));
