/** Calls of one device in libuv's thread pool at a time: an eighth of the threads that `ring3 serve` asks for. */
const callsForDevice = 8;

/**
 * What one device may have of the thread pool, which all devices of the process share: calls into one that hangs do not take the threads that calls into others need.
 * Calls above that wait here, in their order.
 */
export class PoolShare {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** Makes a call when it is its turn. @param call starts it; at most one of its system calls is in the pool at a time */
  run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#running < callsForDevice) return this.#start(call);
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => this.#start(call).then(resolve, reject));
    });
  }

  #start<T>(call: () => Promise<T>): Promise<T> {
    this.#running++;
    return call().finally(() => {
      this.#running--;
      this.#waiting.shift()?.();
    });
  }
}
