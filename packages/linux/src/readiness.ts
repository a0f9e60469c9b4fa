import type Koffi from 'koffi';
import { close } from './close.ts';
import { Errno, SystemError } from './errno.ts';
import { native, nativeInterface, result } from './library.ts';

/** Events of a descriptor, and how often they are reported: epoll_ctl(2). `Error` and `HangUp` are always reported. */
export const Ready = {
  Readable: 0x1,
  Urgent: 0x2,
  Writable: 0x4,
  Error: 0x8,
  HangUp: 0x10,
  PeerClosed: 0x2000,
  /** Report once, then not before the next `update`. */
  OneShot: 0x40000000,
  /** Report when it becomes ready, not while it is ready. */
  Edge: 0x80000000,
} as const;

const libc = {
  create: native<[number]>('int epoll_create1(int)'),
  control: native<[number, number, number, Uint8Array]>('int epoll_ctl(int, int, int, void *)'),
  wait: native<[number, Uint8Array, number, number]>('int epoll_wait(int, void *, int, int)'),
};

const Control = { Add: 1, Delete: 2, Modify: 3 } as const;
const closeOnExec = 0o2000000;
const batch = 64;
/** A turn of the event loop calls no more callbacks after this time, ms: the others have theirs in the next turn. */
const turnMs = 2;
// struct epoll_event: events u32, then 64 bits of user data; packed only on x86-64
const dataAt = process.arch === 'x64' ? 4 : 8;
const eventBytes = dataAt + 8;

/** A watched descriptor. */
export interface Watch {
  /** Changes the events; re-arms a one-shot watch. @returns 0 or a negative errno */
  update(events: number): number;
  /** Allows the process to end while this watch exists. */
  unref(): this;
  /** Keeps the process alive while this watch exists (the default). */
  ref(): this;
  /** Ends the watch; the callback is not called again. Call it before the descriptor is closed. */
  close(): void;
}

/**
 * Reports when descriptors that Node cannot poll are ready: netlink, SEQPACKET and packet sockets, inotify, eventfds. One epoll descriptor collects them,
 * and the event loop waits for it: no thread, no polling. It exists while there is a watch.
 *
 * Callbacks run on the event loop, after the turn's I/O. Events are level-triggered by default: data that a callback leaves
 * unread is reported again in the next turn, so a callback may stop early and let others run.
 */
export class Readiness {
  #epoll = -1;
  #handle: ReturnType<typeof Koffi.node.poll> | undefined;
  readonly #entries: (Entry | undefined)[] = [];
  readonly #free: number[] = [];
  #watched = 0;
  #holding = 0;
  #generation = 0;
  #scheduled = false;
  #next = 0;
  #count = 0;
  readonly #events = Buffer.alloc(eventBytes * batch);
  readonly #eventsView = new DataView(this.#events.buffer, this.#events.byteOffset, this.#events.length);
  readonly #event = Buffer.alloc(eventBytes);
  readonly #eventView = new DataView(this.#event.buffer, this.#event.byteOffset, eventBytes);

  /**
   * Waits for a descriptor.
   * @param events bits of `Ready`
   * @param ready called with the bits that are ready
   * @returns the watch, or a negative errno (`-EPERM`: a regular file or directory, always ready; `-EEXIST`: already watched)
   * @throws SystemError if no epoll descriptor can be created
   */
  watch(fd: number, events: number, ready: (events: number) => void): Watch | number {
    if (this.#watched === 0) this.#open();
    const slot = this.#free.pop() ?? this.#entries.length;
    const generation = ++this.#generation >>> 0;
    const answer = this.#control(Control.Add, fd, events, slot, generation);
    if (answer < 0) {
      this.#free.push(slot);
      if (this.#watched === 0) this.#close();
      return answer;
    }
    const entry = new Entry(this, fd, slot, generation, ready);
    this.#entries[slot] = entry;
    this.#watched++;
    this.hold(1);
    return entry;
  }

  /** @internal */
  modify(entry: Entry, events: number): number {
    return this.#control(Control.Modify, entry.fd, events, entry.slot, entry.generation);
  }

  /** @internal */
  forget(entry: Entry, held: boolean): void {
    this.#control(Control.Delete, entry.fd, 0, 0, 0); // fails if the descriptor was closed before; the watch is removed in either case
    this.#entries[entry.slot] = undefined;
    this.#free.push(entry.slot);
    this.#watched--;
    if (held) this.hold(-1);
    if (this.#watched === 0) this.#close();
  }

  /** @internal */
  hold(change: 1 | -1): void {
    this.#holding += change;
    if (this.#holding === 0) this.#handle?.unref();
    else if (this.#holding === 1 && change === 1) this.#handle?.ref();
  }

  #open(): void {
    this.#epoll = result(libc.create.run(closeOnExec));
    if (this.#epoll < 0) throw new SystemError(this.#epoll, 'epoll_create1');
    this.#handle = nativeInterface().node.poll(this.#epoll, this.#schedule);
    this.#handle.unref();
  }

  #close(): void {
    this.#handle?.close();
    this.#handle = undefined;
    close(this.#epoll);
    this.#epoll = -1;
    this.#count = 0;
    this.#next = 0;
    this.#entries.length = 0;
    this.#free.length = 0;
  }

  #control(operation: number, fd: number, events: number, slot: number, generation: number): number {
    this.#eventView.setUint32(0, events >>> 0, true);
    this.#eventView.setUint32(dataAt, slot, true);
    this.#eventView.setUint32(dataAt + 4, generation, true);
    return result(libc.control.run(this.#epoll, operation, fd, this.#event));
  }

  // The poll handle calls outside of Node's callback scope, where promise jobs would not run and an exception could not propagate; an
  // immediate runs in the same turn, inside the scope.
  readonly #schedule = (): void => {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#dispatch);
  };

  readonly #dispatch = (): void => {
    this.#scheduled = false;
    if (this.#epoll < 0) return;
    if (this.#next >= this.#count) {
      this.#next = 0;
      this.#count = libc.wait.run(this.#epoll, this.#events, batch, 0);
    }
    try {
      const start = performance.now();
      while (this.#next < this.#count) {
        this.#tell(this.#next++);
        if (performance.now() - start > turnMs) break;
      }
    } finally {
      if (this.#next < this.#count) this.#schedule(); // time is over, or a callback threw: the others are called in the next turn
    }
  };

  #tell(index: number): void {
    const at = index * eventBytes;
    const entry = this.#entries[this.#eventsView.getUint32(at + dataAt, true)];
    if (entry?.generation !== this.#eventsView.getUint32(at + dataAt + 4, true)) return; // closed by an earlier callback of this batch
    entry.ready(this.#eventsView.getUint32(at, true));
  }
}

class Entry implements Watch {
  readonly fd: number;
  readonly slot: number;
  readonly generation: number;
  readonly ready: (events: number) => void;
  readonly #owner: Readiness;
  #open = true;
  #held = true;

  constructor(owner: Readiness, fd: number, slot: number, generation: number, ready: (events: number) => void) {
    this.#owner = owner;
    this.fd = fd;
    this.slot = slot;
    this.generation = generation;
    this.ready = ready;
  }

  update(events: number): number {
    return this.#open ? this.#owner.modify(this, events) : -Errno.EBADF;
  }

  ref(): this {
    if (this.#open && !this.#held) {
      this.#held = true;
      this.#owner.hold(1);
    }
    return this;
  }

  unref(): this {
    if (this.#open && this.#held) {
      this.#held = false;
      this.#owner.hold(-1);
    }
    return this;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#owner.forget(this, this.#held);
  }
}

/** The readiness of this thread. */
export const readiness: Readiness = new Readiness();
