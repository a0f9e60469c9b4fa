import type { RuleInList } from '@ring3/daemon';
import type { Command } from 'commander';
import { addControlOption, askDaemon } from '../control-at.ts';
import { note } from '../note.ts';
import { printJson, printLine } from '../output.ts';
import { shellWord } from '../shell-word.ts';
import { UsageError } from '../usage.ts';

const print = ({ id, words }: RuleInList): string => `${id} ${words.map(shellWord).join(' ')}`;

const help = `
A rule matches packets, and sets what the flows get that these begin. The first rule that matches decides:
  [inet|inet6] [tcp|udp|udplite|icmp|icmpv6|sctp|dccp|gre|protocol N]
  [saddr ADDRESS[/LENGTH]] [daddr ADDRESS[/LENGTH]] [sport PORT[-PORT]] [dport PORT[-PORT]] [iif INTERFACE] [in|out]
  timeout NAME | helper NAME | zone N [original|reply] | events NAME,… | notrack
"not" before a protocol, an address or a port inverts it. An interface that ends in + matches all that begin so.
Rules are ring3's own: in the kernel, iptables and nft attach timeout policies and helpers to flows.`;

/** `ring3 rule …`: corresponds to the CT target of the raw table. */
export function addRule(program: Command): void {
  const rule = addControlOption(program.command('rule').enablePositionalOptions(false))
    .description('the rules that give new flows a timeout policy, a helper or a zone')
    .option('--namespace <name>', "the daemon's namespace");
  const inNamespace = () => ({ namespace: rule.opts<{ namespace?: string }>().namespace });

  rule
    .command('list')
    .description('the rules in their order, with their numbers')
    .option('--json', 'for programs')
    .action(async ({ json }: { json?: boolean }) => {
      const rules = await askDaemon(rule, 'rule list', inNamespace());
      if (json === true) printJson(rules);
      else for (const one of rules) printLine(print(one));
      if (rules.length === 0) note('no rules');
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
      const { id } = await askDaemon(rule, 'rule add', { ...inNamespace(), words });
      note(`rule ${id} added`);
    });
  rule
    .command('delete <number>')
    .description('remove the rule of a number')
    .action(async (number: string) => {
      if (!/^\d{1,9}$/.test(number)) throw new UsageError(`invalid rule number "${number}": a number of "ring3 rule list"`);
      await askDaemon(rule, 'rule delete', { ...inNamespace(), id: Number(number) });
      note(`rule ${number} deleted`);
    });
  rule
    .command('flush')
    .description('remove all rules')
    .action(async () => note(`${await askDaemon(rule, 'rule flush', inNamespace())} rules deleted`));
}
