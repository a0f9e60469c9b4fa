import type { Expectation, ExpectationEvent } from './expectation.ts';

/** Events of flows: NEW, UPDATE and DESTROY of `conntrack -E`. */
export type FlowEvent = 'new' | 'update' | 'destroy';

/** A receiver of events. It is called while the flow can still be read, and must not change the table. */
export interface EventSink {
  /** Whether a program receives events of flows now; called for each new flow if `Settings.events` is 2. Default: true. */
  listens?(): boolean;
  /**
   * @param happened `EventBit`s
   * @param missed `EventBit`s of earlier events about the flow that this sink could not deliver
   * @returns false if a listener that wants every event could not take it: it is offered again
   */
  flow(event: FlowEvent, flow: number, happened: number, missed: number): unknown;
  /**
   * Offers what could not be delivered again: DESTROY of a flow that is dying, otherwise what the flow has missed.
   * @returns false if a listener still cannot take it
   */
  retry?(flow: number, missed: number): boolean;
  expectation(event: ExpectationEvent, expectation: Expectation): void;
}
