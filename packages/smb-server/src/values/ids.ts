import type { Clock, Random } from '@ring3/kit';

/** A start takes the numbers from its tick on, ms. */
const tickMs = 16;

/**
 * Numbers below 2^53 that do not repeat, not even after a restart: the ticks of 16 ms since 2020 at the start, times 2^16, then counted up.
 * (They would repeat only if a server used four million ids per second, or if the clock is set back.)
 */
export class Ids {
  #last: number;

  constructor(clock: Clock, random: Random) {
    const ticks = Math.max(0, Math.floor((clock.wall() - 1_577_836_800_000) / tickMs)) % 2 ** 36;
    this.#last = ticks * 2 ** 16 + (random.u32() & 0xffff);
  }

  /** The next number. */
  readonly next = (): number => ++this.#last;

  /** All further numbers are larger than this one, which is in use already. */
  beyond(id: number): void {
    this.#last = Math.max(this.#last, id);
  }
}
