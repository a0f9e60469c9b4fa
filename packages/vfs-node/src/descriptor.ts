import { close, closeLater } from '@ring3/linux';
import type { PoolShare } from './pool-share.ts';

/** An open file of the host that several share: closed when the last one lets go, and never while a call in the pool still uses it. */
export class Descriptor {
  readonly fd: number;
  /** Whether it can be read; one for writing alone cannot. */
  readonly readable: boolean;
  readonly #pool: PoolShare;
  readonly #ended: (() => boolean) | undefined;
  #users = 1;

  /** @param ended is told when it closes; answers whether closing may take long */
  constructor(fd: number, readable: boolean, pool: PoolShare, ended?: () => boolean) {
    this.fd = fd;
    this.readable = readable;
    this.#pool = pool;
    this.#ended = ended;
  }

  /** One more user. */
  hold(): this {
    this.#users++;
    return this;
  }

  /** One user less. */
  release(): void {
    if (--this.#users > 0) return;
    if (this.#ended?.() === true) void this.#pool.run(() => closeLater(this.fd));
    else close(this.fd);
  }

  /** Makes a call in the device's share of the thread pool, and keeps it open until that is done. */
  during<T>(call: () => Promise<T>): Promise<T> {
    this.hold();
    return this.#pool.run(call).finally(() => this.release());
  }

  /** Keeps it open until something else is done that is not in the pool of its device. */
  until<T>(done: Promise<T>): Promise<T> {
    this.hold();
    return done.finally(() => this.release());
  }
}
