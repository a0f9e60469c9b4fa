import type { HelperRef, TimeoutPolicyRef, Timeouts } from './engine.ts';
import type { SequenceAdjustments, SynproxyNumbers } from './manage.ts';
import type { FlowTable } from './table/flow-table.ts';
import { Attached, FlowWords, Status, StatusWord } from './table/layout.ts';

/** What flows carry beside their words in the arena: timeout policies, helpers and their data, labels. A flow holds the place of its policy and helper here. */
export class FlowExtras {
  readonly #table: FlowTable;
  readonly #policies: (TimeoutPolicyRef | undefined)[] = [undefined];
  readonly #helpers: (HelperRef | undefined)[] = [undefined];
  /** Labels of flows that have some: 16 bytes each. */
  readonly labels: Map<number, Uint8Array> = new Map();
  /** How sequence numbers of flows were moved, of each direction, if a request said so. */
  readonly sequenceAdjustments: Map<number, SequenceAdjustments> = new Map();
  /** Numbers of a SYN proxy, if a request gave them. */
  readonly synproxy: Map<number, SynproxyNumbers> = new Map();
  /** Private data of flows with a helper that wants some. */
  readonly helperData: Map<number, Uint8Array> = new Map();
  /** Whether any helper was ever attached: else no flow has to be asked for one. */
  hasHelpers = false;

  constructor(table: FlowTable) {
    this.#table = table;
  }

  /** The timeouts that hold for the flow at `base`: its policy's, or the defaults. */
  timeoutsOf(base: number, defaults: Timeouts): Timeouts {
    const index = this.#table.words[base + Attached]! & 0xffff;
    return index === 0 ? defaults : this.#policies[index]!.timeouts;
  }

  /** The policy that a flow carries. */
  policyOf(flow: number): TimeoutPolicyRef | undefined {
    return this.#policies[this.#table.word(flow, Attached) & 0xffff];
  }

  /** Gives a timeout policy to a flow. */
  attachPolicy(flow: number, policy: TimeoutPolicyRef): void {
    const at = flow * FlowWords + Attached;
    this.#table.words[at] = (this.#table.words[at]! & ~0xffff) | indexIn(this.#policies, policy);
  }

  /** Takes a timeout policy off every flow that carries it: their timers run on, and the defaults hold from the next packet (spec 2.7). */
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

  /** The helper that a flow carries. */
  helperOf(flow: number): HelperRef | undefined {
    return this.#helpers[this.#table.word(flow, Attached) >>> 16];
  }

  /** Gives a helper to a flow. */
  attachHelper(flow: number, helper: HelperRef): void {
    const { words } = this.#table;
    const base = flow * FlowWords;
    words[base + Attached] = (words[base + Attached]! & 0xffff) | (indexIn(this.#helpers, helper) << 16);
    words[base + StatusWord] = words[base + StatusWord]! | Status.Helper;
    this.hasHelpers = true;
    if (helper.privateLength > 0) this.helperData.set(flow, new Uint8Array(helper.privateLength));
  }

  /** Whether some flow may carry a helper. */
  knowsHelper(helper: HelperRef): boolean {
    return this.#helpers.includes(helper);
  }

  /** Takes a helper off every flow. The flows' HELPER status stays (spec 3.4). @param each is told of each while it still carries it */
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

  /** Writes a flow's private data: what is longer is cut, what is shorter padded with zeros (spec 3.7). */
  writeHelperData(flow: number, bytes: Uint8Array): void {
    const own = this.helperData.get(flow);
    if (own === undefined) return;
    own.fill(0);
    own.set(bytes.subarray(0, own.byteLength));
  }

  /** A flow's index is free from now on. */
  drop(flow: number): void {
    if (this.labels.size !== 0) this.labels.delete(flow);
    if (this.sequenceAdjustments.size !== 0) this.sequenceAdjustments.delete(flow);
    if (this.synproxy.size !== 0) this.synproxy.delete(flow);
    if (this.helperData.size !== 0) this.helperData.delete(flow);
  }
}

/** The place of something in a list whose place 0 stays empty. */
function indexIn<T>(list: (T | undefined)[], item: T): number {
  const found = list.indexOf(item);
  if (found > 0) return found;
  const empty = list.indexOf(undefined, 1);
  if (empty > 0) {
    list[empty] = item;
    return empty;
  }
  if (list.length > 0xffff) throw new RangeError('more than 65,535 policies or helpers on flows');
  return list.push(item) - 1;
}
