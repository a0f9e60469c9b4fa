import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import type { Random } from './random.ts';
import { fakeRandom } from './random.ts';

/** The events that a link reports to its owner. */
export interface LinkEvents {
  /** Received bytes: a piece of the stream, or one whole datagram. The receiver owns the views and may write into them. */
  receive(bytes: Uint8Array): void;
  /** The peer closed the link, or the link failed. Called once. @param broken true if the link failed, false after an orderly end */
  end(reason: string, broken?: boolean): void;
  /** All written bytes were sent. Called if `send` had returned false. */
  drain?(): void;
  /**
   * Returns memory for the next received bytes: `receive` is then called with a part of it, from its start. A link may request memory and never fill it, or
   * use its own memory anyway.
   */
  buffer?(): Uint8Array;
}

/** One end of a two-way transport: a TCP stream, a datagram socket, memory. Protocols use this interface, not sockets. */
export interface Link {
  /** A description of the peer, for people and logs. */
  readonly peer: string;
  /** Starts the delivery of events. Bytes that arrived earlier wait for this call. */
  open(events: LinkEvents): void;
  /**
   * Sends the chunks in order, as one datagram if the link has datagrams. They must not change until `sent` is called.
   * @returns false if the queued bytes exceed the link's limit: wait for `drain`
   */
  send(chunks: readonly Uint8Array[], sent?: () => void): boolean;
  /** Bytes accepted by `send` and not yet sent. */
  readonly queued: number;
  /** The unsent bytes at finer granularity than `queued`, if the link can report it. `queued` may change only after a whole write was sent. */
  readonly unsent?: number;
  /** Bytes accepted by `send` that the peer's transport has not acknowledged, if the link can report it. */
  readonly unacknowledged?: number | undefined;
  /** Stops and resumes receiving. */
  pause(): void;
  resume(): void;
  /** Closes the link after all queued bytes were sent; `now` discards them. */
  close(now?: boolean): void;
}

export interface PairOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  /** One-way latency. Without it the receiver is called in a microtask. */
  readonly latencyMs?: number;
  /** Share of sends that are lost. Useful only for datagrams. */
  readonly lossPercent?: number;
  /** Splits sent bytes into pieces of at most this size, as a stream may. */
  readonly pieces?: number;
}

class MemoryLink implements Link {
  readonly peer: string;
  readonly #options: PairOptions;
  other: MemoryLink | undefined;
  #events: LinkEvents | undefined;
  #waiting: Uint8Array[] = [];
  #paused = false;
  #ended: string | undefined;
  queued = 0;

  constructor(peer: string, options: PairOptions) {
    this.peer = peer;
    this.#options = options;
  }

  open(events: LinkEvents): void {
    this.#events = events;
    this.#flush();
  }

  send(chunks: readonly Uint8Array[], sent?: () => void): boolean {
    const { latencyMs, lossPercent = 0, pieces, clock = systemClock, random = fakeRandom() } = this.#options;
    const joined = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    let at = 0;
    for (const chunk of chunks) {
      joined.set(chunk, at);
      at += chunk.length;
    }
    sent?.();
    if (this.other === undefined || (lossPercent > 0 && random.u32() % 100 < lossPercent)) return true;
    const other = this.other;
    const deliver = (): void => other.#arrive(joined, pieces ?? Math.max(1, joined.length));
    if (latencyMs === undefined) queueMicrotask(deliver);
    else clock.after(latencyMs, deliver);
    return true;
  }

  #arrive(bytes: Uint8Array, pieces: number): void {
    for (let at = 0; at < bytes.length; at += pieces) this.#waiting.push(bytes.subarray(at, at + pieces));
    this.#flush();
  }

  #flush(): void {
    while (!this.#paused && this.#events !== undefined && this.#waiting.length > 0)
      this.#events.receive(this.#waiting.shift() as Uint8Array);
    if (this.#ended !== undefined && this.#waiting.length === 0 && this.#events !== undefined) {
      const events = this.#events;
      this.#events = undefined;
      events.end(this.#ended);
    }
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#flush();
  }

  close(): void {
    const other = this.other;
    this.other = undefined;
    if (other === undefined) return;
    other.other = undefined;
    const { latencyMs, clock = systemClock } = this.#options;
    for (const end of [this, other]) {
      end.#ended = end === this ? 'closed' : 'closed by the peer';
      if (latencyMs === undefined) queueMicrotask(() => end.#flush());
      else clock.after(latencyMs, () => end.#flush());
    }
  }
}

/** Two ends connected in memory, with optional latency, loss and splitting: the fake of every link. */
export function linkPair(options: PairOptions = {}): [Link, Link] {
  const a = new MemoryLink('memory:b', options);
  const b = new MemoryLink('memory:a', options);
  a.other = b;
  b.other = a;
  return [a, b];
}
