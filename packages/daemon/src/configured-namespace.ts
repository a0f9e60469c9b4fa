import { isDeepStrictEqual } from 'node:util';
import type { Namespace, PolicySpecification } from '@ring3/conntrack';
import { fromWireName } from '@ring3/nfnetlink';
import { type Change, keyed } from './change.ts';
import { replaceRules } from './control/rules.ts';
import { setSysctl } from './control/sysctls.ts';

/** The settings, policies and rules of a configured namespace. */
export interface NamespaceContents {
  readonly timeouts?: readonly PolicySpecification[];
  /** Settings of the tracker by name, such as `nf_conntrack_max`. */
  readonly sysctls?: Readonly<Record<string, number>>;
  /** The words of `ring3 rule add` for each rule. */
  readonly rules?: readonly (readonly string[])[];
}

/** The configured contents of a namespace. They can be replaced; what commands added stays. */
export class ConfiguredNamespace {
  readonly #namespace: Namespace;
  #timeouts: readonly PolicySpecification[] = [];
  #sysctls: Readonly<Record<string, number>> = {};
  /** The values of settings before a configuration set them. */
  readonly #before = new Map<string, string>();
  #rules: readonly (readonly string[])[] = [];
  /** The rules that were created for the configuration. */
  #ids: readonly number[] = [];

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  /**
   * Applies other contents: policies first, then the rules, before the rules that commands added; then the previous ones are deleted. A
   * policy that a rule still names stays until that rule is deleted. What a command deleted is created again.
   * @throws Error in one line if a policy cannot be created or a rule names something that does not exist; then nothing is changed
   */
  apply({ timeouts = [], sysctls = {}, rules = [] }: NamespaceContents): Change[] {
    const changes = keyed('timeout', this.#timeouts.filter((policy) => this.#has(policy)).map(named), timeouts.map(named));
    const undo: (() => void)[] = [];
    try {
      if (!isDeepStrictEqual(sysctls, this.#sysctls)) {
        this.#setSysctls(sysctls, undo);
        changes.push({ what: 'sysctl', how: 'changed', holds: 'now' });
      }
      const other = new Set(changes.filter(({ how }) => how !== 'removed').map(({ what }) => what));
      for (const policy of timeouts) if (other.has(nameOf(policy))) undo.push(this.#set(policy));
      if (!isDeepStrictEqual(rules, this.#rules) || !this.#hasRules()) {
        this.#replaceRules(rules);
        changes.push({ what: 'rules', how: 'changed', holds: 'now' });
      }
    } catch (error) {
      for (const back of undo.reverse()) back();
      throw error;
    }
    const kept = new Set(timeouts.map(({ name }) => name));
    for (const { name } of this.#timeouts) if (!kept.has(name)) this.#namespace.timeoutPolicies.delete(name);
    this.#timeouts = timeouts;
    this.#sysctls = sysctls;
    return changes;
  }

  /** Restores settings that the configuration no longer names. @throws Error in one line */
  #setSysctls(wanted: Readonly<Record<string, number>>, undo: (() => void)[]): void {
    const { sysctls } = this.#namespace;
    const set = (name: string, value: string): void => {
      const before = sysctls.get(name) ?? '';
      setSysctl(this.#namespace, name, value);
      undo.push(() => void sysctls.set(name, before));
    };
    for (const [name, value] of Object.entries(wanted)) {
      if (!this.#before.has(name)) this.#before.set(name, sysctls.get(name) ?? '');
      set(name, String(value));
    }
    for (const [name, value] of this.#before) if (!Object.hasOwn(wanted, name)) set(name, value);
  }

  #has({ name }: PolicySpecification): boolean {
    return this.#namespace.timeoutPolicies.find(name) !== undefined;
  }

  #hasRules(): boolean {
    const there = new Set(this.#namespace.rules.list().map(({ id }) => id));
    return this.#ids.every((id) => there.has(id));
  }

  /** @returns a function that restores the previous state */
  #set(policy: PolicySpecification): () => void {
    const { timeoutPolicies } = this.#namespace;
    const existing = timeoutPolicies.find(policy.name);
    const before = existing?.timeouts.slice();
    const made = timeoutPolicies.set(policy, { exclusive: false, replace: true });
    if (typeof made === 'string') throw new Error(`the timeout policy ${fromWireName(policy.name)} cannot be made: ${made}`);
    return () => {
      if (before === undefined) timeoutPolicies.delete(policy.name);
      else made.timeouts.set(before);
    };
  }

  #replaceRules(rules: readonly (readonly string[])[]): void {
    this.#ids = replaceRules(this.#namespace, new Set(this.#ids), rules);
    this.#rules = rules;
  }
}

const nameOf = (policy: PolicySpecification): string => `timeout ${fromWireName(policy.name)}`;
/** The parts of a policy that are compared. */
const named = (policy: PolicySpecification): readonly [string, object] => [
  fromWireName(policy.name),
  { family: policy.l3num, protocol: policy.l4, timeouts: policy.timeouts(32) },
];
