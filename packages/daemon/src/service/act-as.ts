import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { findUser, type HostUser, setNoNewPrivileges } from '@ring3/linux';

/** Variables that say where root's own things are, and would lead the other user there. */
const ofRoot = /^(XDG_\w+|TMPDIR|TMP|TEMP)$/;

/**
 * Becomes another user of this machine for good: groups, group and user id of every thread, `HOME` and its kin, and no set-user-ID program gives anything
 * back. Default places are that user's from then on.
 * @param who a name, or a user id in digits
 * @param folders that this user is to have: made where they are missing, and where only root could make them
 * @throws Error in one line; the process is then neither what it was nor what it should be, and has to end
 */
export function actAs(who: string, folders: readonly string[] = []): void {
  const user = findUser(who);
  if (user === undefined) throw new Error(`there is no user ${JSON.stringify(who)} on this machine (getent passwd)`);
  if (isAlready(user)) return;
  if (process.geteuid?.() !== 0) throw new Error(`to act as ${user.name} ring3 has to be started by root`);
  for (const folder of folders.map((path) => resolve(path)).sort()) handOver(folder, user); // a folder before those inside it
  if (process.umask() === 0) process.umask(0o022); // as some service managers leave it: nothing would be kept from anybody
  change(user);
  verify(user);
  const refused = setNoNewPrivileges(); // of this thread and of what it starts from now on; the pool's threads start no program
  if (refused < 0) throw new Error('this kernel does not let a process give up new privileges (prctl(2) PR_SET_NO_NEW_PRIVS)');
  for (const name of Object.keys(process.env)) if (ofRoot.test(name)) delete process.env[name];
  Object.assign(process.env, { HOME: user.home, USER: user.name, LOGNAME: user.name });
}

const isAlready = ({ userId }: HostUser): boolean => process.getuid?.() === userId && process.geteuid?.() === userId;

function change({ name, userId, groupId }: HostUser): void {
  const { initgroups } = process as { initgroups?(user: string, group: number): void }; // its types lack it
  try {
    initgroups?.(name, groupId);
    process.setgid?.(groupId);
    process.setuid?.(userId);
  } catch (error) {
    throw new Error(`ring3 cannot become ${name}: ${(error as Error).message}`);
  }
}

/** Looks at every thread, as the kernel sees it, and tries the way back. proc_pid_status(5). @throws Error */
function verify({ name, userId, groupId }: HostUser): void {
  const groups = new Set<string>();
  for (const thread of readdirSync('/proc/self/task')) {
    const status = readFileSync(`/proc/self/task/${thread}/status`, 'latin1');
    const line = (key: string): string => new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(status)?.[1]?.trim() ?? '';
    const all = (key: string, wanted: number): boolean =>
      line(key)
        .split(/\s+/)
        .every((word) => word === String(wanted));
    const harmless = ['CapPrm', 'CapEff', 'CapAmb'].every((key) => /^0*$/.test(line(key)));
    groups.add(line('Groups'));
    if (!all('Uid', userId) || !all('Gid', groupId) || !harmless || groups.size > 1)
      throw new Error(`a thread of ring3 is still not ${name}: the start ends here`);
  }
  for (const back of [() => process.setuid?.(0), () => process.seteuid?.(0), () => process.setgroups?.([0])]) {
    try {
      back();
    } catch {
      continue;
    }
    throw new Error(`ring3 could still become root again from ${name}: the start ends here`);
  }
}

/**
 * Makes a folder for a user where only root can: where everything above it is root's alone, so that nobody can put a link in the way. Elsewhere the user
 * makes it by itself, or is refused.
 */
function handOver(folder: string, user: HostUser): void {
  if (statSync(folder, { throwIfNoEntry: false }) !== undefined) return;
  const missing: string[] = [];
  let above = folder;
  while (statSync(above, { throwIfNoEntry: false }) === undefined) {
    missing.unshift(above);
    above = dirname(above);
  }
  if (!isRootsAlone(realpathSync(above))) return;
  for (const path of missing) {
    mkdirSync(path, { mode: 0o755 });
    chmodSync(path, path === folder ? 0o700 : 0o755); // whatever the umask
  }
  chownSync(folder, user.userId, user.groupId);
}

/** Whether only root writes in a folder and in all above it. @param path without links */
function isRootsAlone(path: string): boolean {
  const { uid, mode } = statSync(path);
  return uid === 0 && (mode & 0o022) === 0 && (path === '/' || isRootsAlone(dirname(path)));
}
