import type { Compound } from '../connection/compound.ts';
import type { Session } from '../objects/session.ts';

/** Ended sessions of a connection, kept while something is in flight whose response may still need their keys. */
export class RetiredSessions {
  readonly #last = new Map<Session, Set<Compound>>();

  /** A session has ended: its keys are forgotten when no frame of it is in flight any more. */
  add(session: Session, inFlight: Iterable<Compound>): void {
    const last = new Set([...inFlight].filter((compound) => compound.uses(session)));
    if (last.size === 0) session.forgetKeys();
    else this.#last.set(session, last);
  }

  /** A frame of the connection was answered. */
  finished(compound: Compound): void {
    if (this.#last.size === 0) return;
    for (const [session, last] of this.#last) {
      if (!last.delete(compound) || last.size > 0) continue;
      this.#last.delete(session);
      session.forgetKeys();
    }
  }
}
