import { type Name, nameArgument, native, result } from '../library.ts';

const libc = {
  init: native<[number]>('int inotify_init1(int)'),
  add: native<[number, string | Uint8Array, number]>('int inotify_add_watch(int, const char *, uint)'),
  remove: native<[number, number]>('int inotify_rm_watch(int, int)'),
  read: native<[number, Uint8Array, number]>('int64 read(int, void *, size_t)'),
};

/** Events and flags of inotify: uapi/linux/inotify.h IN_*. */
export const Notify = {
  Access: 0x1,
  Modify: 0x2,
  Attributes: 0x4,
  CloseWrite: 0x8,
  CloseNoWrite: 0x10,
  Open: 0x20,
  MovedFrom: 0x40,
  MovedTo: 0x80,
  Create: 0x100,
  Delete: 0x200,
  DeleteSelf: 0x400,
  MoveSelf: 0x800,
  Unmount: 0x2000,
  Overflow: 0x4000,
  Ignored: 0x8000,
  OnlyFolder: 0x1000000,
  DontFollow: 0x2000000,
  ExcludeUnlinked: 0x4000000,
  MaskAdd: 0x20000000,
  IsFolder: 0x40000000,
} as const;

/** A new inotify descriptor, non-blocking, close-on-exec: wait for it with `readiness`. inotify_init1(2). @returns it, or a negative errno */
export const openNotify = (): number => result(libc.init.run(0o2004000));

/**
 * Adds a watch, or changes its events. inotify_add_watch(2).
 * @param path `descriptorPath(fd)` for an open descriptor
 * @param events bits of `Notify`
 * @returns the watch's number, the same for the same inode; or a negative errno (`-ENOSPC`: the user's limit of watches)
 */
export function addNotify(fd: number, path: Name, events: number): number {
  const argument = nameArgument(path);
  return typeof argument === 'number' ? argument : result(libc.add.run(fd, argument, events));
}

/** Removes a watch; a last `Notify.Ignored` is reported for it. inotify_rm_watch(2). @returns 0 or a negative errno */
export const removeNotify = (fd: number, watch: number): number => result(libc.remove.run(fd, watch));

/** One change: `struct inotify_event`. */
export interface NotifyEvent {
  /** The watch; -1 for `Notify.Overflow`. */
  readonly watch: number;
  /** Bits of `Notify`. */
  readonly events: number;
  /** The same for the two halves of a rename. */
  readonly cookie: number;
  /** The entry of the watched folder, as a view of the buffer; empty if the event concerns the watched entry itself. */
  readonly name: Buffer;
}

/**
 * Reads the waiting events.
 * @param buffer 4 KiB or more; used again by the next call
 * @returns the events, or a negative errno (`-EAGAIN`: none)
 */
export function readNotify(fd: number, buffer: Buffer): NotifyEvent[] | number {
  const length = libc.read.run(fd, buffer, buffer.length);
  if (length < 0) return result(length);
  const events: NotifyEvent[] = [];
  for (let at = 0; at + 16 <= length; ) {
    const size = buffer.readUInt32LE(at + 12);
    const padded = buffer.subarray(at + 16, at + 16 + size);
    const end = padded.indexOf(0);
    events.push({
      watch: buffer.readInt32LE(at),
      events: buffer.readUInt32LE(at + 4),
      cookie: buffer.readUInt32LE(at + 8),
      name: end < 0 ? padded : padded.subarray(0, end),
    });
    at += 16 + size;
  }
  return events;
}
