import type { Clock, Timer } from '@ring3/kit';
import type { Flows } from './flows.ts';

/** Milliseconds until the retry after a successful one, and the maximum interval between retries. */
const retryMs = { first: 1, longest: 100 } as const;

/**
 * Offers DESTROY of dying flows again until it is delivered: often while listeners read, every 100 ms while they do not. No timer runs
 * without a dying flow.
 */
export class Redelivery {
  readonly #flows: Flows;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #closed = false;

  constructor(flows: Flows, clock: Clock) {
    this.#flows = flows;
    this.#clock = clock;
    flows.onDying = () => {
      if (this.#timer === undefined) this.#wait(retryMs.first);
    };
  }

  /** Dying flows stay what they are: the tracker ends with its namespace. */
  close(): void {
    this.#closed = true;
    this.#timer?.clear();
  }

  #wait(ms: number): void {
    if (this.#closed) return;
    this.#timer = this.#clock.after(ms, () => {
      this.#timer = undefined;
      const flows = this.#flows;
      const delivered = flows.redeliver();
      if (flows.dying > 0) this.#wait(delivered > 0 ? retryMs.first : Math.min(ms * 2, retryMs.longest));
    });
  }
}
