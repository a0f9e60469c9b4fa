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
    .description('run an unmodified netlink program against ring3 in place of the kernel')
    .usage('[options] -- COMMAND …')
    .option('--fresh', 'against a namespace of its own that ends with it; no daemon is needed')
    .option('--namespace <name>', "the daemon's namespace")
    .option('--netlink <socket>', "the daemon's netlink socket", socketInUse('netlink'))
    .option('--state-dir <dir>', 'where the compiled shim is kept')
    .passThroughOptions()
    .action(async ([command, ...args]: string[], { fresh, namespace, netlink, stateDir }: ExecOptions) => {
      if (fresh === true && namespace !== undefined) throw new UsageError('--fresh has a namespace of its own: leave --namespace out');
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
