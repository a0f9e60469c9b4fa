import type { Command } from 'commander';
import { addControlOption, askDaemon } from '../control-at.ts';
import { printJson, printLine } from '../output.ts';
import { UsageError } from '../usage.ts';

/** `ring3 sysctl …`: settings of the connection tracker of the daemon, with the names and the output of sysctl(8). */
export function addSysctl(program: Command): void {
  const sysctl = addControlOption(program.command('sysctl').enablePositionalOptions(false))
    .description("settings of the daemon's connection tracker: net.netfilter.nf_conntrack_*")
    .option('--namespace <name>', "the daemon's namespace");
  const inNamespace = () => ({ namespace: sysctl.opts<{ namespace?: string }>().namespace });

  sysctl
    .command('list')
    .description('all settings, one a line')
    .option('--json', 'for programs: an object')
    .action(async ({ json }: { json?: boolean }) => {
      const found = await askDaemon(sysctl, 'sysctl list', inNamespace());
      if (json === true) printJson(Object.fromEntries(found.map(({ name, value }) => [name, value])));
      else for (const { name, value } of found) printLine(`net.netfilter.${name} = ${value}`);
    });
  sysctl
    .command('get <names...>')
    .description('the values of settings, one a line: get nf_conntrack_max')
    .option('--json', 'for programs: an object')
    .action(async (names: readonly string[], { json }: { json?: boolean }) => {
      const values: Record<string, string> = {};
      for (const name of names) {
        values[name] = await askDaemon(sysctl, 'sysctl get', { ...inNamespace(), name });
        if (json !== true) printLine(values[name]);
      }
      if (json === true) printJson(values);
    });
  sysctl
    .command('set <assignments...>')
    .description('set settings until the daemon ends: set nf_conntrack_max=500000; [sysctl] in the configuration lasts')
    .action(async (assignments: readonly string[]) => {
      const pairs = assignments.map((one) => /^([^=\s]+)=(.*)$/.exec(one));
      const wrong = assignments[pairs.indexOf(null)];
      if (wrong !== undefined) throw new UsageError(`"${wrong}" is not NAME=VALUE`);
      for (const [, name = '', value = ''] of pairs as RegExpExecArray[])
        await askDaemon(sysctl, 'sysctl set', { ...inNamespace(), name, value });
    });
}
