import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ran } from '../smbclient.ts';

const checkout = resolve(import.meta.dirname, '../../..');

/**
 * A systemd that runs as the first process of separate namespaces, with ring3's units installed. Its network has only the loopback device.
 */
export interface Machine extends AsyncDisposable {
  /** Runs lines of sh as its root. */
  run(script: string): Ran;
}

/** The directories of the control group hierarchies in which this process may create groups. */
const hierarchies = (): string[] =>
  ['/sys/fs/cgroup', '/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified'].filter((folder) => existsSync(join(folder, 'cgroup.procs')));

/** Removes a control group and its children, once their processes have ended. */
async function removeGroups(folder: string): Promise<void> {
  for (const { name } of readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()))
    await removeGroups(join(folder, name));
  for (let tries = 0; ; tries++) {
    try {
      return rmdirSync(folder);
    } catch (error) {
      if (tries > 50 || (error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
      await sleep(100);
    }
  }
}

/**
 * Boots it. Requires root: it creates mount, process, network and control group namespaces.
 * @throws if it has not started after half a minute, with its output
 */
export async function bootSystemd(): Promise<Machine> {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-systemd-'));
  const groups = hierarchies().map((hierarchy) => join(hierarchy, `ring3-${randomBytes(4).toString('hex')}`));
  for (const group of groups) mkdirSync(group);
  const enter = groups.map((group) => `echo $$ > ${group}/cgroup.procs`).join(' && ');
  const unshare = [
    'unshare',
    '--mount',
    '--propagation',
    'private',
    '--pid',
    '--fork',
    '--kill-child',
    '--uts',
    '--ipc',
    '--net',
    '--cgroup',
  ];
  const boot = `${enter} && exec ${unshare.join(' ')} ${join(import.meta.dirname, 'boot.sh')} ${folder} ${checkout}`;
  const child = spawn('sh', ['-c', boot], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL'); // and with it, by --kill-child, systemd and its processes
    await ended;
    for (const group of groups) await removeGroups(group);
    rmSync(folder, { recursive: true });
  };
  const first = (): string | undefined => {
    const children = `/proc/${child.pid}/task/${child.pid}/children`;
    return existsSync(children) ? readFileSync(children, 'latin1').trim().split(' ')[0] || undefined : undefined;
  };
  const run = (script: string): Ran => {
    const { status, stdout, stderr } = spawnSync('nsenter', ['--target', first() ?? '', '--all', 'sh', '-c', script], {
      encoding: 'utf8',
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
      timeout: 60_000,
    });
    return { status, output: stdout + stderr };
  };
  try {
    for (let tries = 0; first() === undefined || !/^(running|degraded)/.test(run('systemctl is-system-running').output); tries++) {
      if (tries > 150 || child.exitCode !== null) throw new Error(`systemd did not start: ${said}`);
      await sleep(200);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { run, [Symbol.asyncDispose]: stop };
}
