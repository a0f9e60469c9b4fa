import type { EngineContext, TimeoutTables } from './engine.ts';
import type { FlowEvent } from './event-sink.ts';
import { FlowEvents } from './flow-events.ts';
import { FlowExtras } from './flow-extras.ts';
import { FlowOwners } from './flow-owners.ts';
import { EventBit } from './l4/action.ts';
import { Segment } from './l4/tcp-segment.ts';
import { defaultSettings, type Settings } from './settings.ts';
import { Statistics } from './statistics.ts';
import { FlowTable } from './table/flow-table.ts';
import {
  BytesOrig,
  BytesReply,
  Created,
  Ended,
  EventMask,
  Expectations,
  Expiry,
  FlowDoubles,
  FlowFlag,
  FlowWords,
  Id,
  Mark,
  Master,
  PacketsOrig,
  PacketsReply,
  Serial,
  Status,
  StatusWord,
  ZoneAndFlags,
} from './table/layout.ts';
import { Wheel } from './table/wheel.ts';

/** Options of the table of flows. */
export interface FlowsOptions {
  /** The initial time: milliseconds since 1970 or any other origin; later times come with the packets. */
  readonly now: number;
  /** Capacity of the arena in flows; `settings.max` may be lower. Default: 262,144. */
  readonly capacity?: number;
  readonly settings?: Settings;
}

/** State that ages with the table, or depends on its flows: expectations, fragments. */
export interface Companion {
  /** Removes what has expired. */
  expire(now: number): void;
  /** When the first of it expires, so that the table's owner advances it in time, in milliseconds; Infinity: that need not be in time. */
  readonly nextExpiry: number;
  /** Removes what depends on a flow that has ended or lost its helper. */
  removeOf?(flow: number): void;
}

/** Index of the timeout of established TCP flows. */
const establishedTimeout = 2;

/** Number of slots in which early drop searches for a flow to evict. */
const evictionRange = 64;

/**
 * The table of flows: time and expiry, creation and deletion of flows, and the events about them. It knows no packets: the tracker,
 * the protocols, expectations, held packets and requests change flows through it. It has no clock or timer: each packet and `advance`
 * supply the time.
 */
export class Flows {
  readonly context: EngineContext;
  readonly settings: Settings;
  readonly timeouts: TimeoutTables;
  readonly table: FlowTable;
  readonly events: FlowEvents;
  readonly statistics: Statistics = new Statistics();
  /** The time of the current packet, in milliseconds. */
  readonly time: Float64Array = new Float64Array(1);
  /** Events of the current packet's flow: `EventBit`s. */
  happened = 0;
  /** The reason why the last packet was invalid or ignored, for the log. */
  reason = '';
  /** @internal The current TCP segment. */
  readonly segment: Segment = new Segment();
  /** Called after `awaitDue` if `advance` is needed earlier than it returned. */
  onEarlier: () => void = () => {};
  /** Called when the table is full: a packet was dropped, or a flow that is not assured was deleted to make space. */
  onFull: (what: 'dropped' | 'earlyDrop') => void = () => {};
  /** Called when a flow joins the dying ones. */
  onDying: () => void = () => {};
  /** Whether the reply of some flow is not the mirror of its original, or is in another zone: then new flows may clash. */
  mayClash = false;
  /** Properties of flows outside the arena. */
  readonly extras: FlowExtras;
  readonly owners: FlowOwners = new FlowOwners();
  /** State that ages and ends with the flows. */
  readonly companions: Companion[] = [];

  readonly #wheel: Wheel;
  /** Flows that have ended and whose DESTROY could not be delivered. They count against `nf_conntrack_max`. */
  readonly #dying: number[] = [];
  readonly #msPerTick: number;
  readonly #expire: (flow: number) => void;
  #nextTick: number;
  /** The last result of `awaitDue`; -Infinity if it was not called. */
  #due = Number.NEGATIVE_INFINITY;

  constructor(context: EngineContext, options: FlowsOptions) {
    this.context = context;
    this.settings = options.settings ?? defaultSettings();
    this.timeouts = context.timeouts;
    this.table = new FlowTable(options.capacity ?? 262_144, context.random32);
    this.events = new FlowEvents(this.table, this.settings);
    this.extras = new FlowExtras(this.table);
    this.time[0] = options.now;
    this.#wheel = new Wheel(this.table, options.now);
    this.#wheel.onEarlier = () => this.dueBy(Number.NEGATIVE_INFINITY);
    this.#nextTick = this.#wheel.next;
    this.#msPerTick = 1000 / context.hz;
    this.#expire = (flow) => void this.expired(flow);
  }

  /** The time of the last packet or `advance`, in milliseconds. */
  get now(): number {
    return this.time[0]!;
  }

  /** Advances the time: removes expired flows, expectations and fragments. */
  advance(now: number): void {
    this.time[0] = now;
    this.catchUp();
  }

  /** Removes what has expired by the time in `time`. A packet's time is written there, not passed: an argument would be boxed. */
  catchUp(): void {
    if (this.time[0]! >= this.#nextTick) this.#tick(this.time[0]!);
  }

  #tick(now: number): void {
    this.#wheel.advance(now, this.#expire);
    this.#nextTick = this.#wheel.next;
    for (const companion of this.companions) companion.expire(now);
  }

  /**
   * The time of the next needed `advance`, so that flows and expectations expire in time, in milliseconds; Infinity: none. See `onEarlier`.
   */
  awaitDue(): number {
    let first = this.#wheel.await();
    for (const { nextExpiry } of this.companions) first = Math.min(first, nextExpiry);
    this.#due = Math.max(this.#nextTick, first);
    return this.#due;
  }

  /** @internal An object expires at this time, in milliseconds. */
  dueBy(time: number): void {
    if (time >= this.#due) return;
    this.#due = Number.NEGATIVE_INFINITY;
    this.onEarlier();
  }

  /** @internal Ends an expired flow unless its owner keeps it. @returns whether it was kept */
  expired(flow: number): boolean {
    if (!this.owners.keeps(flow)) {
      this.destroy(flow);
      return false;
    }
    this.table.doubles[flow * FlowDoubles + Expiry] = this.time[0]! + this.establishedTicks(flow) * this.#msPerTick;
    this.#refile(flow);
    return true;
  }

  /** Counts one packet of a flow. @param length IP bytes */
  count(flow: number, direction: number, length: number): void {
    const doubles = this.table.doubles;
    const at = flow * FlowDoubles + (direction === 0 ? PacketsOrig : PacketsReply);
    doubles[at] = doubles[at]! + 1;
    doubles[at + BytesOrig - PacketsOrig] = doubles[at + BytesReply - PacketsReply]! + length;
  }

  /** Initialises the common fields of a flow. Its tuples are already written. */
  initialise(flow: number): void {
    const { words, doubles } = this.table;
    const base = flow * FlowWords;
    let flags = 0;
    if (this.settings.acct !== 0) flags |= FlowFlag.Counted;
    if (this.settings.timestamp !== 0) flags |= FlowFlag.Stamped;
    words[base + ZoneAndFlags] = words[base + ZoneAndFlags]! | flags;
    // with setting 2 a flow that begins without a listener emits no events
    words[base + EventMask] = this.settings.events === 2 && this.events.isUnheard ? 0 : -1;
    words[base + Id] = this.table.scramble(flow, this.table.serial);
    doubles[flow * FlowDoubles + Created] = this.time[0]!;
  }

  /** Makes a flow the child of a master: it inherits the mark. */
  inherit(flow: number, master: number): void {
    const words = this.table.words;
    const base = flow * FlowWords;
    words[base + StatusWord] = words[base + StatusWord]! | Status.Expected;
    words[base + Master] = master + 1;
    words[base + Expectations] = (words[base + Expectations]! & 0xffff) | (words[master * FlowWords + Serial]! << 16);
    words[base + Mark] = words[master * FlowWords + Mark]!;
  }

  /** Whether the table is full. `nf_conntrack_max` 0: only the arena limits it. */
  get isFull(): boolean {
    const { used, capacity } = this.table;
    const { max } = this.settings;
    return used >= capacity || (max !== 0 && used >= max);
  }

  /** Makes space for one flow: evicts a flow that is not assured if the table is full. @returns false if there is no space */
  makeSpace(hash: number): boolean {
    if (!this.isFull) return true;
    const victim = this.table.scan(
      hash,
      evictionRange,
      (flow) => (this.table.word(flow, StatusWord) & (Status.Assured | Status.Dying)) === 0,
    );
    if (victim < 0) return false;
    this.destroy(victim);
    if (this.isFull) return false; // its DESTROY could not be delivered
    this.statistics.earlyDrop++;
    this.onFull('earlyDrop');
    return true;
  }

  /** Adds a flow to the table. @returns false if another flow has taken one of its tuples meanwhile: the flow was deleted */
  confirm(flow: number, checked = false): boolean {
    const words = this.table.words;
    if ((checked || this.mayClash) && (this.table.findTwin(flow, 0) >= 0 || this.table.findTwin(flow, 1) >= 0)) {
      this.statistics.insertFailed++;
      this.forget(flow);
      return false;
    }
    words[flow * FlowWords + StatusWord] = words[flow * FlowWords + StatusWord]! | Status.Confirmed;
    this.table.insert(flow);
    this.#wheel.file(flow);
    this.statistics.entered++;
    this.emit('new', flow, this.happened | EventBit.New);
    return true;
  }

  /** Frees the index of a flow that is not in the table, and everything that is stored about it. */
  forget(flow: number): void {
    this.owners.release(flow, this.leftOf(flow) > 0 ? 'deleted' : 'expired');
    this.events.drop(flow);
    this.extras.drop(flow);
    if (this.extras.hasHelpers) this.extras.helperOf(flow)?.forget?.(this, this.table.word(flow, Serial));
    this.table.free(flow);
  }

  /**
   * Ends a flow: emits its event, removes its expectations, frees its index. If a listener that wants every event cannot take DESTROY, the
   * flow keeps its index until `redeliver` succeeds. A flow that was not confirmed emits no event.
   */
  destroy(flow: number): void {
    const words = this.table.words;
    const base = flow * FlowWords;
    if ((words[base + StatusWord]! & Status.Confirmed) === 0) {
      this.forget(flow);
      return;
    }
    this.table.remove(flow);
    this.#wheel.take(flow);
    words[base + StatusWord] = words[base + StatusWord]! | Status.Dying;
    this.table.doubles[flow * FlowDoubles + Ended] = this.time[0]!;
    const delivered = this.emit('destroy', flow, EventBit.Destroy);
    this.removeDependants(flow);
    if (delivered) {
      this.forget(flow);
      return;
    }
    this.owners.release(flow, this.leftOf(flow) > 0 ? 'deleted' : 'expired');
    this.events.drop(flow);
    this.#dying.push(flow);
    this.onDying();
  }

  /** Removes the expectations of a flow. */
  removeDependants(flow: number): void {
    for (const companion of this.companions) companion.removeOf?.(flow);
  }

  /** Number of flows that have ended and whose DESTROY could not be delivered. */
  get dying(): number {
    return this.#dying.length;
  }

  /** Whether a flow is dying: it has ended and its DESTROY was not delivered. */
  isDying(flow: number): boolean {
    return this.table.isUsed(flow) && (this.table.word(flow, StatusWord) & Status.Dying) !== 0;
  }

  /**
   * Offers DESTROY of the dying flows again, the last that ended first, until a listener cannot take one.
   * @returns how many were delivered
   */
  redeliver(): number {
    let count = 0;
    for (; this.#dying.length > 0; count++) {
      const flow = this.#dying.at(-1)!;
      if (!this.events.retryDestroy(flow)) break;
      this.#dying.pop();
      this.forget(flow);
    }
    return count;
  }

  /** Emits an event of a flow; see `FlowEvents.emit`. */
  emit(event: FlowEvent, flow: number, happened: number): boolean {
    return this.events.emit(event, flow, happened);
  }

  /** Sets a flow's timer to `ticks` from now, unless it is fixed. */
  refresh(flow: number, ticks: number): void {
    const { words, doubles } = this.table;
    if ((words[flow * FlowWords + StatusWord]! & Status.FixedTimeout) !== 0) return;
    doubles[flow * FlowDoubles + Expiry] = this.time[0]! + ticks * this.#msPerTick;
    if (this.#wheel.isLate(flow)) this.#refile(flow);
  }

  #refile(flow: number): void {
    this.#wheel.take(flow);
    this.#wheel.file(flow);
  }

  /** The timeout of an established TCP flow, in ticks. */
  establishedTicks(flow: number): number {
    return this.extras.timeoutsOf(flow * FlowWords, this.timeouts.tcp)[establishedTimeout]!;
  }

  /**
   * Counts bytes of an established TCP flow whose packets are not tracked, and restarts its timer. A flow that has ended is not changed.
   * @param bytes IP bytes
   */
  account(flow: number, direction: number, packets: number, bytes: number, now: number): void {
    this.advance(now);
    if (!this.isConfirmed(flow)) return;
    if (this.table.double(flow, Expiry) <= now && !this.expired(flow)) return;
    const { doubles } = this.table;
    if ((this.table.word(flow, ZoneAndFlags) & FlowFlag.Counted) !== 0) {
      const at = flow * FlowDoubles + (direction === 0 ? PacketsOrig : PacketsReply);
      doubles[at] = doubles[at]! + packets;
      doubles[at + 1] = doubles[at + 1]! + bytes;
    }
    this.refresh(flow, this.establishedTicks(flow));
  }

  /** Milliseconds until a flow expires. */
  leftOf(flow: number): number {
    return this.table.doubles[flow * FlowDoubles + Expiry]! - this.time[0]!;
  }

  /** Milliseconds of ticks. */
  msOf(ticks: number): number {
    return ticks * this.#msPerTick;
  }

  /** Sets a flow's remaining time, in milliseconds. */
  setExpiry(flow: number, ms: number): void {
    this.table.doubles[flow * FlowDoubles + Expiry] = this.time[0]! + ms;
    if (this.#wheel.isLate(flow)) this.#refile(flow);
  }

  /** The master of a flow, or -1 if it has none or the master has ended. */
  masterOf(flow: number): number {
    const master = this.table.word(flow, Master) - 1;
    if (master < 0 || !this.table.isUsed(master)) return -1;
    const known = this.table.word(flow, Expectations) >>> 16;
    return known === (this.table.word(master, Serial) & 0xffff) ? master : -1;
  }

  /** Visits every flow, confirmed or not; the visitor may end the visited flow. */
  forEachFlow(visit: (flow: number) => void): void {
    for (let flow = 0; flow < this.table.highest; flow++) if (this.table.isUsed(flow)) visit(flow);
  }

  /** Whether a flow is in the table and has not expired. */
  isAlive(flow: number): boolean {
    return this.isConfirmed(flow) && this.table.double(flow, Expiry) > this.now;
  }

  /** Whether a flow is in the table; it may have expired. */
  isConfirmed(flow: number): boolean {
    return this.table.isUsed(flow) && (this.table.word(flow, StatusWord) & (Status.Confirmed | Status.Dying)) === Status.Confirmed;
  }
}
