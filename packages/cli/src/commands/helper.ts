import type { CthelperClient, HelperSelection, HelperSpecification } from '@ring3/nfnetlink';
import { toWireName } from '@ring3/nfnetlink/wire-name';
import type { Command } from 'commander';
import type { HelperOptions } from '../helper-grammar.ts';
import { type At, addAtOptions, type Intent } from '../netlink-at.ts';
import { withClient } from '../netlink-client.ts';
import { note } from '../note.ts';
import { printJson } from '../output.ts';
import { collect } from '../usage.ts';

/** `ring3 helper …`: `nfct helper …`'s grammar and output, on the daemon or on the kernel. */
export function addHelper(program: Command): void {
  const helper = addAtOptions(
    program.command('helper').enablePositionalOptions(false).description('user-space conntrack helpers, which create expectations'),
  );
  const ask = async (intent: Intent, run: (client: CthelperClient) => Promise<void>): Promise<void> => {
    const { CthelperClient } = await import('@ring3/nfnetlink');
    await withClient(helper.opts<At>(), intent, 'nfnetlink_cthelper', (link) => new CthelperClient(link), run);
  };
  const selection = async (name: string, family?: string, protocol?: string): Promise<HelperSelection> => {
    if (family === undefined) return { name: toWireName(name) };
    const { parseProtocols } = await import('../timeout-grammar.ts');
    return { name: toWireName(name), ...parseProtocols(family, protocol) };
  };
  const print = async (found: HelperSpecification, json: boolean | undefined): Promise<void> => {
    const { helperJson, printHelper } = await import('../helper-grammar.ts');
    if (json === true) printJson(helperJson(found));
    else process.stdout.write(printHelper(found));
  };

  helper
    .command('list')
    .description('all helpers')
    .option('--json', 'one object a line')
    .action(({ json }: { json?: boolean }) =>
      ask('read', async (client) => {
        let count = 0;
        for await (const found of client.list()) {
          count++;
          await print(found, json);
        }
        if (count === 0) note('no helpers');
      }),
    );
  helper
    .command('get <name> [family] [protocol]')
    .description('one helper')
    .option('--json', 'as one object')
    .action(async (name: string, family: string | undefined, protocol: string | undefined, { json }: { json?: boolean }) => {
      const wanted = await selection(name, family, protocol);
      await ask('read', async (client) => print(await client.get(wanted), json));
    });
  helper
    .command('add <name> <family> <protocol>')
    .description('register a helper: add tftp inet udp; helpers that nfct knows need no options')
    .option('--class <name:max:seconds>', 'a class of its expectations; repeatable', collect)
    .option('--private <bytes>', 'private data of each flow')
    .option('--queue <n>', 'the queue that receives its packets')
    .option('--enabled', 'start to queue packets')
    .action(async (name: string, family: string, protocol: string, options: HelperOptions) => {
      const [{ parseProtocols }, { parseHelper }] = await Promise.all([import('../timeout-grammar.ts'), import('../helper-grammar.ts')]);
      const made = parseHelper(name, parseProtocols(family, protocol), options);
      await ask('change', (client) => client.add(made));
      note(`${name} added`);
    });
  helper
    .command('delete <name> [family] [protocol]')
    .description('delete helpers that no rule uses')
    .action(async (name: string, family?: string, protocol?: string) => {
      const wanted = await selection(name, family, protocol);
      await ask('change', (client) => client.delete(wanted));
      note(`${name} deleted`);
    });
  helper
    .command('disable <name> <family> <protocol>')
    .description('stop queueing packets to the helper')
    .action(async (name: string, family: string, protocol: string) => {
      const { parseProtocols } = await import('../timeout-grammar.ts');
      const wanted = { name: toWireName(name), ...parseProtocols(family, protocol) };
      await ask('change', (client) => client.update({ ...wanted, enabled: false }));
    });
  helper
    .command('flush')
    .description('delete all helpers that no rule uses')
    .action(async () => {
      await ask('change', (client) => client.flush());
      note('all unused helpers deleted');
    });
}
