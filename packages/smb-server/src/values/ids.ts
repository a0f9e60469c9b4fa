import type { Clock, Random } from '@ring3/kit';

/**
 * Numbers below 2^53 that do not repeat, not even after a restart: the seconds since 2020 at the start, times 2^22, then counted up. (They
 * would repeat only if a server used four million ids per second.)
 */
export function createIds(clock: Clock, random: Random): () => number {
  const seconds = Math.max(0, Math.floor(clock.wall() / 1000) - 1_577_836_800) % 2 ** 30;
  let next = seconds * 2 ** 22 + (random.u32() & 0xffff);
  return () => ++next;
}
