import type { Clock } from '@ring3/kit';

/** Work for connections without a logon ends after this time in a turn of the event loop, ms, for all of them together. */
const turnMs = 2;

/** A connection without a logon. */
export interface Stranger {
  /** Its address, or the network that is counted as one address. */
  readonly network: string;
  /** Handles one frame. */
  step(): void;
}

/**
 * The work for connections on which no user is logged on: after that for users in each turn of the event loop, for a bounded time, one
 * frame at a time, one network after the other and one connection after the other in each.
 */
export class Strangers {
  readonly #clock: Clock;
  readonly #defer: (call: () => void) => void;
  readonly #networks = new Map<string, Set<Stranger>>();
  #armed = false;
  readonly #turn = (): void => this.#work();

  constructor(clock: Clock, defer: (call: () => void) => void) {
    this.#clock = clock;
    this.#defer = defer;
  }

  /** The stranger's `step` is called in a later turn. */
  add(stranger: Stranger): void {
    const queue = this.#networks.get(stranger.network);
    if (queue === undefined) this.#networks.set(stranger.network, new Set([stranger]));
    else queue.add(stranger);
    this.#arm();
  }

  /** The stranger has logged on, or has disconnected. */
  delete(stranger: Stranger): void {
    const queue = this.#networks.get(stranger.network);
    if (queue?.delete(stranger) === true && queue.size === 0) this.#networks.delete(stranger.network);
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    this.#defer(this.#turn);
  }

  #work(): void {
    this.#armed = false;
    const start = this.#clock.now();
    for (let next = this.#take(); next !== undefined; next = this.#take()) {
      next.step();
      if (this.#clock.now() - start > turnMs) break;
    }
    if (this.#networks.size > 0) this.#arm();
  }

  #take(): Stranger | undefined {
    const { value: first } = this.#networks.entries().next();
    if (first === undefined) return undefined;
    const [network, queue] = first;
    const { value: stranger } = queue.values().next();
    this.#networks.delete(network);
    queue.delete(stranger as Stranger);
    if (queue.size > 0) this.#networks.set(network, queue);
    return stranger;
  }
}
