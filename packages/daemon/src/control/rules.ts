import { Family, type Namespace, type Rule, type RuleMatch, type RuleRefusal, type RuleTarget } from '@ring3/conntrack';
import { fromWireName } from '@ring3/nfnetlink';
import { parseRule, printRule } from '../rule-grammar.ts';
import type { RuleInList } from './protocol.ts';

/** The rules of a namespace in the form of the control protocol. */
export const listRules = ({ rules }: Namespace): RuleInList[] =>
  rules.list().map(({ id, match, target }) => ({ id, words: printRule({ match, target }) }));

/**
 * Adds a rule at a position; default: the end.
 * @throws Error in one line: RuleSyntaxError, an unknown name, or a name for other protocols
 */
export function addRule(namespace: Namespace, words: readonly string[], at?: number): RuleInList {
  const { match, target } = ruleOf(namespace, words);
  const rule: Rule | RuleRefusal = namespace.rules.add(match, target, at);
  if (typeof rule === 'string') throw new Error(reason(namespace, rule, target));
  return { id: rule.id, words: printRule({ match, target }) };
}

/**
 * Replaces rules by others, before all that stay: all of them or none.
 * @param ids of the rules to remove
 * @returns the ids of the new rules
 * @throws as `addRule`
 */
export function replaceRules(namespace: Namespace, ids: ReadonlySet<number>, rules: readonly (readonly string[])[]): number[] {
  const wanted = rules.map((words) => ruleOf(namespace, words));
  const made = namespace.rules.replace(ids, wanted);
  if ('refused' in made) throw new Error(reason(namespace, made.refused, wanted[made.at]?.target ?? {}));
  return made.map(({ id }) => id);
}

/** The rule of these words. A rule with a policy or a helper and without addresses gets their family. @throws RuleSyntaxError */
function ruleOf(namespace: Namespace, words: readonly string[]): { readonly match: RuleMatch; readonly target: RuleTarget } {
  const { match, target } = parseRule(words);
  const family = match.family ?? familyOf(namespace, match, target);
  return { match: family === undefined ? match : { ...match, family }, target };
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
