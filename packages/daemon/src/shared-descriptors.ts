import { fileDescriptors } from '@ring3/linux';

/** What is kept for everything but clients of the file server: the control socket, the console, netlink programs, the log, short-lived descriptors of requests. */
const reserveOf = (limit: number): number => Math.min(512, Math.max(16, Math.floor(limit / 16)));

/** File descriptors that clients of the file server may hold together: the limit of the process without those that are open already and a reserve. */
export function sharedDescriptors(now = fileDescriptors()): number | undefined {
  return now === undefined ? undefined : Math.max(16, now.limit - now.open - reserveOf(now.limit));
}
