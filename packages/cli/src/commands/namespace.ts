import type { Command } from 'commander';
import { addControlOption, askDaemon } from '../control-at.ts';
import { note } from '../note.ts';
import { printJson, printLine } from '../output.ts';

/** `ring3 namespace …`: the namespaces of the daemon, each with its own table, policies and rules. */
export function addNamespace(program: Command): void {
  const namespace = addControlOption(program.command('namespace').enablePositionalOptions(false)).description(
    'connection tracking tables in addition to the default one, each with its own policies and rules',
  );
  namespace
    .command('list')
    .description('the namespaces, one on each line')
    .option('--json', 'for programs, with the numbers of flows, policies and rules')
    .action(async ({ json }: { json?: boolean }) => {
      const found = await askDaemon(namespace, 'namespace list', {});
      if (json === true) printJson(found);
      else for (const { name } of found) printLine(name);
    });
  namespace
    .command('add <name>')
    .description('make a namespace; `ring3 exec --namespace NAME` runs programs in it')
    .action(async (name: string) => {
      await askDaemon(namespace, 'namespace add', { name });
      note(`${name} added`);
    });
  namespace
    .command('delete <name>')
    .description('delete a namespace and close the sockets of programs in it')
    .action(async (name: string) => {
      await askDaemon(namespace, 'namespace delete', { name });
      note(`${name} deleted`);
    });
}
