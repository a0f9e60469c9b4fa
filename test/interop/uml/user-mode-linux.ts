import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Ran } from '../smbclient.ts';
import type { GuestNetwork } from './network.ts';

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/**
 * Boots Debian's user-mode Linux, runs a bash script as its root and waits until it has halted. It sees the host's files read-only; only
 * /mnt, a file system in memory, is writable. Modules are loaded on demand.
 * @param script lines of bash
 * @param off aborts the machine, as does a time limit of five minutes
 * @returns the script's exit status and its output; status null, with the end of the console output, if it did not complete
 */
export async function inUserModeLinux(script: string, network: GuestNetwork, off?: AbortSignal): Promise<Ran> {
  const exchange = mkdtempSync(join(tmpdir(), 'ring3-uml-'));
  try {
    writeFileSync(join(exchange, 'script'), script);
    copyFileSync(join(import.meta.dirname, 'init'), join(exchange, 'init'));
    const [command, ...rest] = network.prefix as [string, ...string[]];
    const machine = [
      'mem=512M',
      'root=/dev/root',
      'rootfstype=hostfs',
      'rootflags=/',
      'ro',
      'quiet',
      `uml_dir=${exchange}`,
      network.device,
    ];
    const consoles = ['con=null', 'con0=null,fd:1', 'con1=null,fd:3', 'ssl=null'];
    const environment = [`EXCHANGE=${exchange}`, `ADDRESS=${network.guest}`];
    const child = spawn(command, [...rest, 'linux.uml', ...machine, ...consoles, `init=${exchange}/init`, ...environment], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      detached: true, // a separate process group: the kernel's helper processes end with it
    });
    const switchOff = (): void => void (child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'));
    const timer = setTimeout(switchOff, 300_000);
    process.once('exit', switchOff);
    off?.addEventListener('abort', switchOff);
    const ended = new Promise<void>((resolve, reject) => child.once('error', reject).once('close', () => resolve()));
    const said = Promise.all(child.stdio.slice(1).map((stream) => buffer(stream as NodeJS.ReadableStream)));
    const [kernel, errors, printed] = await ended
      .then(() => said)
      .finally(() => {
        clearTimeout(timer);
        process.off('exit', switchOff);
        off?.removeEventListener('abort', switchOff);
      });
    const status = read(join(exchange, 'status'));
    const output = String(printed);
    if (status === undefined) return { status: null, output: `${output}\nuser-mode Linux did not come to its end:\n${kernel}${errors}` };
    return { status: Number(status), output: output + (read(join(exchange, 'kernel-log')) ?? '') };
  } finally {
    rmSync(exchange, { recursive: true, force: true });
  }
}
