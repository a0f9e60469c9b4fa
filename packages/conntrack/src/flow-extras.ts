import type { HelperRef, TimeoutPolicyRef, Timeouts } from './engine.ts';
import type { FlowTable } from './table/flow-table.ts';
import { Attached, FlowFlag, FlowWords, Status, StatusWord, ZoneAndFlags } from './table/layout.ts';

/** The adjustment of sequence numbers of one direction: CTA_SEQADJ_*. */
export interface SequenceAdjustment {
  readonly correctionPosition: number;
  readonly offsetBefore: number;
  readonly offsetAfter: number;
}

/** The original direction and the reply; undefined: unchanged. */
export type SequenceAdjustments = readonly [SequenceAdjustment | undefined, SequenceAdjustment | undefined];

/** CTA_SYNPROXY_*. */
export interface SynproxyNumbers {
  readonly initialSequence: number;
  readonly initialTimestamp: number;
  readonly timestampOffset: number;
}

/**
 * Properties of flows that are stored outside the arena: timeout policies, helpers and their data, labels. A flow's words hold the indices
 * of its policy and helper in the lists here.
 */
export class FlowExtras {
  readonly #table: FlowTable;
  readonly #policies: (TimeoutPolicyRef | undefined)[] = [undefined];
  readonly #helpers: (HelperRef | undefined)[] = [undefined];
  /** Labels of the flows that have labels: 16 bytes each. */
  readonly labels: Map<number, Uint8Array> = new Map();
  /** Adjustments of sequence numbers by direction, if a request gave them (CTA_SEQ_ADJ_*). */
  readonly sequenceAdjustments: Map<number, SequenceAdjustments> = new Map();
  /** CTA_SYNPROXY_* of a flow, if a request gave them. */
  readonly synproxy: Map<number, SynproxyNumbers> = new Map();
  /** Private data of flows whose helper has a private data length. */
  readonly helperData: Map<number, Uint8Array> = new Map();
  /** Whether any helper was ever attached; if not, flows need not be checked for one. */
  hasHelpers = false;

  constructor(table: FlowTable) {
    this.#table = table;
  }

  /** The effective timeouts of the flow at `base`: its policy's, or the defaults. */
  timeoutsOf(base: number, defaults: Timeouts): Timeouts {
    const index = this.#table.words[base + Attached]! & 0xffff;
    return index === 0 ? defaults : this.#policies[index]!.timeouts;
  }

  /** The timeout policy of a flow. */
  policyOf(flow: number): TimeoutPolicyRef | undefined {
    return this.#policies[this.#table.word(flow, Attached) & 0xffff];
  }

  /** Assigns a timeout policy to a flow. */
  attachPolicy(flow: number, policy: TimeoutPolicyRef): void {
    const at = flow * FlowWords + Attached;
    this.#table.words[at] = (this.#table.words[at]! & ~0xffff) | indexIn(this.#policies, policy);
  }

  /** Removes a timeout policy from every flow that uses it. Running timers are not changed; the defaults apply from the next packet on. */
  detachPolicy(policy: TimeoutPolicyRef): void {
    const index = this.#policies.indexOf(policy);
    if (index <= 0) return;
    const { words, highest } = this.#table;
    for (let flow = 0; flow < highest; flow++) {
      const at = flow * FlowWords + Attached;
      if (this.#table.isUsed(flow) && (words[at]! & 0xffff) === index) words[at] = words[at]! & ~0xffff;
    }
    this.#policies[index] = undefined;
  }

  /** The helper of a flow. */
  helperOf(flow: number): HelperRef | undefined {
    return this.#helpers[this.#table.word(flow, Attached) >>> 16];
  }

  /** Assigns a helper to a flow. */
  attachHelper(flow: number, helper: HelperRef): void {
    const { words } = this.#table;
    const base = flow * FlowWords;
    words[base + Attached] = (words[base + Attached]! & 0xffff) | (indexIn(this.#helpers, helper) << 16);
    words[base + StatusWord] = words[base + StatusWord]! | Status.Helper;
    words[base + ZoneAndFlags] = words[base + ZoneAndFlags]! | FlowFlag.Helped;
    this.hasHelpers = true;
    if (helper.privateLength > 0) this.helperData.set(flow, new Uint8Array(helper.privateLength));
  }

  /** Whether a flow may have a helper. */
  knowsHelper(helper: HelperRef): boolean {
    return this.#helpers.includes(helper);
  }

  /** Removes a helper from every flow. The flows keep IPS_HELPER. @param each called for each flow before the helper is removed from it */
  detachHelper(helper: HelperRef, each: (flow: number) => void): void {
    const index = this.#helpers.indexOf(helper);
    if (index <= 0) return;
    const { words, highest } = this.#table;
    for (let flow = 0; flow < highest; flow++) {
      const at = flow * FlowWords + Attached;
      if (!this.#table.isUsed(flow) || words[at]! >>> 16 !== index) continue;
      each(flow);
      words[at] = words[at]! & 0xffff;
      this.helperData.delete(flow);
    }
    this.#helpers[index] = undefined;
  }

  /** Writes a flow's private data: longer data is truncated, shorter data padded with zeros. */
  writeHelperData(flow: number, bytes: Uint8Array): void {
    const own = this.helperData.get(flow);
    if (own === undefined) return;
    own.fill(0);
    own.set(bytes.subarray(0, own.byteLength));
  }

  /** Deletes the properties of a flow whose index is being freed. */
  drop(flow: number): void {
    if (this.labels.size !== 0) this.labels.delete(flow);
    if (this.sequenceAdjustments.size !== 0) this.sequenceAdjustments.delete(flow);
    if (this.synproxy.size !== 0) this.synproxy.delete(flow);
    if (this.helperData.size !== 0) this.helperData.delete(flow);
  }
}

/** The index of an item in a list whose index 0 is unused; adds the item if it is not in the list. */
function indexIn<T>(list: (T | undefined)[], item: T): number {
  const found = list.indexOf(item);
  if (found > 0) return found;
  const empty = list.indexOf(undefined, 1);
  if (empty > 0) {
    list[empty] = item;
    return empty;
  }
  if (list.length > 0xffff) throw new RangeError('more than 65,535 timeout policies or helpers are attached to flows');
  return list.push(item) - 1;
}
