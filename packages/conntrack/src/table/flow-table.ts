import { Family, type Random32 } from '../engine.ts';
import type { Packet } from '../packet/packet.ts';
import { hash4, hash10 } from './half-sip-hash.ts';
import { FlowDoubles, FlowFlag, FlowWords, HashOrig, HashReply, OrigTuple, ReplyTuple, Serial, WheelNext, ZoneAndFlags } from './layout.ts';

const lineBytes = 64;
/**
 * Offset of the first flow. Large blocks start 16 bytes after a page boundary (malloc's header); with this offset each flow occupies
 * exactly three cache lines.
 */
const toLine = 48;

/** Words of the four IPv6 addresses of a flow, in a separate arena that IPv4 flows do not touch. */
const wideWords = 16;

/** The largest number of flows. */
export const largestTable: number = 1 << 27;

/** Allocates zeroed memory for a number of flows. @throws RangeError if the number is invalid or the memory is not available */
function layOut(capacity: number) {
  if (!(capacity >= 1 && capacity <= largestTable)) throw new RangeError(`invalid capacity ${capacity}: 1 to ${largestTable} flows`);
  const arena = new ArrayBuffer(capacity * FlowWords * 4 + lineBytes);
  let size = 16;
  while (size < capacity * 3) size *= 2;
  return {
    words: new Int32Array(arena, toLine, capacity * FlowWords),
    doubles: new Float64Array(arena, toLine, capacity * FlowDoubles),
    wide: new Int32Array(capacity * wideWords),
    slots: new Int32Array(size),
    indexMask: 2 ** Math.ceil(Math.log2(capacity * 2 + 1)) - 1,
  };
}

/**
 * The flow table: an arena with 192 bytes per flow, allocated at once and committed by the system as its pages are touched, and an
 * open-addressing index with two 32-bit slots per flow. A slot holds the entry (flow × 2 + direction) + 1 in its low bits and part of the
 * hash above, which avoids most reads of the arena. The hash is keyed, so that a peer cannot choose colliding tuples.
 */
export class FlowTable {
  capacity: number;
  words: Int32Array;
  doubles: Float64Array;
  wide: Int32Array;
  /** Flows in use, confirmed or not. */
  used = 0;
  /** Confirmed flows: those in the index. */
  confirmed = 0;
  /** The first index that was never used. */
  highest = 0;
  /** Incremented for each flow. */
  serial = 0;
  #slots: Int32Array;
  #mask: number;
  #indexMask: number;
  readonly #key0: number;
  readonly #key1: number;
  readonly #scratch = new Int32Array(10);
  readonly #touched = new Int32Array(64);
  #free = -1;

  /** @param capacity maximum number of flows, up to 2^27 */
  constructor(capacity: number, random32: Random32) {
    const { words, doubles, wide, slots, indexMask } = layOut(capacity);
    this.capacity = capacity;
    this.words = words;
    this.doubles = doubles;
    this.wide = wide;
    this.#slots = slots;
    this.#mask = slots.length - 1;
    this.#indexMask = indexMask;
    this.#key0 = random32() | 0;
    this.#key1 = random32() | 0;
  }

  /**
   * Grows the capacity; flows keep their indices. Copies the arena: tens of milliseconds for a million flows.
   * @throws RangeError as the constructor
   */
  grow(capacity: number): void {
    if (capacity <= this.capacity) return;
    const { words, doubles, wide, slots, indexMask } = layOut(capacity);
    words.set(this.words);
    wide.set(this.wide);
    const [old, oldIndexMask] = [this.#slots, this.#indexMask];
    this.capacity = capacity;
    this.words = words;
    this.doubles = doubles;
    this.wide = wide;
    this.#slots = slots;
    this.#mask = slots.length - 1;
    this.#indexMask = indexMask;
    for (const value of old) if (value !== 0 && ((value & oldIndexMask) - 1) % 2 === 1) this.#index(((value & oldIndexMask) - 1) >> 1);
  }

  /** Reserved bytes of flows and index; the system commits a page when it is touched. */
  get bytes(): number {
    return this.words.buffer.byteLength + this.wide.byteLength + this.#slots.byteLength;
  }

  /** @returns the index of a zeroed flow, or -1 if the arena is full */
  allocate(): number {
    let flow = this.#free;
    if (flow >= 0) this.#free = this.words[flow * FlowWords + WheelNext]! - 1;
    else if (this.highest < this.capacity) flow = this.highest++;
    else return -1;
    const base = flow * FlowWords;
    this.words.fill(0, base, base + FlowWords);
    this.words[base + ZoneAndFlags] = FlowFlag.Used;
    this.words[base + Serial] = this.serial = (this.serial + 1) | 0;
    this.used++;
    return flow;
  }

  /** Frees a flow, which must not be in the index. */
  free(flow: number): void {
    const base = flow * FlowWords;
    this.words[base + ZoneAndFlags] = 0;
    this.words[base + WheelNext] = this.#free + 1;
    this.#free = flow;
    this.used--;
  }

  /** The key's hash of a packet whose `ports` and `meta` are set. */
  hashPacket(packet: Packet): number {
    if (packet.family === Family.Ipv4) {
      return hash4(this.#key0, this.#key1, packet.source0, packet.destination0, packet.ports, packet.meta);
    }
    const scratch = this.#scratch;
    scratch[0] = packet.source0;
    scratch[1] = packet.source1;
    scratch[2] = packet.source2;
    scratch[3] = packet.source3;
    scratch[4] = packet.destination0;
    scratch[5] = packet.destination1;
    scratch[6] = packet.destination2;
    scratch[7] = packet.destination3;
    scratch[8] = packet.ports;
    scratch[9] = packet.meta;
    return hash10(this.#key0, this.#key1, scratch);
  }

  /** The hash of one direction of a flow: 0 original, 1 reply. */
  hashOf(flow: number, direction: number): number {
    const { words, wide } = this;
    const at = flow * FlowWords + (direction === 0 ? OrigTuple : ReplyTuple);
    if (((words[at + 3]! >>> 8) & 255) === Family.Ipv4) {
      return hash4(this.#key0, this.#key1, words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!);
    }
    const scratch = this.#scratch;
    const from = flow * wideWords + direction * 8;
    for (let i = 0; i < 8; i++) scratch[i] = wide[from + i]!;
    scratch[8] = words[at + 2]!;
    scratch[9] = words[at + 3]!;
    return hash10(this.#key0, this.#key1, scratch);
  }

  /** A keyed 32-bit hash of a number, for ids that reveal nothing. */
  scramble(a: number, b: number): number {
    return hash4(this.#key0, this.#key1, a, b, 0, 0);
  }

  /** @returns the entry (flow × 2 + direction) of the packet, or -1; expired flows are found too */
  find(packet: Packet, hash: number): number {
    if (packet.family !== Family.Ipv4) return this.#find6(packet, hash);
    const slots = this.#slots;
    const words = this.words;
    const mask = this.#mask;
    const indexMask = this.#indexMask;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const value = slots[slot]!;
      if (value === 0) return -1;
      if (((value ^ hash) & ~indexMask) !== 0) continue;
      const entry = (value & indexMask) - 1;
      const at = (entry >> 1) * FlowWords + (entry & 1) * 4;
      if (
        words[at] === packet.source0 &&
        words[at + 1] === packet.destination0 &&
        words[at + 2] === packet.ports &&
        words[at + 3] === packet.meta
      ) {
        return entry;
      }
    }
  }

  #find6(packet: Packet, hash: number): number {
    const slots = this.#slots;
    const words = this.words;
    const wide = this.wide;
    const mask = this.#mask;
    const indexMask = this.#indexMask;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const value = slots[slot]!;
      if (value === 0) return -1;
      if (((value ^ hash) & ~indexMask) !== 0) continue;
      const entry = (value & indexMask) - 1;
      const at = (entry >> 1) * FlowWords + (entry & 1) * 4;
      if (words[at] !== packet.source3 || words[at + 1] !== packet.destination3) continue;
      if (words[at + 2] !== packet.ports || words[at + 3] !== packet.meta) continue;
      const far = entry * 8;
      if (
        wide[far] === packet.source0 &&
        wide[far + 1] === packet.source1 &&
        wide[far + 2] === packet.source2 &&
        wide[far + 4] === packet.destination0 &&
        wide[far + 5] === packet.destination1 &&
        wide[far + 6] === packet.destination2
      ) {
        return entry;
      }
    }
  }

  /**
   * Prefetches the memory of the flows of some hashes: their first slots, then the three cache lines of each flow. Two loops without other
   * work, so that the waits for memory overlap.
   * @param wide whether some are IPv6
   * @returns a value that depends on all words read
   */
  touch(hashes: Int32Array, count: number, wide: boolean): number {
    const slots = this.#slots;
    const words = this.words;
    const found = this.#touched;
    const mask = this.#mask;
    const indexMask = this.#indexMask;
    let sum = 0;
    for (let i = 0; i < count; i++) found[i] = slots[hashes[i]! & mask]!;
    for (let i = 0; i < count; i++) {
      const entry = found[i]! & indexMask;
      const at = entry === 0 ? 0 : ((entry - 1) >> 1) * FlowWords;
      sum += words[at]! + words[at + 16]! + words[at + 32]!;
    }
    if (wide) for (let i = 0; i < count; i++) sum += this.wide[Math.max(0, (found[i]! & indexMask) - 1) * 8]!;
    return sum;
  }

  /** @returns the entry of another flow whose tuple equals the given direction of `flow`, or -1 */
  findTwin(flow: number, direction: number): number {
    const { words, wide } = this;
    const slots = this.#slots;
    const hash = this.hashOf(flow, direction);
    const own = flow * FlowWords + direction * 4;
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const value = slots[slot]!;
      if (value === 0) return -1;
      const entry = (value & this.#indexMask) - 1;
      if (entry >> 1 === flow) continue;
      const at = (entry >> 1) * FlowWords + (entry & 1) * 4;
      // a flow in another zone for that direction does not clash, as measured on the kernel
      let same = words[flow * FlowWords + (entry & 1) * 4 + 3] === words[at + 3];
      for (let i = 0; i < 4 && same; i++) same = words[at + i] === words[own + i];
      if (same && ((words[own + 3]! >>> 8) & 255) === Family.Ipv6) {
        for (let i = 0; i < 8 && same; i++) same = wide[entry * 8 + i] === wide[flow * wideWords + direction * 8 + i];
      }
      if (same) return entry;
    }
  }

  /** Adds both tuples of a flow to the index. If they are equal, packets belong to the reply: measured. */
  insert(flow: number): void {
    const base = flow * FlowWords;
    this.words[base + HashOrig] = this.hashOf(flow, 0);
    this.words[base + HashReply] = this.hashOf(flow, 1);
    this.#index(flow);
    this.confirmed++;
  }

  #index(flow: number): void {
    const base = flow * FlowWords;
    for (let direction = 1; direction >= 0; direction--) {
      const hash = this.words[base + (direction === 0 ? HashOrig : HashReply)]!;
      let slot = hash & this.#mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask;
      this.#slots[slot] = (hash & ~this.#indexMask) | (flow * 2 + direction + 1);
    }
  }

  /** Removes a flow from the index. */
  remove(flow: number): void {
    this.#removeEntry(flow * 2, this.words[flow * FlowWords + HashOrig]!);
    this.#removeEntry(flow * 2 + 1, this.words[flow * FlowWords + HashReply]!);
    this.confirmed--;
  }

  /** Closes the gap by moving later entries of the run back, so that no tombstones are needed. */
  #removeEntry(entry: number, hash: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    const indexMask = this.#indexMask;
    let hole = hash & mask;
    while ((slots[hole]! & indexMask) !== entry + 1) hole = (hole + 1) & mask;
    for (let next = (hole + 1) & mask; slots[next] !== 0; next = (next + 1) & mask) {
      const other = (slots[next]! & indexMask) - 1;
      const home = this.words[(other >> 1) * FlowWords + ((other & 1) === 0 ? HashOrig : HashReply)]! & mask;
      if (((next - home) & mask) >= ((next - hole) & mask)) {
        slots[hole] = slots[next]!;
        hole = next;
      }
    }
    slots[hole] = 0;
  }

  /** Visits at most `count` slots from a hash on. @returns the first flow that `accepts` selects, or -1 */
  scan(hash: number, count: number, accepts: (flow: number) => boolean): number {
    for (let i = 0; i < count; i++) {
      const value = this.#slots[(hash + i) & this.#mask]!;
      if (value === 0) continue;
      const flow = ((value & this.#indexMask) - 1) >> 1;
      if (accepts(flow)) return flow;
    }
    return -1;
  }

  /** Whether an index is in use. */
  isUsed(flow: number): boolean {
    return flow >= 0 && flow < this.highest && (this.words[flow * FlowWords + ZoneAndFlags]! & FlowFlag.Used) !== 0;
  }

  double(flow: number, offset: number): number {
    return this.doubles[flow * FlowDoubles + offset]!;
  }

  word(flow: number, offset: number): number {
    return this.words[flow * FlowWords + offset]!;
  }
}
