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
  /** A lower bound of `#held`. */
  #away = 0;

  /** @param held bytes that left the queue and still count against its limit; called only near the limit */
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
    if (this.#away > 0 && this.#charged + this.#away > bytes) this.#away = this.#held?.() ?? 0;
    return this.#charged + this.#away > bytes;
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
    if (this.#held !== undefined) this.#away += first.charged;
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
