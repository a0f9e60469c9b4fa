import { readdirSync, readFileSync } from 'node:fs';

/** The file descriptors of the process: how many it may have (RLIMIT_NOFILE, getrlimit(2)), and how many are open. Undefined if /proc is not there. */
export function fileDescriptors(): { readonly limit: number; readonly open: number } | undefined {
  try {
    const [, limit] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return limit === undefined ? undefined : { limit: Number(limit), open: readdirSync('/proc/self/fd').length };
  } catch {
    return undefined;
  }
}
