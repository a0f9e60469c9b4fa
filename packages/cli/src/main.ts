import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addCapture } from './commands/capture.ts';
import { addCompletion } from './commands/completion.ts';
import { addCtl } from './commands/ctl.ts';
import { addDoctor } from './commands/doctor.ts';
import { addExec } from './commands/exec.ts';
import { addExpect } from './commands/expect.ts';
import { addFlow } from './commands/flow.ts';
import { addHelper } from './commands/helper.ts';
import { addInstallService } from './commands/install-service.ts';
import { addNamespace } from './commands/namespace.ts';
import { addRule } from './commands/rule.ts';
import { addServe } from './commands/serve.ts';
import { addShare } from './commands/share.ts';
import { addSysctl } from './commands/sysctl.ts';
import { addTimeout } from './commands/timeout.ts';
import { addUser } from './commands/user.ts';
import { beQuiet } from './note.ts';
import { watchOutput } from './output.ts';
import { UsageError } from './usage.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

/** The command line. Each command loads its modules when it runs, which keeps the start fast. */
export function createProgram(): Command {
  const program = new Command('ring3')
    .description(
      "The kernel half of Linux's network services, in user space: an SMB3 file server, and a connection tracker with timeout policies and helpers.",
    )
    .version(version, '-v, --version', 'print the version')
    .option('-q, --quiet', 'print only requested output, and errors')
    .on('option:quiet', beQuiet)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'ring3: ')) });
  for (const add of [
    addServe,
    addCtl,
    addUser,
    addShare,
    addTimeout,
    addHelper,
    addFlow,
    addExpect,
    addRule,
    addNamespace,
    addSysctl,
    addCapture,
    addExec,
    addDoctor,
    addInstallService,
    addCompletion,
  ])
    add(program);
  program
    .command('version')
    .description('print the version')
    .action(() => console.log(version));
  for (const group of program.commands.filter(({ commands }) => commands.length > 0))
    group.showHelpAfterError(`(the commands of ${group.name()}: ${group.commands.map((command) => command.name()).join(', ')})`);
  return program;
}

/**
 * Removes `--help` after a name that is not a command, so that the name is reported: commander prints the help of the program instead.
 * @param argv as `process.argv`
 */
function withoutHelp(program: Command, argv: readonly string[]): readonly string[] {
  let command = program;
  for (let i = 2; i < argv.length && command.commands.length > 0; i++) {
    const word = argv[i] as string;
    if (word.startsWith('-')) {
      if (command.options.find(({ long, short }) => long === word || short === word)?.required === true) i++;
      continue;
    }
    const next = command.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (next === undefined && word !== 'help') return argv.filter((one) => one !== '--help' && one !== '-h');
    if (next === undefined) return argv;
    command = next;
  }
  return argv;
}

/**
 * Runs one command line.
 * @param argv as `process.argv`
 * @returns the exit status: 0 done; 1 the operation failed, with the reason in one line on standard error; 2 the command line is invalid;
 * for `exec` that of the program, 127 if it does not exist, 126 if it cannot be run
 */
export async function main(argv: readonly string[]): Promise<number> {
  const program = createProgram();
  watchOutput();
  try {
    await program.parseAsync(withoutHelp(program, argv));
    return typeof process.exitCode === 'number' ? process.exitCode : 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // commander has printed the message
    const [{ printable }, { explain }] = await Promise.all([import('@ring3/kit'), import('./hints.ts')]);
    for (const line of explain(error)) console.error(`ring3: ${printable(line)}`);
    const { exitStatus } = error as { exitStatus?: number }; // of `exec`: 126, 127
    if (exitStatus !== undefined) return exitStatus;
    return error instanceof UsageError || (error as Error).cause instanceof UsageError ? 2 : 1; // the cause explains why a part of the daemon did not start
  }
}
