import { Family, type Namespace, type Rule, type RuleMatch, type RuleRefusal, type RuleTarget } from '@ring3/conntrack';
import { fromWireName } from '@ring3/nfnetlink';
import { parseRule, printRule } from '../rule-grammar.ts';
import type { RuleInList } from './protocol.ts';

/** The rules of a namespace in the form of the control protocol. */
export const listRules = ({ rules }: Namespace): RuleInList[] =>
  rules.list().map(({ id, match, target }) => ({ id, words: printRule({ match, target }) }));

/**
 * Adds a rule at a position; default: the end. A rule with a policy or a helper and without addresses gets their family.
 * @throws Error in one line: RuleSyntaxError, an unknown name, or a name for other protocols
 */
export function addRule(namespace: Namespace, words: readonly string[], at?: number): RuleInList {
  const { match: said, target } = parseRule(words);
  const family = said.family ?? familyOf(namespace, said, target);
  const match = family === undefined ? said : { ...said, family };
  const rule: Rule | RuleRefusal = namespace.rules.add(match, target, at);
  if (typeof rule === 'string') throw new Error(reason(namespace, rule, target));
  return { id: rule.id, words: printRule({ match, target }) };
}

/** @throws Error in one line if there is no rule of that number */
export function deleteRule({ rules }: Namespace, id: number): void {
  if (!rules.delete(id)) throw new Error(`there is no rule ${id}`);
}

function familyOf(namespace: Namespace, { protocol = 0 }: RuleMatch, { timeout, helper }: RuleTarget): number | undefined {
  if (timeout !== undefined) return namespace.timeoutPolicies.find(timeout)?.l3num;
  if (helper === undefined) return undefined;
  return [Family.Ipv4, Family.Ipv6].find((family) => namespace.findHelper(helper, family, protocol) !== undefined);
}

function reason(namespace: Namespace, refused: RuleRefusal, { timeout, helper }: RuleTarget): string {
  const policy = timeout === undefined ? undefined : namespace.timeoutPolicies.find(timeout);
  if (timeout !== undefined && policy === undefined) return `there is no timeout policy ${fromWireName(timeout)}`;
  if (policy !== undefined && refused === 'EINVAL') {
    return `the timeout policy ${fromWireName(policy.name)} is for other packets: family ${policy.l3num}, protocol ${policy.l4}`;
  }
  return `there is no helper ${fromWireName(helper ?? '')} for these packets`;
}
