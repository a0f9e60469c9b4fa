/** The reason why a flow with an owner ended: it timed out, it was deleted, or another connection took it over. */
export type FlowEnd = 'expired' | 'deleted' | 'taken';

/** The owner of a flow: the code that carries its connection, and ends the connection when the flow ends. */
export interface FlowOwner {
  /** The flow has expired; it can still be read. @returns true to keep it: its timer is restarted and no event is emitted */
  keeps(flow: number): boolean;
  /** The flow has ended, whether or not it emits events. It can still be read. Must not change the table. */
  ended(flow: number, how: FlowEnd): void;
}

/** The owners of flows, for flows that have an owner. */
export class FlowOwners {
  readonly #owners = new Map<number, FlowOwner>();

  /** Sets the owner of a flow. */
  own(flow: number, owner: FlowOwner): void {
    this.release(flow, 'taken');
    this.#owners.set(flow, owner);
  }

  /** Removes the owner of a flow without notifying it. */
  disown(flow: number): void {
    this.#owners.delete(flow);
  }

  /** Asks the owner whether an expired flow is kept. */
  keeps(flow: number): boolean {
    return this.#owners.size !== 0 && this.#owners.get(flow)?.keeps(flow) === true;
  }

  /** Notifies the owner that its flow has ended, and removes the owner. */
  release(flow: number, how: FlowEnd): void {
    if (this.#owners.size === 0) return;
    const owner = this.#owners.get(flow);
    if (owner === undefined) return;
    this.#owners.delete(flow);
    owner.ended(flow, how);
  }
}
