import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import type { Random } from './random.ts';
import { fakeRandom } from './random.ts';

/** What a link tells its owner. */
export interface LinkEvents {
  /** Bytes that arrived: a piece of the stream, or one whole datagram. Views that are the receiver's to keep, and to write into. */
  receive(bytes: Uint8Array): void;
  /** The far end is gone, or the link failed. Called once. @param broken whether it failed, rather than came to an orderly end */
  end(reason: string, broken?: boolean): void;
  /** What was written has left; called when `send` had answered false. */
  drain?(): void;
  /**
   * Memory for the bytes that arrive next: `receive` is then given a part of it, from its start. A link may ask and never fill it, or bring memory of its
   * own all the same.
   */
  buffer?(): Uint8Array;
}

/** One end of a two-way road for bytes: a TCP stream, a datagram socket, memory. Protocols see this and no socket. */
export interface Link {
  /** Who is at the far end, for people and logs. */
  readonly peer: string;
  /** Starts the flow of events; what arrived before waits. */
  open(events: LinkEvents): void;
  /**
   * Sends the chunks in order, as one datagram where the link has datagrams; they must not change until `sent` is called.
   * @returns false when what waits to be sent has passed the link's limit: wait for `drain`
   */
  send(chunks: readonly Uint8Array[], sent?: () => void): boolean;
  /** Bytes handed over and not yet gone. */
  readonly queued: number;
  /** A number above zero that falls while these go, where the link can tell more finely than `queued`, which may stand until a whole write has gone. */
  readonly unsent?: number;
  /** Stops and resumes receiving. */
  pause(): void;
  resume(): void;
  /** Ends the link, after what was sent is out; `now` drops it. */
  close(now?: boolean): void;
}

export interface PairOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  /** One way. Without it a receiver is called in a microtask. */
  readonly latencyMs?: number;
  /** Share of sends that vanish. Only sensible for datagrams. */
  readonly lossPercent?: number;
  /** Cuts what is sent into pieces of at most this size, as a stream may. */
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

/** Two ends joined in memory, with latency, loss and cuts where asked: the fake of every link. */
export function linkPair(options: PairOptions = {}): [Link, Link] {
  const a = new MemoryLink('memory:b', options);
  const b = new MemoryLink('memory:a', options);
  a.other = b;
  b.other = a;
  return [a, b];
}
