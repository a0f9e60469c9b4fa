import { fileDescriptors } from '@ring3/linux';

/**
 * Descriptors that are reserved for the control socket, the console, netlink programs, the log, and short-lived descriptors of requests.
 */
const reserveOf = (limit: number): number => Math.min(512, Math.max(16, Math.floor(limit / 16)));

/**
 * File descriptors that all clients of the file server may hold: the limit of the process minus those that are open already and a reserve.
 */
export function sharedDescriptors(now = fileDescriptors()): number | undefined {
  return now === undefined ? undefined : Math.max(16, now.limit - now.open - reserveOf(now.limit));
}
