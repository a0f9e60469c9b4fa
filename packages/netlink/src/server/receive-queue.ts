import { Errno } from '@ring3/linux';

/** SO_RCVBUF of a fresh socket (net.core.rmem_default), the minimum and the maximum that a program may set, including overhead. */
export const receiveBufferSizes = { initial: 212_992, least: 2304, most: 4_194_304 } as const;

/**
 * The charge of a datagram of `length` bytes on Linux 6.18 (x86-64), measured at every step up to 65,216 bytes: a small one 832, others the power of two
 * that holds it and 320 bytes of bookkeeping, and 256 more.
 */
export const charge = (length: number): number => (length <= 256 ? 832 : 2 ** (32 - Math.clz32(length + 319)) + 256);

/** The minimum charge of an event: the kernel allocates its buffer for the longest possible event. */
export const eventCharge = 1280;

/**
 * The bytes that a datagram counts in SIOCOUTQ on an AF_UNIX SEQPACKET socket of Linux 6.18 (x86-64), measured at every step up to 40,000
 * bytes: as `charge`, with less for a small one, and in pages beyond 16 KiB.
 */
export const linkCharge = (length: number): number =>
  length <= 192 ? 768 : length <= 16_064 ? 2 ** (32 - Math.clz32(length + 319)) + 256 : 16_640 + Math.ceil((length - 16_064) / 4096) * 4096;

/** Datagrams that left the queue and may wait at the link, in order. */
class AtLink {
  #entries: { readonly charged: number; readonly size: number }[] = [];
  #head = 0;
  /** Sum of the charges. */
  charged = 0;
  /** Sum of the sizes at the link. */
  #size = 0;

  add(charged: number, length: number): void {
    const size = linkCharge(length);
    this.#entries.push({ charged, size });
    this.charged += charged;
    this.#size += size;
  }

  /** Removes the datagrams that were received. @param held bytes that wait at the link */
  settle(held: number): void {
    for (;;) {
      const first = this.#entries[this.#head];
      if (first === undefined || this.#size - first.size < held) break;
      this.#head++;
      this.charged -= first.charged;
      this.#size -= first.size;
    }
    if (this.#head * 2 <= this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}

/** The datagrams that wait for a program, within its receive buffer. A datagram that does not fit is lost, and the loss is reported once. */
export class ReceiveQueue {
  #waiting: { readonly bytes: Uint8Array; readonly charged: number }[] = [];
  #head = 0;
  #charged = 0;
  #lost = false;
  /** Set by a reported loss, until the queue is empty: no datagram is accepted in between, so that the program sees one gap. */
  #congested = false;
  #silent = false;
  limit: number = receiveBufferSizes.initial;
  readonly #held: (() => number) | undefined;
  readonly #atLink = new AtLink();

  /** @param held bytes that wait at the link (`linkCharge`): their datagrams count against the limit; called only near the limit */
  constructor(held?: () => number) {
    this.#held = held;
  }

  /** NETLINK_NO_ENOBUFS: losses are not reported, and a datagram is accepted as soon as it fits. */
  get silent(): boolean {
    return this.#silent;
  }

  set silent(silent: boolean) {
    this.#silent = silent;
    if (!silent) return;
    this.#congested = false;
    this.#lost = false;
  }

  get length(): number {
    return this.#waiting.length - this.#head;
  }

  /** Returns whether so many bytes wait, here and at the link, including overhead. */
  exceeds(bytes: number): boolean {
    const { charged } = this.#atLink;
    if (this.#held !== undefined && charged > 0 && this.#charged + charged > bytes) this.#atLink.settle(this.#held());
    return this.#charged + this.#atLink.charged > bytes;
  }

  /** Returns whether `take` would return something other than EAGAIN. */
  get readable(): boolean {
    return this.#lost || this.length > 0;
  }

  /** Returns whether `push` would take a datagram of that length. */
  accepts(length: number, least = 0): boolean {
    return this.#accepts(Math.max(charge(length), least));
  }

  #accepts(charged: number): boolean {
    const full = this.#congested || this.exceeds(this.limit - charged);
    return !full || !this.exceeds(0); // an empty queue accepts one of any size, which ends the gap
  }

  /**
   * Adds a datagram; the first always fits.
   * @param least minimum charge
   * @returns false if it was lost
   */
  push(bytes: Uint8Array, least = 0): boolean {
    const charged = Math.max(charge(bytes.length), least);
    if (!this.#accepts(charged)) {
      if (this.silent) return false;
      if (!this.#congested) this.#lost = true;
      this.#congested = true;
      return false;
    }
    this.#congested = false;
    this.#waiting.push({ bytes, charged });
    this.#charged += charged;
    return true;
  }

  /** The first datagram, or a negative errno: ENOBUFS once after a loss, EAGAIN if none waits. */
  take(): Uint8Array | number {
    if (this.#lost) {
      this.#lost = false;
      return -Errno.ENOBUFS;
    }
    const first = this.#waiting[this.#head];
    if (first === undefined) return -Errno.EAGAIN;
    (this.#waiting as unknown[])[this.#head++] = undefined;
    this.#charged -= first.charged;
    if (this.#held !== undefined) this.#atLink.add(first.charged, first.bytes.length);
    if (this.#head === this.#waiting.length) {
      this.#waiting = [];
      this.#head = 0;
    } else if (this.#head > 1024) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    return first.bytes;
  }

  clear(): void {
    this.#waiting = [];
    this.#head = 0;
    this.#charged = 0;
    this.#lost = false;
  }
}
