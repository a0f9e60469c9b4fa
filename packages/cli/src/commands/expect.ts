import type { CtnetlinkExpClient, ExpectEntry } from '@ring3/nfnetlink';
import type { Command } from 'commander';
import { addOutputOption, type Output } from '../flow/outputs.ts';
import { type At, addAtOptions } from '../netlink-at.ts';

interface Options {
  readonly output: Output;
  readonly family?: string;
  readonly count?: string;
}

/** `ring3 expect …`: the expectations of helpers, on the daemon or on the kernel. */
export function addExpect(program: Command): void {
  const expect = addAtOptions(
    program.command('expect').enablePositionalOptions(false).description('expected flows, such as data connections'),
  );
  const ask = async (run: (client: CtnetlinkExpClient) => Promise<void>): Promise<void> => {
    const [{ CtnetlinkExpClient }, { withClient }] = await Promise.all([import('@ring3/nfnetlink'), import('../netlink-client.ts')]);
    await withClient(expect.opts<At>(), 'read', 'nf_conntrack_netlink', (link) => new CtnetlinkExpClient(link), run);
  };
  addOutputOption(expect.command('list'))
    .description('the expectations')
    .option('-f, --family <family>', 'inet or inet6')
    .action(async ({ output, family }: Options) => {
      const [{ printer }, { expectColumns }, { expectJson }, { expectLine }, { parseFamily }] = await Promise.all([
        import('../flow/printer.ts'),
        import('../flow/columns.ts'),
        import('../flow/json.ts'),
        import('../flow/line.ts'),
        import('../flow/filter.ts'),
      ]);
      const only = family === undefined ? 0 : parseFamily(family);
      const shown = printer<ExpectEntry>(output, { columns: expectColumns, json: expectJson, line: expectLine });
      await ask(async (client) => {
        for await (const entry of client.list(only)) await shown.add(entry);
        await shown.end();
      });
    });

  addOutputOption(expect.command('watch'))
    .description('print events of expectations as they occur')
    .option('--count <n>', 'end after this number of events')
    .action(async ({ output, count }: Options) => {
      const [{ watch }, { expectJson }, { expectEventLine }, { wholeNumber }] = await Promise.all([
        import('../flow/watch.ts'),
        import('../flow/json.ts'),
        import('../flow/line.ts'),
        import('../flow/filter.ts'),
      ]);
      const most = count === undefined ? Number.POSITIVE_INFINITY : wholeNumber(count, '--count', 0xffffffff);
      await ask(async (client) => {
        const textOf = (change: Parameters<typeof expectEventLine>[0]): string =>
          output === 'json' ? JSON.stringify({ event: change.event, ...expectJson(change.entry) }) : expectEventLine(change);
        await watch(client.events(), textOf, () => client.close(), most);
      });
    });
}
