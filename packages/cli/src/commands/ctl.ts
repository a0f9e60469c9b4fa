import type { Command } from 'commander';
import { addControlOption, askDaemon } from '../control-at.ts';

/** `ring3 ctl …`: what a running daemon is asked over its control socket. */
export function addCtl(program: Command): void {
  const ctl = addControlOption(program.command('ctl').enablePositionalOptions(false)).description('ask a running daemon');

  ctl
    .command('stats')
    .description("one line as the kernel server's: version, state, port, seconds idle")
    .action(async () => void process.stdout.write(await askDaemon(ctl, 'stats', {})));
  ctl
    .command('status')
    .description('what the daemon is and serves')
    .option('--json', 'for programs')
    .action(async ({ json }: { json?: boolean }) => {
      const status = await askDaemon(ctl, 'status', {});
      if (json === true) console.log(JSON.stringify(status));
      else
        for (const [name, value] of Object.entries(status))
          console.log(`${name.padEnd(10)} ${Array.isArray(value) ? value.join(', ') : value}`);
    });
  ctl
    .command('stop')
    .description('end the daemon')
    .action(async () => void (await askDaemon(ctl, 'stop', {})));
}
