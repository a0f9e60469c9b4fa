import { close, closeLater } from '@ring3/linux';
import type { PoolShare } from './pool-share.ts';

/** A reference-counted open file of the host. It is closed when the last user releases it and no call in the pool uses it. */
export class Descriptor {
  readonly fd: number;
  /** Whether it can be read; false for a write-only one. */
  readonly readable: boolean;
  readonly #pool: PoolShare;
  readonly #onClose: (() => boolean) | undefined;
  #users = 1;

  /** @param onClose called before it closes; returns whether closing may take long */
  constructor(fd: number, readable: boolean, pool: PoolShare, onClose?: () => boolean) {
    this.fd = fd;
    this.readable = readable;
    this.#pool = pool;
    this.#onClose = onClose;
  }

  /** Adds a user. */
  hold(): this {
    this.#users++;
    return this;
  }

  /** Removes a user. */
  release(): void {
    if (--this.#users > 0) return;
    if (this.#onClose?.() === true) void this.#pool.run(() => closeLater(this.fd));
    else close(this.fd);
  }

  /** Makes a call in the device's share of the thread pool and keeps the file open until the call ends. */
  runInPool<T>(call: () => Promise<T>): Promise<T> {
    this.hold();
    return this.#pool.run(call).finally(() => this.release());
  }

  /** Keeps the file open until a promise settles that is not a call in the device's pool. */
  holdUntil<T>(done: Promise<T>): Promise<T> {
    this.hold();
    return done.finally(() => this.release());
  }
}
