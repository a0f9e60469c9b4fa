import type { OplockOwner } from '../state/index.ts';

/**
 * Breaks of oplocks and leases whose CREATE has no response yet: a client ignores a break of what it does not know (MS-SMB2 3.2.5.19), and
 * would then cache what the response grants. So they are sent after the response.
 */
export class HeldBreaks {
  readonly #byOwner = new Map<OplockOwner, { creates: number; readonly deliveries: (() => void)[] }>();

  /** A CREATE has been granted caching, and its response is still to come. @returns what to call after the response */
  hold(owner: OplockOwner): () => void {
    const held = this.#byOwner.get(owner) ?? { creates: 0, deliveries: [] };
    this.#byOwner.set(owner, held);
    held.creates++;
    return () => {
      if (--held.creates > 0) return;
      this.#byOwner.delete(owner);
      for (const deliver of held.deliveries) deliver();
    };
  }

  /** @returns whether the break of this owner is delivered later; else the caller delivers it */
  keep(owner: OplockOwner, deliver: () => void): boolean {
    const held = this.#byOwner.get(owner);
    held?.deliveries.push(deliver);
    return held !== undefined;
  }
}
