import type { MaybePromise } from '@ring3/kit';
import type { ConntrackEntry } from '@ring3/nfnetlink';
import type { Command } from 'commander';
import type { At } from '../netlink-at.ts';
import type { FilterOptions } from './filter.ts';
import { addOutputOption, type Output } from './outputs.ts';

/** The names and descriptions of the filter options. The module that reads filters is loaded on use. */
const filterOptions: readonly (readonly [string, string])[] = [
  ['-f, --family <family>', 'inet or inet6'],
  ['-p, --protocol <name>', 'tcp, udp, icmp, … or a number'],
  ['-s, --orig-src <address>', 'source of the original direction, with or without /LENGTH'],
  ['-d, --orig-dst <address>', 'its destination'],
  ['-r, --reply-src <address>', 'source of the replies'],
  ['-q, --reply-dst <address>', 'their destination'],
  ['--sport <port>', 'source port of the original direction'],
  ['--dport <port>', 'its destination port'],
  ['-m, --mark <mark>', 'VALUE or VALUE/MASK'],
  ['-w, --zone <zone>', 'conntrack zone, of either direction'],
  ['--state <state>', 'ESTABLISHED, SYN_SENT, …'],
  ['-u, --status <bits>', 'ASSURED, SEEN_REPLY, UNREPLIED, …, separated by commas'],
];
/** Adds the options that select flows. */
export const addFilterOptions = (command: Command): Command => {
  for (const [flags, what] of filterOptions) command.option(flags, what);
  return command;
};

/** The output formats of flows, loaded when one is printed. */
export async function flowPrinter(output: Output) {
  const [{ printer }, { flowColumns }, { flowJson }, { conntrackLine }] = await Promise.all([
    import('./printer.ts'),
    import('./columns.ts'),
    import('./json.ts'),
    import('./line.ts'),
  ]);
  return printer<ConntrackEntry>(output, { columns: flowColumns, json: flowJson, line: (entry) => conntrackLine(entry, Date.now()) });
}

/** Reads these options. */
export async function readFilter(options: FilterOptions) {
  const { flowFilter } = await import('./filter.ts');
  return flowFilter(options);
}

/** Adds the action of a command that lists flows. @param at the tracker */
export function addFlowList(command: Command, at: () => MaybePromise<At>): void {
  addOutputOption(addFilterOptions(command))
    .description('all flows, or those of a filter')
    .option('--zero', 'set their counters to zero')
    .action(async ({ zero, output, ...options }: FilterOptions & { output: Output; zero?: true }) => {
      const filter = await readFilter(options);
      const [shown, { CtnetlinkClient }, { withClient }] = await Promise.all([
        flowPrinter(output),
        import('@ring3/nfnetlink'),
        import('../netlink-client.ts'),
      ]);
      await withClient(
        await at(),
        zero === true ? 'change' : 'read',
        'nf_conntrack_netlink',
        (link) => new CtnetlinkClient(link),
        async (client) => {
          for await (const entry of client.list(filter.asked, zero === true)) if (filter.matches(entry)) await shown.add(entry);
          await shown.end();
        },
      );
    });
}
