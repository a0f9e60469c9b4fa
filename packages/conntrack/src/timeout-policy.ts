import { type DefaultTimeouts, ticksOf } from './default-timeouts.ts';
import type { TimeoutPolicyRef, Timeouts } from './engine.ts';
import type { Profile } from './profile.ts';

/** The reason why an operation on a policy failed; `conntrack-netlink` maps it to an errno. */
export type PolicyFailure = 'exists' | 'busy' | 'different' | 'unsupported' | 'unknown' | 'malformed';

/** Seconds by attribute: index = attribute type − 1; undefined: absent. */
export type GivenTimeouts = readonly (number | undefined)[];

/** A named timeout policy of a namespace. */
export class TimeoutPolicy implements TimeoutPolicyRef {
  /** At most 31 bytes, one character each (latin1), without NUL. */
  readonly name: string;
  readonly l3num: number;
  readonly l4: number;
  /** Ticks of the namespace, index = attribute type − 1. REPLACE edits them in place. */
  readonly timeouts: Timeouts;
  #use = 1;
  #removed = false;

  constructor(name: string, l3num: number, l4: number, timeouts: Timeouts) {
    this.name = name;
    this.l3num = l3num;
    this.l4 = l4;
    this.timeouts = timeouts;
  }

  /** Reference count: 1 for the list and 1 for each rule that uses it. */
  get use(): number {
    return this.#use;
  }

  /** Whether it was deleted: its flows fall back to the namespace's defaults. */
  get removed(): boolean {
    return this.#removed;
  }

  hold(): boolean {
    if (this.#use === 0) return false;
    this.#use++;
    return true;
  }

  release(): void {
    if (this.#use > 0) this.#use--;
  }

  /** @internal Marks it as deleted. */
  remove(): void {
    this.#removed = true;
    this.release();
  }
}

export interface PolicySpecification {
  readonly name: string;
  readonly l3num: number;
  readonly l4: number;
  /** Reads the timeouts; called after all other checks. @returns undefined if they are malformed */
  readonly timeouts: (count: number) => GivenTimeouts | undefined;
}

/** The parts of a namespace that its policies use. */
export interface PolicyContext {
  readonly defaultTimeouts: DefaultTimeouts;
  readonly profile: Profile;
  readonly hz: number;
  /** A policy was removed: its flows fall back to the defaults. */
  detached(policy: TimeoutPolicy): void;
}

/** The timeout policies of one namespace, in the order of creation. The key is only the name. */
export class TimeoutPolicies {
  readonly #context: PolicyContext;
  readonly #byName = new Map<string, TimeoutPolicy>();

  constructor(context: PolicyContext) {
    this.#context = context;
  }

  get size(): number {
    return this.#byName.size;
  }

  find(name: string): TimeoutPolicy | undefined {
    return this.#byName.get(name);
  }

  /** The policies in order. A policy that is added during the iteration is included, a deleted one is not. */
  [Symbol.iterator](): MapIterator<TimeoutPolicy> {
    return this.#byName.values();
  }

  /**
   * Creates or replaces a policy. Omitted timeouts take the namespace's current defaults, in a replacement too.
   * @param how `exclusive`: an existing one is rejected; `replace`: an existing one is changed
   * @returns the policy, or the reason of the rejection
   */
  set(wanted: PolicySpecification, how: { readonly exclusive: boolean; readonly replace: boolean }): TimeoutPolicy | PolicyFailure {
    const { defaultTimeouts, profile, hz } = this.#context;
    const existing = this.#byName.get(wanted.name);
    if (existing !== undefined && how.exclusive) return 'exists';
    const defaults = defaultTimeouts.table(wanted.l3num, wanted.l4, profile);
    if (profile.protocolBeforeName && defaults === undefined) return 'unsupported';
    if (existing !== undefined) {
      if (!how.replace) return 'busy';
      if (existing.l3num !== wanted.l3num || existing.l4 !== wanted.l4) return 'different';
    }
    if (defaults === undefined) return 'unsupported';
    const given = wanted.timeouts(defaults.length);
    if (given === undefined) return 'malformed';
    const policy = existing ?? new TimeoutPolicy(wanted.name, wanted.l3num, wanted.l4, new Uint32Array(defaults.length));
    policy.timeouts.set(defaults);
    setTimeouts(policy.timeouts, given, hz);
    this.#byName.set(policy.name, policy);
    return policy;
  }

  /** Deletes a policy that no rule uses, and removes it from its flows, whose running timers continue. */
  delete(name: string): PolicyFailure | undefined {
    const policy = this.#byName.get(name);
    if (policy === undefined) return 'unknown';
    if (policy.use > 1) return 'busy';
    this.#remove(policy);
    return undefined;
  }

  /** Deletes every policy that no rule uses. */
  flush(): void {
    for (const policy of this.#byName.values()) if (policy.use === 1) this.#remove(policy);
  }

  /** The namespace is being closed: removes all policies from the list, then from the flows. */
  close(): void {
    const all = [...this.#byName.values()];
    this.#byName.clear();
    for (const policy of all) policy.remove();
    for (const policy of all) this.#context.detached(policy);
  }

  #remove(policy: TimeoutPolicy): void {
    this.#byName.delete(policy.name);
    policy.remove();
    this.#context.detached(policy);
  }
}

/** Writes the timeouts that are present. */
export function setTimeouts(table: Timeouts, given: GivenTimeouts, hz: number): void {
  for (let i = 0; i < table.length; i++) {
    const value = given[i];
    if (value !== undefined) table[i] = ticksOf(value, hz);
  }
}
