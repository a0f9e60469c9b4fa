import { cpus, release, totalmem } from 'node:os';

/** The machine on which the figures were measured, in one line. */
export function machine(): string {
  const [first] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${first?.model ?? 'unknown processor'}, ${cpus().length} cores, ${memory} GiB, Linux ${release()}, Node ${process.versions.node}`;
}

/** The median; of an even number of values the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The exit status of a benchmark that cannot run on this machine. */
export const skipped = 77;

/** Ends the benchmark without a result. @param reason what is missing, and what to do */
export function skip(reason: string): never {
  console.error(`skipped: ${reason}`);
  process.exit(skipped);
}
