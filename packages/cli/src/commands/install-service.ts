import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { note } from '../note.ts';
import { printLine } from '../output.ts';
import type { ServiceFile } from '../service/service-files.ts';

interface InstallOptions {
  readonly user?: true;
  readonly print?: true;
  readonly root?: string;
}

/** `ring3 install-service`: the unit and the socket of deploy/ for systemd. */
export function addInstallService(program: Command): void {
  program
    .command('install-service')
    .description(
      'write the systemd unit, its socket and an example configuration, and print the next commands; nothing is overwritten or started',
    )
    .option('--user', 'a service of this user on port 4450, instead of one of the system on port 445')
    .option('--print', 'print the files, and write nothing')
    .option('--root <dir>', 'write below another root directory, such as that of an image')
    .action((options: InstallOptions) => install(options));
}

async function install(options: InstallOptions): Promise<void> {
  const user = options.user === true;
  const { serviceFiles } = await import('../service/service-files.ts');
  const command = [process.execPath, realpathSync(process.argv[1] as string)];
  const files = serviceFiles({ user, root: resolve(options.root ?? '/'), env: process.env }, command);
  if (options.print === true) {
    for (const { path, text } of files) process.stdout.write(`# ${path}\n${text}\n`);
    return;
  }
  checkCommand(command, user);
  const others = files.filter(({ path, text, example }) => !example && existsSync(path) && readFileSync(path, 'utf8') !== text);
  if (others.length > 0)
    throw new Error(
      `${others.map(({ path }) => path).join(' and ')}: there is another file, and nothing was written: compare it with "ring3 install-service${user ? ' --user' : ''} --print", or remove it`,
    );
  for (const file of files) write(file, user);
  if (!existsSync('/run/systemd/system')) note('this machine was not started by systemd');
  for (const line of user ? nextForUser(files) : nextForSystem(files)) printLine(line);
}

/** @throws Error in one line if a service could not run ring3 from its directory */
function checkCommand(command: readonly string[], user: boolean): void {
  const cached = command.find((path) => path.includes('/_npx/'));
  if (cached !== undefined) throw new Error(`${cached} is in the cache of npx, which npm may empty: npm install --global ring3`);
  const hidden = user ? undefined : command.find((path) => /^\/(home|root|run\/user|tmp|var\/tmp)\//.test(path));
  if (hidden !== undefined)
    throw new Error(
      `${hidden} is in a directory that the service cannot read (ProtectHome, PrivateTmp): npm install --global ring3 as root, or use --user`,
    );
}

/** Writes a file that does not exist yet. @throws Error in one line */
function write({ path, text, mode }: ServiceFile, user: boolean): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode, flag: 'wx' });
    printLine(`written ${path}`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const advice = user ? 'choose another XDG_CONFIG_HOME' : 'run this as root, or use --user';
    if (code !== 'EEXIST') throw new Error(`${path} cannot be written (${code}): ${advice}`);
    printLine(`kept    ${path}`);
  }
}

const configurationIn = (files: readonly ServiceFile[]): string => files.find(({ example }) => example)?.path ?? '';

const nextForSystem = (files: readonly ServiceFile[]): string[] => [
  `next: edit ${configurationIn(files)}, then as root`,
  '  systemd-sysusers',
  '  systemctl daemon-reload',
  '  systemctl enable --now ring3.socket ring3.service',
  '  runuser -u ring3 -- ring3 user add NAME --state-dir /var/lib/ring3',
  '  ring3 ctl status',
];

const nextForUser = (files: readonly ServiceFile[]): string[] => [
  `next: edit ${configurationIn(files)}, then`,
  '  systemctl --user daemon-reload',
  '  systemctl --user enable --now ring3.socket ring3.service',
  '  ring3 user add NAME',
  '  ring3 ctl status',
  '  loginctl enable-linger    # if it has to run while the user is not logged on',
];
