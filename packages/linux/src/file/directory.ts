import { Errno } from '../errno.ts';
import { native, raw, result } from '../library.ts';

const libc = {
  getdents64: raw<[number, Uint8Array, number]>('getdents64', ['int', 'void *', 'size_t']),
  lseek: native<[number, bigint | number, number]>('int64 lseek(int, int64, int)'),
};

/** Types of directory entries, dirent.h DT_*. `Unknown`: the file system does not report the type; use statx. */
export const EntryType = { Unknown: 0, Fifo: 1, Character: 2, Folder: 4, Block: 6, Regular: 8, Link: 10, Socket: 12 } as const;

const dot = 0x2e;
const nameAt = 19; // struct linux_dirent64: ino u64, off s64, reclen u16, type u8, name

/**
 * Reads a directory, part by part, into one reused buffer; `.` and `..` are omitted. getdents64(2). After `next` returned 1, the fields
 * describe one entry until the next call.
 */
export class FolderReader {
  readonly #buffer: Buffer;
  readonly #view: DataView;
  #fd: number;
  #at = 0;
  #end = 0;
  #entry = 0;

  /** @param size of the buffer: at least 1 KiB, so that the longest name fits */
  constructor(fd: number, size = 32_768) {
    if (size < 1024) throw new RangeError('a folder is read into 1 KiB or more');
    this.#buffer = Buffer.alloc(size);
    this.#view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, size);
    this.#fd = fd;
  }

  /** Continues with another directory, or at another position of this one. @param cursor the position, 0n for the start @returns 0 or a negative errno */
  reset(fd: number, cursor = 0n): number {
    this.#fd = fd;
    this.#at = 0;
    this.#end = 0;
    const place = libc.lseek.run(fd, cursor, 0);
    return place < 0 ? result(place) : 0;
  }

  /** True if the next entry is in the buffer, so that `next` makes no system call. */
  get isBuffered(): boolean {
    return this.#at < this.#end;
  }

  /** @returns 1 if there is an entry, 0 at the end, or a negative errno */
  next(): number {
    for (;;) {
      if (this.#at >= this.#end) {
        const filled = this.#filled(result(libc.getdents64.run(this.#fd, this.#buffer, this.#buffer.length)));
        if (filled <= 0) return filled;
      }
      if (this.#take()) return 1;
    }
  }

  /** Fills the buffer off the main thread. @returns 1 if entries are buffered, 0 at the end, or a negative errno */
  async fill(): Promise<number> {
    if (this.isBuffered) return 1;
    return this.#filled(await libc.getdents64.later(undefined, this.#fd, this.#buffer, this.#buffer.length));
  }

  #filled(answer: number): number {
    this.#at = 0;
    this.#end = Math.max(answer, 0);
    return answer > 0 ? 1 : answer === -Errno.ENOENT ? 0 : answer; // a directory that was removed meanwhile is empty
  }

  #take(): boolean {
    this.#entry = this.#at;
    this.#at += this.#view.getUint16(this.#entry + 16, true);
    const b = this.#buffer;
    const start = this.#entry + nameAt;
    return !(b[start] === dot && (b[start + 1] === 0 || (b[start + 1] === dot && b[start + 2] === 0)));
  }

  /** The end of the entry's name: its zero byte. The rest of the record is unspecified. */
  get #nameEnd(): number {
    let end = this.#entry + nameAt;
    while (end < this.#at && this.#buffer[end] !== 0) end++;
    return end;
  }
  /** The entry's name, as a view of the buffer. */
  get name(): Buffer {
    return this.#buffer.subarray(this.#entry + nameAt, this.#nameEnd);
  }
  /** The entry's name as text; invalid UTF-8 is replaced by U+FFFD. */
  get text(): string {
    return this.#buffer.toString('utf8', this.#entry + nameAt, this.#nameEnd);
  }
  /** One of `EntryType`. */
  get type(): number {
    return this.#buffer[this.#entry + 18]!;
  }
  get inode(): bigint {
    return this.#view.getBigUint64(this.#entry, true);
  }
  /** The position after this entry, for `reset`: opaque, defined by the file system, up to 63 bits. */
  get cursor(): bigint {
    return this.#view.getBigInt64(this.#entry + 8, true);
  }
}
