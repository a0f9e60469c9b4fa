import type { ConntrackEntry, CtnetlinkClient } from '@ring3/nfnetlink';
import type { Command } from 'commander';
import type { FilterOptions } from '../flow/filter.ts';
import { addFilterOptions, addFlowList, flowPrinter, readFilter } from '../flow/list.ts';
import { addOutputOption, type Output } from '../flow/outputs.ts';
import type { TupleOptions } from '../flow/tuple.ts';
import { type At, addAtOptions, type Intent } from '../netlink-at.ts';
import { note } from '../note.ts';
import { printJson, printLine } from '../output.ts';
import { oneOf, UsageError } from '../usage.ts';

interface OutputOption {
  readonly output: Output;
}
const kinds = ['new', 'update', 'destroy'] as const;

/** `ring3 flow …`: `conntrack …` on the daemon or on the kernel. */
export function addFlow(program: Command): void {
  const flow = addAtOptions(program.command('flow').enablePositionalOptions(false).description('the flows of the connection tracker'));
  const ask = async (intent: Intent, run: (client: CtnetlinkClient) => Promise<void>): Promise<void> => {
    const [{ CtnetlinkClient }, { withClient }] = await Promise.all([import('@ring3/nfnetlink'), import('../netlink-client.ts')]);
    await withClient(flow.opts<At>(), intent, 'nf_conntrack_netlink', (link) => new CtnetlinkClient(link), run);
  };

  addFlowList(flow.command('list'), () => flow.opts<At>());

  addOutputOption(addFilterOptions(flow.command('get')))
    .description('one flow, named by its protocol, addresses and ports')
    .option('--icmp-type <n>')
    .option('--icmp-code <n>')
    .option('--icmp-id <n>')
    .action(async (options: TupleOptions & OutputOption) => {
      const { parseTuple } = await import('../flow/tuple.ts');
      const { family, tuple, zone } = parseTuple(options);
      const shown = await flowPrinter(options.output);
      await ask('read', async (client) => {
        const entry = await client.get(family, tuple, zone);
        if (entry !== undefined) await shown.add(entry);
        await shown.end();
      });
    });

  addFilterOptions(flow.command('count'))
    .description('the number of all flows, or of those of a filter')
    .option('--json', 'as an object: {"count":N}')
    .action(async (options: FilterOptions & { json?: true }) => {
      const filter = await readFilter(options);
      await ask('read', async (client) => {
        let count = 0;
        if (!filter.limited) count = await client.count();
        else for await (const entry of client.list(filter.asked)) if (filter.matches(entry)) count++;
        printLine(options.json === true ? JSON.stringify({ count }) : String(count));
      });
    });

  addOutputOption(addFilterOptions(flow.command('delete')))
    .description('delete the flows of a filter, and print them')
    .action(async (options: FilterOptions & OutputOption) => {
      const filter = await readFilter(options);
      if (!filter.limited) throw new UsageError('no filter: `ring3 flow flush` deletes all flows');
      const shown = await flowPrinter(options.output);
      await ask('change', async (client) => {
        const found: ConntrackEntry[] = [];
        for await (const entry of client.list(filter.asked)) if (filter.matches(entry)) found.push(entry);
        let deleted = 0;
        for (const entry of found) {
          if (!(await deleteOne(client, entry))) continue;
          deleted++;
          await shown.add(entry);
        }
        await shown.end();
        if (deleted === 0) throw new Error('no flow matches');
      });
    });

  flow
    .command('flush')
    .description('delete all flows')
    .option('-f, --family <family>', 'inet or inet6')
    .action(async ({ family }: { family?: string }) => {
      const { parseFamily } = await import('../flow/filter.ts');
      const only = family === undefined ? 0 : parseFamily(family);
      await ask('change', (client) => client.flush(only));
      note('all flows deleted');
    });

  addOutputOption(addFilterOptions(flow.command('watch')))
    .description('print events of flows as they occur')
    .option('-e, --event <kinds>', `${kinds.join(', ')}, separated by commas`, kinds.join(','))
    .option('--count <n>', 'end after this number of events')
    .action(async (options: FilterOptions & OutputOption & { event: string; count?: string }) => {
      const filter = await readFilter(options);
      const wanted = options.event.split(',').map(oneOf('an event', kinds));
      const [{ watch }, textOf, { wholeNumber }] = await Promise.all([
        import('../flow/watch.ts'),
        eventText(options.output),
        import('../flow/filter.ts'),
      ]);
      const most = options.count === undefined ? Number.POSITIVE_INFINITY : wholeNumber(options.count, '--count', 0xffffffff);
      await ask('read', async (client) => {
        const events = client.events(wanted);
        const matching = (async function* () {
          for await (const event of events) if (typeof event === 'string' || filter.matches(event.entry)) yield event;
        })();
        await watch(matching, textOf, () => client.close(), most);
      });
    });

  addFilterOptions(flow.command('top'))
    .description('the busiest flows; needs counters (net.netfilter.nf_conntrack_acct)')
    .option('-n, --rows <n>', 'number of flows', '20')
    .option('-i, --interval <seconds>', 'time between lists', '2')
    .option('--once', 'print the flows with the most bytes, and end; the default if the output is not a terminal')
    .option('--json', 'for programs: one object')
    .action(async (options: FilterOptions & { rows: string; interval: string; once?: true; json?: true }) => {
      const filter = await readFilter(options);
      const [{ Top }, { wholeNumber }] = await Promise.all([import('../flow/top.ts'), import('../flow/filter.ts')]);
      const top = new Top(Math.max(1, wholeNumber(options.rows, '--rows', 10_000)));
      const intervalMs = Math.max(1, wholeNumber(options.interval, '--interval', 86_400)) * 1000;
      await ask('read', async (client) => {
        const matching = async function* () {
          for await (const entry of client.list(filter.asked)) if (filter.matches(entry)) yield entry;
        };
        if (options.json === true) return printJson(await top.object(matching(), performance.now()));
        for (;;) {
          const lines = await top.lines(matching(), performance.now());
          const whole = `${lines.join('\n')}\n`;
          const last = options.once === true || !process.stdout.isTTY;
          process.stdout.write(last ? whole : `\u001b[H\u001b[2J${whole}`);
          if (last) return;
          await new Promise((resolve) => setTimeout(resolve, intervalMs));
        }
      });
    });

  flow
    .command('stats')
    .description('the counters of the tracker, a line for each processor, as conntrack -S prints them')
    .option('--json', 'one object a line')
    .action(({ json }: { json?: boolean }) =>
      ask('read', async (client) => {
        const { statisticsLine } = await import('../flow/line.ts');
        for await (const { unknown: _, ...one } of client.stats()) {
          if (json === true) printJson(one);
          else console.log(statisticsLine(one)); // numbers, with the tab that conntrack prints
        }
      }),
    );
}

/** @returns false if it ended meanwhile */
async function deleteOne(client: CtnetlinkClient, entry: ConntrackEntry): Promise<boolean> {
  try {
    await client.delete(entry);
    return true;
  } catch (error) {
    if ((error as { errno?: number }).errno === 2) return false; // ENOENT
    throw error;
  }
}

async function eventText(output: Output) {
  const [{ conntrackEventLine }, { flowJson }, { eventRow }] = await Promise.all([
    import('../flow/line.ts'),
    import('../flow/json.ts'),
    import('../flow/columns.ts'),
  ]);
  type Change = Parameters<typeof conntrackEventLine>[0];
  if (output === 'conntrack') return (change: Change) => conntrackEventLine(change, Date.now());
  if (output === 'json') return ({ event, entry, portId }: Change) => JSON.stringify({ event, ...flowJson(entry), portId });
  return ({ event, entry }: Change) => eventRow(event, entry);
}
