import type { Channel } from '../objects/channel.ts';
import type { Session } from '../objects/session.ts';

/** A received frame. */
interface InFlight {
  /** Whether its responses may need the keys of a session. */
  uses(session: Session): boolean;
}

/** Ended channels of a connection, kept while something is in flight whose response may still need their keys. */
export class RetiredChannels {
  readonly #last = new Map<Channel, Set<InFlight>>();

  /** A channel has ended: its keys are released when no frame of its session is in flight any more. */
  add(channel: Channel, inFlight: Iterable<InFlight>): void {
    const last = new Set([...inFlight].filter((compound) => compound.uses(channel.session)));
    if (last.size === 0) channel.forgetKeys();
    else this.#last.set(channel, last);
  }

  /** A frame of the connection was answered. */
  finished(compound: InFlight): void {
    if (this.#last.size === 0) return;
    for (const [channel, last] of this.#last) {
      if (!last.delete(compound) || last.size > 0) continue;
      this.#last.delete(channel);
      channel.forgetKeys();
    }
  }
}
