import type { ControlVerb } from '@ring3/daemon';
import type { Command } from 'commander';
import { defaultControl } from '../places.ts';

/** `ring3 ctl …`: what a running daemon is asked over its control socket. */
export function addCtl(program: Command): void {
  const ctl = program
    .command('ctl')
    .description('ask a running daemon')
    .option('--control <socket>', 'its control socket', defaultControl())
    .enablePositionalOptions(false);
  const ask = async <V extends ControlVerb>(verb: V) => {
    const { askControl } = await import('@ring3/daemon/control');
    return askControl(ctl.opts<{ control: string }>().control, verb, {});
  };

  ctl
    .command('stats')
    .description("one line as the kernel server's: version, state, port, seconds idle")
    .action(async () => void process.stdout.write(await ask('stats')));
  ctl
    .command('status')
    .description('what the daemon is and serves')
    .option('--json', 'for programs')
    .action(async ({ json }: { json?: boolean }) => {
      const status = await ask('status');
      if (json === true) console.log(JSON.stringify(status));
      else
        for (const [name, value] of Object.entries(status))
          console.log(`${name.padEnd(10)} ${Array.isArray(value) ? value.join(', ') : value}`);
    });
  ctl
    .command('stop')
    .description('end the daemon')
    .action(async () => void (await ask('stop')));
}
