/** Maximum number of concurrent calls of one device in libuv's thread pool: an eighth of the threads that `ring3 serve` requests. */
const callsForDevice = 8;

/**
 * The share that one device has of the process's thread pool, so that calls into a hanging device do not occupy the threads of the others.
 * Further calls wait in FIFO order.
 */
export class PoolShare {
  #running = 0;
  readonly #queue: (() => void)[] = [];

  /** Makes a call when a slot is free. @param call starts it; at most one of its system calls is in the pool at a time */
  run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#running < callsForDevice) return this.#start(call);
    return new Promise((resolve, reject) => {
      this.#queue.push(() => this.#start(call).then(resolve, reject));
    });
  }

  #start<T>(call: () => Promise<T>): Promise<T> {
    this.#running++;
    return call().finally(() => {
      this.#running--;
      this.#queue.shift()?.();
    });
  }
}
