import type { RuleInList } from '@ring3/daemon';
import type { Command } from 'commander';
import { addControlOption, askDaemon } from '../control-at.ts';
import { shellWord } from '../shell-word.ts';
import { UsageError } from '../usage.ts';

const print = ({ id, words }: RuleInList): string => `${id} ${words.map(shellWord).join(' ')}`;

const help = `
A rule says which packets it is about, and what the flows get that they begin; the first that matches decides:
  [inet|inet6] [tcp|udp|udplite|icmp|icmpv6|sctp|dccp|gre|protocol N]
  [saddr ADDRESS[/LENGTH]] [daddr ADDRESS[/LENGTH]] [sport PORT[-PORT]] [dport PORT[-PORT]] [iif INTERFACE] [in|out]
  timeout NAME | helper NAME | zone N [original|reply] | events NAME,… | notrack
"not" before a protocol, an address or a port inverts it. An interface that ends in + stands for all that begin so.`;

/** `ring3 rule …`: the role of the raw table's CT target. */
export function addRule(program: Command): void {
  const rule = addControlOption(program.command('rule').enablePositionalOptions(false))
    .description('which new flows get which timeout policy, helper and zone')
    .option('--namespace <name>', "the daemon's namespace");
  const inNamespace = () => ({ namespace: rule.opts<{ namespace?: string }>().namespace });

  rule
    .command('list')
    .description('the rules in their order, with their numbers')
    .option('--json', 'for programs')
    .action(async ({ json }: { json?: boolean }) => {
      const rules = await askDaemon(rule, 'rule list', inNamespace());
      if (json === true) console.log(JSON.stringify(rules));
      else for (const one of rules) console.log(print(one));
    });
  rule
    .command('add <words...>')
    .description('add a rule at the end: add udp dport 5000 timeout p')
    .addHelpText('after', help)
    .action(async (words: readonly string[]) => {
      const { parseRule } = await import('@ring3/daemon/rule-grammar');
      try {
        parseRule(words);
      } catch (error) {
        throw new UsageError((error as Error).message);
      }
      await askDaemon(rule, 'rule add', { ...inNamespace(), words });
    });
  rule
    .command('delete <number>')
    .description('remove the rule of a number')
    .action(async (number: string) => {
      if (!/^\d{1,9}$/.test(number)) throw new UsageError(`a rule is named by its number in the list, not "${number}"`);
      await askDaemon(rule, 'rule delete', { ...inNamespace(), id: Number(number) });
    });
  rule
    .command('flush')
    .description('remove all rules')
    .action(async () => void (await askDaemon(rule, 'rule flush', inNamespace())));
}
