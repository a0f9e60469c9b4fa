import type { EventEmitter } from 'node:events';
import type { Clock, Log } from '@ring3/kit';
import type { ServerEvents } from '@ring3/smb-server';
import { type AuditKind, auditKinds, auditLine } from './audit-line.ts';
import { RotatedFile, type RotatedFileOptions } from './rotated-file.ts';

/** How an audit is kept. */
export interface AuditOptions extends RotatedFileOptions {
  /** What is written about; everything unless said. */
  readonly kinds?: readonly AuditKind[] | undefined;
}

/** Who did what to the files of some shares, a line of JSON each, in a file that is replaced when it has grown. */
export class Audit {
  readonly #file: RotatedFile;
  readonly #kinds: readonly AuditKind[];
  readonly #clock: Clock;
  #shares: ReadonlySet<string> = new Set();

  private constructor(file: RotatedFile, kinds: readonly AuditKind[], clock: Clock) {
    this.#file = file;
    this.#kinds = kinds;
    this.#clock = clock;
  }

  /** @throws Error in one line, where the file cannot be written */
  static async open({ kinds = auditKinds, ...file }: AuditOptions, clock: Clock, log: Log): Promise<Audit> {
    return new Audit(await RotatedFile.open(file, log), kinds, clock);
  }

  /** Which shares are written about from now on: log-ons where there is one. Names without regard to case. */
  set shares(names: Iterable<string>) {
    this.#shares = new Set(Array.from(names, (name) => name.toUpperCase()));
  }

  /** Listens to a file server, which makes nothing for what nobody listens to. @returns how to hear no more */
  attach(events: EventEmitter<ServerEvents>): () => void {
    const listeners = this.#kinds.map((kind) => {
      const heard = (event: ServerEvents[AuditKind][0]): void => this.#heard(kind, event as never);
      events.on(kind, heard as never);
      return () => events.off(kind, heard as never);
    });
    return () => {
      for (const end of listeners) end();
    };
  }

  #heard<K extends AuditKind>(kind: K, event: ServerEvents[K][0]): void {
    const wanted = 'share' in event ? this.#shares.has(event.share.toUpperCase()) : this.#shares.size > 0;
    if (wanted) this.#file.write(auditLine(kind, event, this.#clock.wall()));
  }

  /** Writes what waits, and ends. */
  close(): Promise<void> {
    return this.#file.close();
  }
}
