import type { CttimeoutClient } from '@ring3/nfnetlink';
import { toWireName } from '@ring3/nfnetlink/wire-name';
import type { Command } from 'commander';
import { type At, addAtOptions, type Intent } from '../netlink-at.ts';
import { withClient } from '../netlink-client.ts';
import { note } from '../note.ts';
import { printJson } from '../output.ts';

/** `ring3 timeout …`: `nfct timeout …`'s grammar and output, on the daemon or on the kernel. */
export function addTimeout(program: Command): void {
  const timeout = addAtOptions(
    program.command('timeout').enablePositionalOptions(false).description('named timeout policies and default timeouts'),
  );
  const ask = async (intent: Intent, run: (client: CttimeoutClient) => Promise<void>): Promise<void> => {
    const { CttimeoutClient } = await import('@ring3/nfnetlink');
    await withClient(timeout.opts<At>(), intent, 'nfnetlink_cttimeout', (link) => new CttimeoutClient(link), run);
  };
  const grammar = () => import('../timeout-grammar.ts');

  timeout
    .command('list')
    .description('all policies')
    .option('--json', 'one object a line')
    .action(({ json }: { json?: boolean }) =>
      ask('read', async (client) => {
        const { policyJson, printPolicy } = await grammar();
        let count = 0;
        for await (const policy of client.list()) {
          count++;
          if (json === true) printJson(policyJson(policy));
          else process.stdout.write(printPolicy(policy, process.stdout.isTTY));
        }
        if (count === 0) note('no timeout policies');
      }),
    );
  timeout
    .command('get <name>')
    .description('one policy')
    .option('--json', 'as one object')
    .action((name: string, { json }: { json?: boolean }) =>
      ask('read', async (client) => {
        const { policyJson, printPolicy } = await grammar();
        const policy = await client.get(toWireName(name));
        if (json === true) printJson(policyJson(policy));
        else process.stdout.write(printPolicy(policy, process.stdout.isTTY));
      }),
    );
  timeout
    .command('add <name> <family> <protocol> <timeouts...>')
    .description('add a policy: add web inet tcp established 100 close 10')
    .action(async (name: string, family: string, protocol: string, words: readonly string[]) => {
      const { parseProtocols, parseTimeouts } = await grammar();
      const { l3proto, l4proto } = parseProtocols(family, protocol);
      const timeouts = parseTimeouts(l4proto, words);
      await ask('change', (client) => client.add({ name: toWireName(name), l3proto, l4proto, timeouts }));
      note(`${name} added`);
    });
  timeout
    .command('delete <name>')
    .description('delete a policy that no rule uses')
    .action(async (name: string) => {
      await ask('change', (client) => client.delete(toWireName(name)));
      note(`${name} deleted`);
    });
  timeout
    .command('flush')
    .description('delete all policies that no rule uses')
    .action(async () => {
      await ask('change', (client) => client.flush());
      note('all unused timeout policies deleted');
    });
  timeout
    .command('default-get <family> <protocol>')
    .description('the default timeouts of a protocol')
    .option('--json', 'as one object')
    .action(async (family: string, protocol: string, { json }: { json?: boolean }) => {
      const { parseProtocols, printDefaults } = await grammar();
      const { l3proto, l4proto } = parseProtocols(family, protocol);
      await ask('read', async (client) => {
        const timeouts = await client.defaultGet(l3proto, l4proto);
        if (json === true) printJson(timeouts);
        else process.stdout.write(printDefaults(l3proto, l4proto, timeouts));
      });
    });
  timeout
    .command('default-set <family> <protocol> <timeouts...>')
    .description('change default timeouts of a protocol')
    .action(async (family: string, protocol: string, words: readonly string[]) => {
      const { parseProtocols, parseTimeouts } = await grammar();
      const { l3proto, l4proto } = parseProtocols(family, protocol);
      const timeouts = parseTimeouts(l4proto, words);
      await ask('change', (client) => client.defaultSet(l3proto, l4proto, timeouts));
    });
}
