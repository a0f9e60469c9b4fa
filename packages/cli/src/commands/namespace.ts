import type { Command } from 'commander';
import { addControlOption, askDaemon } from '../control-at.ts';

/** `ring3 namespace …`: the daemon's namespaces, each with a table, policies and rules of its own. */
export function addNamespace(program: Command): void {
  const namespace = addControlOption(program.command('namespace').enablePositionalOptions(false)).description(
    'tables beside the default one, each with policies and rules of its own',
  );
  namespace
    .command('list')
    .description('the namespaces, one a line')
    .option('--json', 'with how much is in each')
    .action(async ({ json }: { json?: boolean }) => {
      const found = await askDaemon(namespace, 'namespace list', {});
      if (json === true) console.log(JSON.stringify(found));
      else for (const { name } of found) console.log(name);
    });
  namespace
    .command('add <name>')
    .description('make a namespace; `ring3 exec --namespace NAME` runs programs in it')
    .action(async (name: string) => void (await askDaemon(namespace, 'namespace add', { name })));
  namespace
    .command('delete <name>')
    .description('end a namespace and the sockets of programs in it')
    .action(async (name: string) => void (await askDaemon(namespace, 'namespace delete', { name })));
}
