import type { Compound } from './compound.ts';
import type { Session } from './session.ts';

/** Sessions of a connection that have ended, while something is in flight that may still be answered under their keys. */
export class RetiredSessions {
  readonly #last = new Map<Session, Set<Compound>>();

  /** A session has ended: its keys are forgotten when nothing of it is in flight any more. */
  add(session: Session, inFlight: Iterable<Compound>): void {
    const last = new Set([...inFlight].filter((compound) => compound.uses(session)));
    if (last.size === 0) session.forgetKeys();
    else this.#last.set(session, last);
  }

  /** Something has left the connection. */
  finished(compound: Compound): void {
    if (this.#last.size === 0) return;
    for (const [session, last] of this.#last) {
      if (!last.delete(compound) || last.size > 0) continue;
      this.#last.delete(session);
      session.forgetKeys();
    }
  }
}
