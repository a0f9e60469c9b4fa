/** How a flow ended for whoever carries its connection: its time was over, somebody ended it, or another connection has it now. */
export type FlowEnd = 'expired' | 'deleted' | 'taken';

/** Who carries the connection of a flow, so that the end of the flow is its end too. */
export interface FlowOwner {
  /** The flow's time is over. It can still be read. @returns whether it shall live on, with its timer started anew; nobody is told then */
  keeps(flow: number): boolean;
  /** The flow is gone, whether or not it makes events. It can still be read. Must not change the table. */
  ended(flow: number, how: FlowEnd): void;
}

/** Who carries a flow's connection, for flows where somebody does. */
export class FlowOwners {
  readonly #owners = new Map<number, FlowOwner>();

  /** Gives the connection of a flow to whoever carries it from now on. */
  own(flow: number, owner: FlowOwner): void {
    this.release(flow, 'taken');
    this.#owners.set(flow, owner);
  }

  /** Nobody carries the connection of a flow any more; nobody is told. */
  disown(flow: number): void {
    this.#owners.delete(flow);
  }

  /** Whether a flow whose time is over shall live on. */
  keeps(flow: number): boolean {
    return this.#owners.size !== 0 && this.#owners.get(flow)?.keeps(flow) === true;
  }

  /** A flow has ended: its owner is told, and is none any more. */
  release(flow: number, how: FlowEnd): void {
    if (this.#owners.size === 0) return;
    const owner = this.#owners.get(flow);
    if (owner === undefined) return;
    this.#owners.delete(flow);
    owner.ended(flow, how);
  }
}
