import type { Clock, Log } from '@ring3/kit';
import { Command } from '@ring3/smb-proto';
import { nameOf } from '@ring3/wire';
import type { Numbers } from '../objects/numbers.ts';
import type { BlockingRequest } from '../objects/services.ts';

/** Minimum time between two log lines, ms. */
const logMs = 10_000;

/** Counts and logs requests that blocked the event loop. */
export class HeldTurns {
  readonly #to: { readonly clock: Clock; readonly log: Log; readonly numbers: Numbers };
  /** When the next one may be logged, and how many were not. */
  #nextLog = Number.NEGATIVE_INFINITY;
  #sinceLog = 0;

  constructor(to: { readonly clock: Clock; readonly log: Log; readonly numbers: Numbers }) {
    this.#to = to;
  }

  /** @param ms for how long */
  add({ header, tree, connection }: BlockingRequest, ms: number): void {
    const { clock, log, numbers } = this.#to;
    numbers.heldTurns.add(header.command);
    this.#sinceLog++;
    const now = clock.now();
    if (now < this.#nextLog) return;
    this.#nextLog = now + logMs;
    log.warn('a request blocked the event loop', {
      command: nameOf(Command, header.command),
      share: tree?.share.name,
      connection: connection.id,
      ms: Math.round(ms),
      times: this.#sinceLog,
    });
    this.#sinceLog = 0;
  }
}
