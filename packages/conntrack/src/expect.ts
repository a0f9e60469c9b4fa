import { Family, type HelperRef } from './engine.ts';
import {
  type Expectation,
  type ExpectationEvent,
  type ExpectationRefusal,
  type ExpectationRequest,
  ExpectEventBit,
  ExpectFlag,
} from './expectation.ts';
import type { Companion, Flows } from './flows.ts';
import type { Packet } from './packet/packet.ts';
import { EventMask, Expectations as ExpectationCount, FlowWords, Serial, Status, StatusWord } from './table/layout.ts';
import type { Tuple } from './tuple.ts';

/** Lifetime in seconds of an expectation for which neither a class nor the request gives one. */
const defaultSeconds = 300;

/** The expectations of a table: flows that do not exist yet, each expected by a master flow. */
export class ExpectationList implements Companion {
  readonly #flows: Flows;
  readonly #byId = new Map<number, Expectation>();
  readonly #byDestination = new Map<string, Expectation[]>();
  #serial = 0;

  constructor(flows: Flows) {
    this.#flows = flows;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Time at which the first of them expires, in milliseconds; Infinity if there is none. */
  get nextExpiry(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { expiry } of this.#byId.values()) next = Math.min(next, expiry);
    return next;
  }

  get(id: number): Expectation | undefined {
    return this.#byId.get(id);
  }

  /** The expectations that have not expired, in order of creation. */
  *[Symbol.iterator](): IterableIterator<Expectation> {
    for (const one of this.#byId.values()) if (one.expiry > this.#flows.now) yield one;
  }

  /** The expectation with this tuple. */
  find(tuple: Tuple): Expectation | undefined {
    return (this.#byDestination.get(keyOfTuple(tuple)) ?? []).find((one) => one.expiry > this.#flows.now && sameSource(one, tuple, tuple));
  }

  /**
   * Adds an expectation. If its class is full, the oldest one of the same master and class is removed first.
   * @returns the expectation, or the reason of the rejection
   */
  add(request: ExpectationRequest): Expectation | ExpectationRefusal {
    const flows = this.#flows;
    const { master, tuple, mask, classIndex = 0, flags = 0 } = request;
    if (!flows.isAlive(master)) return 'ENOENT';
    const { helper } = request;
    const own = flows.extras.helperOf(master);
    if (own === undefined && (flows.table.word(master, StatusWord) & Status.Helper) === 0) return 'EOPNOTSUPP';
    const policy = own?.classes[classIndex];
    if (own !== undefined && policy === undefined) return 'EINVAL';
    const rivals = this.#byDestination.get(keyOfTuple(tuple)) ?? [];
    for (const rival of rivals) {
      if (rival.master === master && rival.classIndex === classIndex && sameMask(rival.mask, mask) && sameSource(rival, rival.tuple, tuple))
        return 'same';
      if (overlap(rival, tuple, mask)) return 'EBUSY';
    }
    const limit = policy?.max ?? 0;
    const siblings = limit > 0 ? [...this.#byId.values()].filter((one) => one.master === master && one.classIndex === classIndex) : [];
    if (limit > 0 && siblings.length >= limit) this.remove(siblings[0]!.id);
    if (this.#byId.size >= flows.settings.expectMax) return 'EMFILE';
    const seconds = policy?.timeoutSeconds ?? request.timeoutSeconds ?? defaultSeconds;
    const made: Expectation = {
      id: this.#nextId(),
      master,
      masterSerial: flows.table.word(master, Serial),
      tuple,
      mask,
      classIndex,
      flags,
      helper,
      expiry: flows.now + seconds * 1000,
    };
    this.#byId.set(made.id, made);
    this.#byDestination.set(keyOfTuple(tuple), [...rivals, made]);
    flows.table.words[master * FlowWords + ExpectationCount]!++;
    flows.statistics.expectCreate++;
    this.#emit('new', made);
    flows.dueBy(made.expiry);
    return made;
  }

  /** Sets the remaining lifetime of an expectation. Emits no event. */
  prolong(id: number, seconds: number): void {
    const found = this.#byId.get(id);
    if (found === undefined) return;
    found.expiry = this.#flows.now + seconds * 1000;
    this.#flows.dueBy(found.expiry);
  }

  /** @returns whether it existed */
  remove(id: number): boolean {
    const gone = this.#byId.get(id);
    if (gone === undefined) return false;
    this.#byId.delete(id);
    const key = keyOfTuple(gone.tuple);
    const left = (this.#byDestination.get(key) ?? []).filter((one) => one !== gone);
    if (left.length === 0) this.#byDestination.delete(key);
    else this.#byDestination.set(key, left);
    const { table } = this.#flows;
    if (table.isUsed(gone.master) && table.word(gone.master, Serial) === gone.masterSerial) {
      table.words[gone.master * FlowWords + ExpectationCount]!--;
    }
    this.#flows.statistics.expectDelete++;
    this.#emit('destroy', gone);
    return true;
  }

  /** Removes the expectations that `which` selects. @returns their number */
  removeAll(which: (one: Expectation) => boolean = () => true): number {
    const gone = [...this.#byId.values()].filter(which);
    for (const one of gone) this.remove(one.id);
    return gone.length;
  }

  /** Removes the expectations of a master flow. */
  removeOf(master: number): void {
    if (this.#byId.size === 0) return;
    if ((this.#flows.table.word(master, ExpectationCount) & 0xffff) > 0) this.removeAll((one) => one.master === master);
  }

  /** Removes the expectations of a helper that is being deleted. */
  removeOfHelper(helper: HelperRef): void {
    this.removeAll((one) => one.helper === helper || this.#flows.extras.helperOf(one.master) === helper);
  }

  /** Removes the expired expectations. */
  expire(now: number): void {
    if (this.#byId.size !== 0) this.removeAll((one) => one.expiry <= now);
  }

  /**
   * Finds the expectation of a new flow's first packet. The flow becomes a child of the master; an expectation that is not permanent is
   * used up.
   */
  claim(packet: Packet, flow: number): boolean {
    const candidates = this.#byDestination.get(keyOfPacket(packet));
    if (candidates === undefined) return false;
    const flows = this.#flows;
    const found = candidates.find(
      (one) => (one.flags & ExpectFlag.Inactive) === 0 && one.expiry > flows.now && flows.isAlive(one.master) && sourceMatches(one, packet),
    );
    if (found === undefined) return false;
    flows.inherit(flow, found.master);
    if (found.helper !== undefined) flows.extras.attachHelper(flow, found.helper);
    flows.statistics.expectNew++;
    if ((found.flags & ExpectFlag.Permanent) === 0) this.remove(found.id);
    return true;
  }

  #nextId(): number {
    let id = 0;
    while (id === 0 || this.#byId.has(id)) id = this.#flows.table.scramble(-1, ++this.#serial) >>> 0;
    return id;
  }

  #emit(event: ExpectationEvent, one: Expectation): void {
    const flows = this.#flows;
    const { sink } = flows.events;
    if (sink === undefined || flows.settings.events === 0) return;
    const bit = event === 'new' ? ExpectEventBit.New : ExpectEventBit.Destroy;
    if (((flows.table.word(one.master, EventMask) >>> 16) & bit) !== 0) sink.expectation(event, one);
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const keyOfTuple = (tuple: Tuple): string => `${tuple.protocol} ${tuple.destinationPort} ${tuple.zone ?? 0} ${hex(tuple.destination)}`;

function keyOfPacket(packet: Packet): string {
  return `${packet.protocol} ${packet.ports & 0xffff} ${packet.meta >>> 16} ${hex(addressOf(packet, 1))}`;
}

function addressOf(packet: Packet, which: 0 | 1): Uint8Array {
  const at = packet.at + (packet.family === Family.Ipv4 ? 12 + which * 4 : 8 + which * 16);
  return new Uint8Array(packet.view.buffer, packet.view.byteOffset + at, packet.family === Family.Ipv4 ? 4 : 16);
}

function sourceMatches(one: Expectation, packet: Packet): boolean {
  if (((one.tuple.sourcePort ^ (packet.ports >>> 16)) & one.mask.sourcePort) !== 0) return false;
  return maskedEqual(one.tuple.source, addressOf(packet, 0), one.mask.source);
}

function maskedEqual(a: Uint8Array, b: Uint8Array, mask: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (((a[i]! ^ b[i]!) & mask[i]!) !== 0) return false;
  return true;
}

const sameSource = (one: Expectation, a: Tuple, b: Tuple): boolean =>
  a === b
    ? one.tuple.sourcePort === a.sourcePort || one.mask.sourcePort === 0
    : a.sourcePort === b.sourcePort && hex(a.source) === hex(b.source);

const sameMask = (a: Expectation['mask'], b: Expectation['mask']): boolean =>
  a.sourcePort === b.sourcePort && hex(a.source) === hex(b.source);

/** Whether a packet could match both: their sources agree in the bits of both masks. */
function overlap(one: Expectation, tuple: Tuple, mask: Expectation['mask']): boolean {
  if (((one.tuple.sourcePort ^ tuple.sourcePort) & one.mask.sourcePort & mask.sourcePort) !== 0) return false;
  const both = one.mask.source.map((byte, i) => byte & mask.source[i]!);
  return maskedEqual(one.tuple.source, tuple.source, both);
}
