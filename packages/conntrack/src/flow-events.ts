import type { EventSink, FlowEvent } from './event-sink.ts';
import type { Settings } from './settings.ts';
import type { FlowTable } from './table/flow-table.ts';
import { EventMask, FlowWords } from './table/layout.ts';

/** In the bits of `#owed`: an event of the flow could not be delivered. */
const missedMark = 1 << 16;

/** The events of flows: emitted to a sink, or owed until a later packet of the flow. */
export class FlowEvents {
  sink: EventSink | undefined;
  /** Whether some flow is owed events. */
  owes = false;
  readonly #table: FlowTable;
  readonly #settings: Settings;
  /** `EventBit`s of flows that were not emitted yet. */
  readonly #owed = new Map<number, number>();
  /** `EventBit`s of events that a listener which wants every event could not take; they are sent with the next event of the flow. */
  readonly #missed = new Map<number, number>();

  constructor(table: FlowTable, settings: Settings) {
    this.#table = table;
    this.#settings = settings;
  }

  /** Whether no program receives events of flows. */
  get isUnheard(): boolean {
    return this.sink === undefined || this.sink.listens?.() === false;
  }

  /** Keeps `EventBit`s for the next event of a flow. */
  owe(flow: number, happened: number): void {
    this.#owed.set(flow, (this.#owed.get(flow) ?? 0) | happened);
    this.owes = true;
  }

  /** Returns what a flow is owed, and 0 from then on. */
  collect(flow: number): number {
    const owed = this.#owed.get(flow) ?? 0;
    this.#forgetOwed(flow);
    return owed;
  }

  /** Forgets what a flow is owed and has missed. */
  drop(flow: number): void {
    if (this.owes) this.#forgetOwed(flow);
    if (this.#missed.size !== 0) this.#missed.delete(flow);
  }

  #forgetOwed(flow: number): void {
    this.#owed.delete(flow);
    this.owes = this.#owed.size !== 0;
  }

  /** Offers DESTROY of a dying flow again. @returns false if a listener still cannot take it */
  retryDestroy(flow: number): boolean {
    return this.sink?.retry?.(flow, 0) !== false;
  }

  /**
   * Emits an event of a flow, if its event mask allows it. What a listener that wants every event could not take is offered again with the
   * next packet or event of the flow.
   * @returns false if such a listener could not take it
   */
  emit(event: FlowEvent, flow: number, happened: number): boolean {
    if (this.sink === undefined || this.#settings.events === 0) return true;
    const missed = this.#missed.size === 0 ? 0 : (this.#missed.get(flow) ?? 0);
    const bits = happened & 0xffff;
    // the mask decides whether the event is emitted; an emitted event contains all bits
    const emitted = (bits & this.#table.words[flow * FlowWords + EventMask]!) !== 0;
    if (!emitted && (happened & missedMark) === 0) return true;
    const delivered = emitted ? this.sink.flow(event, flow, bits, missed) !== false : this.sink.retry?.(flow, missed) !== false;
    if (event === 'destroy') return delivered;
    if (!delivered) {
      this.#missed.set(flow, missed | bits);
      this.owe(flow, missedMark);
    } else if (missed !== 0) this.#missed.delete(flow);
    return delivered;
  }
}
