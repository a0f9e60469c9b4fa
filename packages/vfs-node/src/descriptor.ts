import { close, closeLater } from '@ring3/linux';

/** An open file of the host that several share: closed when the last one lets go, and never while a call in the pool still uses it. */
export class Descriptor {
  readonly fd: number;
  /** Whether it can be read; one for writing alone cannot. */
  readonly readable: boolean;
  readonly #ended: (() => boolean) | undefined;
  #users = 1;

  /** @param ended is told when it closes; answers whether closing may take long */
  constructor(fd: number, readable: boolean, ended?: () => boolean) {
    this.fd = fd;
    this.readable = readable;
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
    if (this.#ended?.() === true) void closeLater(this.fd);
    else close(this.fd);
  }

  /** Keeps it open until the call is done. */
  during<T>(call: Promise<T>): Promise<T> {
    this.hold();
    return call.finally(() => this.release());
  }
}
