import { dirname } from 'node:path';
import type { Command } from 'commander';
import type { Finding } from '../doctor/finding.ts';
import { printJson } from '../output.ts';
import { ownSocket } from '../places.ts';

const marks = { ok: 'ok     ', limited: 'limited', missing: 'MISSING' } as const;

/** A finding as text: one line, and a second line with advice. */
const print = ({ what, state, found, advice }: Finding): string =>
  `${marks[state]}  ${what.padEnd(19)}  ${found}${advice === undefined ? '' : `\n${' '.repeat(30)}${advice}`}`;

/** `ring3 doctor [DIR]`: what this machine supports. Exit status 1 if something is missing that `serve` needs. */
export function addDoctor(program: Command): void {
  program
    .command('doctor [dir]')
    .description('what this machine supports, and how to add what is missing')
    .option('--state-dir <dir>', 'the state directory')
    .option('--json', 'for programs')
    .action(async (dir: string | undefined, { stateDir, json }: { stateDir?: string; json?: boolean }) => {
      const findings = await examine(dir ?? '.', stateDir);
      if (json === true) printJson(findings);
      else for (const finding of findings) console.log(print(finding));
      process.exitCode = findings.some(({ state }) => state === 'missing') ? 1 : 0;
    });
}

/** Whether the kernel reports that a time service adjusts the clock; undefined if it was not queried. */
async function kept(): Promise<boolean | undefined> {
  const answer = (await import('@ring3/linux')).clockIsKept();
  return typeof answer === 'boolean' ? answer : undefined;
}

async function examine(dir: string, stateDir: string | undefined): Promise<Finding[]> {
  const [machine, { folder }, { kernelSubsystems }, { defaultStateDir }] = await Promise.all([
    import('../doctor/machine.ts'),
    import('../doctor/folder.ts'),
    import('../doctor/kernel.ts'),
    import('@ring3/daemon/places'),
  ]);
  const platform = await machine.platform();
  const able = platform.every(({ state }) => state !== 'missing');
  return [
    ...platform,
    machine.user(),
    ...(await machine.folders(stateDir ?? defaultStateDir(), dirname(ownSocket('control')))),
    ...(able ? await folder(dir) : []),
    await machine.lowPort(),
    machine.descriptors(),
    machine.watches(),
    machine.clock(Date.now(), able ? await kept() : undefined),
    ...(able ? await kernelSubsystems() : []),
    ...machine.tools(),
  ];
}
