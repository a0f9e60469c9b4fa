import type { Command } from 'commander';
import { socketInUse } from '../places.ts';
import { UsageError } from '../usage.ts';

interface ExecOptions {
  readonly fresh?: true;
  readonly namespace?: string;
  readonly netlink: string;
  readonly stateDir?: string;
}

/** `ring3 exec -- COMMAND …`: an unmodified netlink program against ring3. Its exit status is the program's. */
export function addExec(program: Command): void {
  program
    .command('exec <command...>')
    .description('run an unmodified netlink program against ring3 instead of the kernel')
    .usage('[options] -- COMMAND …')
    .option('--fresh', 'use a new namespace that ends with the command; no daemon is needed')
    .option('--namespace <name>', "the daemon's namespace")
    .option('--netlink <socket>', "the daemon's netlink socket", socketInUse('netlink'))
    .option('--state-dir <dir>', 'the directory of the compiled library')
    .passThroughOptions()
    .action(async ([command, ...args]: string[], { fresh, namespace, netlink, stateDir }: ExecOptions) => {
      if (fresh === true && namespace !== undefined) throw new UsageError('--fresh and --namespace cannot be combined');
      const [{ runExec }, { defaultStateDir }] = await Promise.all([import('@ring3/exec'), import('@ring3/daemon/places')]);
      process.exitCode = await runExec({
        command: command as string,
        args,
        stateDir: stateDir ?? defaultStateDir(),
        netlinkSocket: netlink,
        namespace,
        fresh: fresh === true ? await freshServer() : undefined,
      });
    });
}

async function freshServer() {
  const [{ createNamespace }, { createNetlinkServer }] = await Promise.all([
    import('@ring3/conntrack'),
    import('@ring3/conntrack-netlink'),
  ]);
  return () => createNetlinkServer(createNamespace());
}
