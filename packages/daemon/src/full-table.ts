import type { Namespace } from '@ring3/conntrack';
import type { Clock, Log } from '@ring3/kit';

/** Minimum interval between two lines about the same table, milliseconds. */
const quietMs = 5000;
const texts = {
  dropped: 'nf_conntrack: table full, dropping packet',
  earlyDrop: 'nf_conntrack: table full, deleting flows that are not assured for new ones',
} as const;

/**
 * Logs that the table of a namespace is full, in the words of the kernel: at once, then at most every five seconds with the number of drops
 * since.
 */
export function logFullTable(namespace: Namespace, clock: Clock, log: Log): void {
  const since = { dropped: 0, earlyDrop: 0 };
  const quietUntil = { dropped: Number.NEGATIVE_INFINITY, earlyDrop: Number.NEGATIVE_INFINITY };
  namespace.onTableFull = (what) => {
    since[what]++;
    const now = clock.now();
    if (now < quietUntil[what]) return;
    quietUntil[what] = now + quietMs;
    log.warn(texts[what], { times: since[what], flows: namespace.flowCount, max: namespace.settings.max });
    since[what] = 0;
  };
}
