import type { Channel } from '../objects/channel.ts';
import type { Compound } from './compound.ts';

/** Ended channels of a connection, kept while something is in flight whose response may still need their keys. */
export class RetiredChannels {
  readonly #last = new Map<Channel, Set<Compound>>();

  /** A channel has ended: its keys are released when no frame of its session is in flight any more. */
  add(channel: Channel, inFlight: Iterable<Compound>): void {
    const last = new Set([...inFlight].filter((compound) => compound.uses(channel.session)));
    if (last.size === 0) channel.forgetKeys();
    else this.#last.set(channel, last);
  }

  /** A frame of the connection was answered. */
  finished(compound: Compound): void {
    if (this.#last.size === 0) return;
    for (const [channel, last] of this.#last) {
      if (!last.delete(compound) || last.size > 0) continue;
      this.#last.delete(channel);
      channel.forgetKeys();
    }
  }
}
