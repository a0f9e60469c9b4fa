import type { Clock, Random } from '@ring3/kit';

/** A start takes the numbers from its tick on, ms. */
const tickMs = 16;

/**
 * Numbers below 2^53 that do not repeat, not even after a restart: the ticks of 16 ms since 2020 at the start, times 2^16, then counted up.
 * (They would repeat only if a server used four million ids per second, or if the clock is set back.)
 */
export function createIds(clock: Clock, random: Random): () => number {
  const ticks = Math.max(0, Math.floor((clock.wall() - 1_577_836_800_000) / tickMs)) % 2 ** 36;
  let next = ticks * 2 ** 16 + (random.u32() & 0xffff);
  return () => ++next;
}
