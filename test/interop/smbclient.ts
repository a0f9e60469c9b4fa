import { spawn } from 'node:child_process';

export interface SmbclientOptions {
  readonly port: number;
  readonly share?: string;
  /** `name%password`; undefined: anonymous. */
  readonly user?: string | undefined;
  /** Lowest and highest dialect. */
  readonly dialect?: 'SMB2_02' | 'SMB2_10' | 'SMB3_00' | 'SMB3_02' | 'SMB3_11';
  /** smb.conf parameters, `name=value`. */
  readonly options?: readonly string[];
  readonly protection?: 'sign' | 'encrypt';
  /** The directory of local files. */
  readonly folder?: string;
}

/** The result of a program: exit status and output. */
export interface Ran {
  readonly status: number | null;
  readonly output: string;
}

/** Runs a program until it ends. */
export function run(command: string, parameters: readonly string[], options: { cwd?: string; input?: string } = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, parameters, { stdio: ['pipe', 'pipe', 'pipe'], ...(options.cwd !== undefined && { cwd: options.cwd }) });
    const output: Buffer[] = [];
    child.stdout.on('data', (bytes) => output.push(bytes));
    child.stderr.on('data', (bytes) => output.push(bytes));
    child.once('error', reject).once('close', (status) => resolve({ status, output: Buffer.concat(output).toString() }));
    child.stdin.end(options.input ?? '');
  });
}

/** Runs smbclient on the loopback with these commands, without the machine's own smb.conf. */
export function smbclient(commands: readonly string[], options: SmbclientOptions): Promise<Ran> {
  const { port, share = 'share', user, dialect, protection, folder } = options;
  const parameters = ['--configfile=/dev/null', `//127.0.0.1/${share}`, '-p', String(port)];
  parameters.push(...(user === undefined ? ['-N'] : ['-U', user]));
  if (dialect !== undefined) parameters.push(`--max-protocol=${dialect}`, `--option=client min protocol=${dialect}`);
  if (protection !== undefined) parameters.push(`--client-protection=${protection}`);
  for (const option of options.options ?? []) parameters.push(`--option=${option}`);
  return run('smbclient', [...parameters, '-c', commands.join('; ')], folder === undefined ? {} : { cwd: folder });
}

/** Runs a command of rpcclient on the loopback, without the machine's own smb.conf. @returns its output */
export async function rpcclient(
  command: string,
  { port, user, password }: { readonly port: number; readonly user: string; readonly password: string },
  ...more: readonly string[]
): Promise<string> {
  const parameters = ['--configfile=/dev/null', '-U', `${user}%${password}`, '-p', String(port), '127.0.0.1', ...more, '-c', command];
  return (await run('rpcclient', parameters)).output;
}
