import type { FlowTable } from './flow-table.ts';
import { Expiry, FlowDoubles, FlowWords, WheelNext, WheelPrevious, WheelTick, ZoneAndFlags } from './layout.ts';

/** Milliseconds per tick. Every lookup compares the exact expiry; the wheel only limits the delay with which other flows are removed. */
const tickMs = 256;
const perMs = 1 / tickMs;
const levels = 4;
/** The level of a flow: two bits of its flags. */
const levelShift = 28;
const levelMask = 3 << levelShift;
/** The longest time ahead at which a flow is filed, in ticks: about eight years, after which it is filed again. */
const farthest = 2 ** 30 - 1;

/**
 * A timing wheel of four levels with 256 buckets each, linked through the flows' own words, so that filing and removal allocate no memory.
 * It is lazy: a packet only writes a later expiry into its flow, and the flow is filed again when its old bucket is due.
 */
export class Wheel {
  readonly #table: FlowTable;
  readonly #heads = new Int32Array(levels * 256).fill(-1);
  readonly #origin: number;
  /** Flows on each level. */
  readonly #counts = new Int32Array(levels);
  #tick = 0;
  /** The awaited tick; negative: none. */
  #awaited = -1;
  /** Called when a flow is filed before the awaited tick. */
  onEarlier: () => void = () => {};

  /** @param now milliseconds: the time of tick 0 */
  constructor(table: FlowTable, now: number) {
    this.#table = table;
    this.#origin = now;
  }

  /** Time of the next tick in milliseconds. */
  get next(): number {
    return this.#origin + (this.#tick + 1) * tickMs;
  }

  /**
   * Time of the first tick at which a flow may expire, in milliseconds; Infinity if there is none. `onEarlier` is called once if a flow is
   * filed for an earlier tick.
   */
  await(): number {
    let first = Number.POSITIVE_INFINITY;
    for (let level = 0; level < levels; level++) {
      if (this.#counts[level] === 0) continue;
      const span = 2 ** (level * 8);
      const turn = Math.floor(this.#tick / span);
      // the current bucket was emptied when the turn began: flows in it now are due after all others
      let ahead = 1;
      while (ahead < 256 && this.#heads[level * 256 + ((turn + ahead) & 255)]! < 0) ahead++;
      first = Math.min(first, (turn + ahead) * span);
    }
    this.#awaited = first;
    return this.#origin + first * tickMs;
  }

  /** Whether a flow must be filed again: if its expiry is before its bucket. */
  isLate(flow: number): boolean {
    const expiry = this.#table.doubles[flow * FlowDoubles + Expiry]!;
    return (expiry - this.#origin) * perMs + 1 < this.#table.words[flow * FlowWords + WheelTick]!;
  }

  /** Files a flow by its expiry. */
  file(flow: number): void {
    const { words, doubles } = this.#table;
    const base = flow * FlowWords;
    let tick = Math.ceil((doubles[flow * FlowDoubles + Expiry]! - this.#origin) / tickMs);
    if (!(tick > this.#tick)) tick = this.#tick + 1;
    else if (tick - this.#tick > farthest) tick = this.#tick + farthest;
    const ahead = tick - this.#tick;
    const level = ahead < 0x100 ? 0 : ahead < 0x10000 ? 1 : ahead < 0x1000000 ? 2 : 3;
    const bucket = level * 256 + ((tick >>> (level * 8)) & 255);
    const first = this.#heads[bucket]!;
    words[base + WheelTick] = tick;
    words[base + ZoneAndFlags] = (words[base + ZoneAndFlags]! & ~levelMask) | (level << levelShift);
    words[base + WheelNext] = first;
    words[base + WheelPrevious] = -1 - bucket;
    if (first >= 0) words[first * FlowWords + WheelPrevious] = flow;
    this.#heads[bucket] = flow;
    this.#counts[level]!++;
    if (tick < this.#awaited) {
      this.#awaited = -1;
      this.onEarlier();
    }
  }

  /** Removes a flow. */
  take(flow: number): void {
    const words = this.#table.words;
    const next = words[flow * FlowWords + WheelNext]!;
    const previous = words[flow * FlowWords + WheelPrevious]!;
    if (previous >= 0) words[previous * FlowWords + WheelNext] = next;
    else this.#heads[-1 - previous] = next;
    if (next >= 0) words[next * FlowWords + WheelPrevious] = previous;
    this.#counts[(words[flow * FlowWords + ZoneAndFlags]! >>> levelShift) & 3]!--;
  }

  /** Advances to `now` and passes every expired flow to `expire`, which must remove it. */
  advance(now: number, expire: (flow: number) => void): void {
    const target = Math.floor((now - this.#origin) / tickMs);
    while (this.#tick < target) {
      this.#skip(target);
      if (this.#tick === target) return;
      const tick = ++this.#tick;
      for (let level = 1; level < levels && (tick & (2 ** (level * 8) - 1)) === 0; level++) {
        this.#drain(level * 256 + ((tick >>> (level * 8)) & 255), now, expire);
      }
      this.#drain(tick & 255, now, expire);
    }
  }

  /** Skips ticks without flows: the lowest level with flows is next emptied at a multiple of its span. */
  #skip(target: number): void {
    let level = 0;
    while (level < levels && this.#counts[level] === 0) level++;
    if (level === 0) return;
    const span = 2 ** (level * 8);
    const before = level === levels ? target : (Math.floor(this.#tick / span) + 1) * span - 1;
    this.#tick = Math.min(before, target);
  }

  /** A flow that is filed again is never put into the bucket that is being emptied: each level reaches 255 buckets ahead. */
  #drain(bucket: number, now: number, expire: (flow: number) => void): void {
    const doubles = this.#table.doubles;
    for (let flow = this.#heads[bucket]!; flow >= 0; flow = this.#heads[bucket]!) {
      if (doubles[flow * FlowDoubles + Expiry]! <= now) expire(flow);
      else {
        this.take(flow);
        this.file(flow);
      }
    }
  }
}
