import { readdirSync, readFileSync } from 'node:fs';

/** The memory of a process. proc_pid_smaps_rollup(5). */
export interface Held {
  /** Private_Dirty, bytes: the pages that it has written and does not share with other processes. */
  readonly own: number;
  /** Resident set size, bytes. */
  readonly rss: number;
  readonly descriptors: number;
}

/** Reads the memory figures of another process. */
export function heldBy(pid: number): Held {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  const bytes = (key: string): number => Number(new RegExp(`^${key}: +(\\d+) kB$`, 'm').exec(rollup)?.[1]) * 1024;
  return { own: bytes('Private_Dirty'), rss: bytes('Rss'), descriptors: readdirSync(`/proc/${pid}/fd`).length };
}
