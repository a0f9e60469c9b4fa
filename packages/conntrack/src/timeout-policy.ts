import { ticksOf } from './default-timeouts.ts';
import type { TimeoutPolicyRef, Timeouts } from './engine.ts';
import type { Namespace } from './namespace.ts';

/** Why an operation on a policy failed; `conntrack-netlink` makes an errno of it. */
export type PolicyFailure = 'exists' | 'busy' | 'different' | 'unsupported' | 'unknown' | 'malformed';

/** Seconds by attribute: index = attribute type − 1, undefined: not given. */
export type GivenTimeouts = readonly (number | undefined)[];

/** A named timeout policy of a namespace. */
export class TimeoutPolicy implements TimeoutPolicyRef {
  /** One character a byte (latin1), at most 31, no NUL. */
  readonly name: string;
  readonly l3num: number;
  readonly l4: number;
  /** Ticks of the namespace, index = attribute type − 1. A replacement edits them in place. */
  readonly timeouts: Timeouts;
  #use = 1;
  #removed = false;

  constructor(name: string, l3num: number, l4: number, timeouts: Timeouts) {
    this.name = name;
    this.l3num = l3num;
    this.l4 = l4;
    this.timeouts = timeouts;
  }

  /** 1 for the list, and 1 for each rule that holds it. */
  get use(): number {
    return this.#use;
  }

  /** Whether it was deleted: flows that carry it fall back to the namespace's defaults. */
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

  /** @internal Takes it off the list. */
  remove(): void {
    this.#removed = true;
    this.release();
  }
}

export interface PolicySpecification {
  readonly name: string;
  readonly l3num: number;
  readonly l4: number;
  /** Reads the timeouts, when all else is right; undefined: they are malformed. */
  readonly timeouts: (count: number) => GivenTimeouts | undefined;
}

/** The timeout policies of one namespace, in the order in which they were made. The name alone is the key. */
export class TimeoutPolicies {
  readonly #namespace: Namespace;
  readonly #byName = new Map<string, TimeoutPolicy>();

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  get size(): number {
    return this.#byName.size;
  }

  find(name: string): TimeoutPolicy | undefined {
    return this.#byName.get(name);
  }

  /** The policies in order; one that is added while the iteration runs is shown, one that is deleted is not. */
  [Symbol.iterator](): MapIterator<TimeoutPolicy> {
    return this.#byName.values();
  }

  /**
   * Makes or replaces a policy. Timeouts that are not given take the namespace's default of this moment, in a replacement too.
   * @param how `exclusive`: an existing one is refused; `replace`: it is changed
   * @returns the policy, or why not
   */
  set(wanted: PolicySpecification, how: { readonly exclusive: boolean; readonly replace: boolean }): TimeoutPolicy | PolicyFailure {
    const { defaultTimeouts, profile, hz } = this.#namespace;
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

  /** Deletes a policy that no rule holds; it leaves the flows that carry it, whose running timers go on. */
  delete(name: string): PolicyFailure | undefined {
    const policy = this.#byName.get(name);
    if (policy === undefined) return 'unknown';
    if (policy.use > 1) return 'busy';
    this.#remove(policy);
    return undefined;
  }

  /** Deletes every policy that no rule holds. */
  flush(): void {
    for (const policy of this.#byName.values()) if (policy.use === 1) this.#remove(policy);
  }

  /** The namespace ends: all are taken off the list first, then off the flows. */
  close(): void {
    const all = [...this.#byName.values()];
    this.#byName.clear();
    for (const policy of all) policy.remove();
    for (const policy of all) this.#namespace.detached(policy);
  }

  #remove(policy: TimeoutPolicy): void {
    this.#byName.delete(policy.name);
    policy.remove();
    this.#namespace.detached(policy);
  }
}

/** Writes the timeouts that are given. */
export function setTimeouts(table: Timeouts, given: GivenTimeouts, hz: number): void {
  for (let i = 0; i < table.length; i++) {
    const value = given[i];
    if (value !== undefined) table[i] = ticksOf(value, hz);
  }
}
