import { isDeepStrictEqual } from 'node:util';
import type { Namespace, PolicySpecification } from '@ring3/conntrack';
import { fromWireName } from '@ring3/nfnetlink';
import { type Change, keyed } from './change.ts';
import { addRule } from './control/rules.ts';

/** Policies and rules that a namespace is configured with. */
export interface NamespaceContents {
  readonly timeouts?: readonly PolicySpecification[];
  /** Each as the words of `ring3 rule add`. */
  readonly rules?: readonly (readonly string[])[];
}

/** What of a namespace is configured: it can be changed for other contents, and what was added by command stays. */
export class ConfiguredNamespace {
  readonly #namespace: Namespace;
  #timeouts: readonly PolicySpecification[] = [];
  #rules: readonly (readonly string[])[] = [];
  /** The rules that stand for these. */
  #ids: readonly number[] = [];

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  /**
   * Makes it so: policies first, then the rules, before those that were added by command; then what is not there any more goes. A policy that a rule still
   * names stays until that rule goes.
   * @throws Error in one line: a policy cannot be made, or a rule names what there is not; the rules are then as they were
   */
  apply({ timeouts = [], rules = [] }: NamespaceContents): Change[] {
    const changes = keyed('timeout', this.#timeouts.map(named), timeouts.map(named));
    for (const policy of timeouts) if (changes.some(({ what, how }) => what === nameOf(policy) && how !== 'removed')) this.#set(policy);
    if (!isDeepStrictEqual(rules, this.#rules)) {
      this.#replaceRules(rules);
      changes.push({ what: 'rules', how: 'changed', holds: 'now' });
    }
    for (const policy of this.#timeouts)
      if (!timeouts.some(({ name }) => name === policy.name)) this.#namespace.timeoutPolicies.delete(policy.name);
    this.#timeouts = timeouts;
    return changes;
  }

  #set(policy: PolicySpecification): void {
    const { timeoutPolicies } = this.#namespace;
    const made = timeoutPolicies.set(policy, { exclusive: false, replace: true });
    if (typeof made === 'string') throw new Error(`the timeout policy ${fromWireName(policy.name)} cannot be made: ${made}`);
  }

  #replaceRules(rules: readonly (readonly string[])[]): void {
    const added: number[] = [];
    try {
      for (const words of rules) added.push(addRule(this.#namespace, words, added.length).id);
    } catch (error) {
      for (const id of added) this.#namespace.rules.delete(id);
      throw error;
    }
    for (const id of this.#ids) this.#namespace.rules.delete(id);
    this.#ids = added;
    this.#rules = rules;
  }
}

const nameOf = (policy: PolicySpecification): string => `timeout ${fromWireName(policy.name)}`;
/** What of a policy can be compared. */
const named = (policy: PolicySpecification): readonly [string, object] => [
  fromWireName(policy.name),
  { family: policy.l3num, protocol: policy.l4, timeouts: policy.timeouts(32) },
];
