import type { Namespace, PolicySpecification } from '@ring3/conntrack';
import { fromWireName } from '@ring3/nfnetlink';
import { addRule } from './control/rules.ts';

/** What the default namespace, and that of a capture, start with. */
export interface NamespaceContents {
  readonly timeouts?: readonly PolicySpecification[];
  /** Each as the words of `ring3 rule add`. */
  readonly rules?: readonly (readonly string[])[];
}

/** Makes policies and rules. @throws Error in one line: a policy cannot be made, or a rule names what there is not */
export function fillNamespace(namespace: Namespace, { timeouts = [], rules = [] }: NamespaceContents): void {
  for (const policy of timeouts) {
    const made = namespace.timeoutPolicies.set(policy, { exclusive: true, replace: false });
    if (typeof made === 'string') throw new Error(`the timeout policy ${fromWireName(policy.name)} cannot be made: ${made}`);
  }
  for (const words of rules) addRule(namespace, words);
}
