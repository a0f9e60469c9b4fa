import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { findUser, type HostUser, setNoNewPrivileges } from '@ring3/linux';

/** Variables that point to directories of root, which the other user must not use. */
const ofRoot = /^(XDG_\w+|TMPDIR|TMP|TEMP)$/;

/**
 * Becomes another user of this machine permanently: groups, group and user id of every thread, `HOME` and related variables. No set-user-ID
 * program gives rights back. Default paths are those of that user afterwards.
 * @param who a name, or a user id in digits
 * @param folders directories of that user: created if they are missing and only root can create them
 * @throws Error in one line; the process may have changed only partly then and has to end
 */
export function actAs(who: string, folders: readonly string[] = []): void {
  const user = findUser(who);
  if (user === undefined) throw new Error(`there is no user ${JSON.stringify(who)} on this machine (getent passwd)`);
  if (isAlready(user)) return;
  if (process.geteuid?.() !== 0) throw new Error(`to act as ${user.name} ring3 must be started by root`);
  for (const folder of folders.map((path) => resolve(path)).sort()) handOver(folder, user); // parents first
  if (process.umask() === 0) process.umask(0o022); // some service managers leave umask 0, which would make all files writable for all users
  change(user);
  verify(user);
  const refused = setNoNewPrivileges(); // for this thread and the programs that it starts; the threads of the pool start no program
  if (refused < 0) throw new Error('this kernel does not let a process give up new privileges (prctl(2) PR_SET_NO_NEW_PRIVS)');
  for (const name of Object.keys(process.env)) if (ofRoot.test(name)) delete process.env[name];
  Object.assign(process.env, { HOME: user.home, USER: user.name, LOGNAME: user.name });
}

const isAlready = ({ userId }: HostUser): boolean => process.getuid?.() === userId && process.geteuid?.() === userId;

function change({ name, userId, groupId }: HostUser): void {
  const { initgroups } = process as { initgroups?(user: string, group: number): void }; // missing in its types
  try {
    initgroups?.(name, groupId);
    process.setgid?.(groupId);
    process.setuid?.(userId);
  } catch (error) {
    throw new Error(`ring3 cannot become ${name}: ${(error as Error).message}`);
  }
}

/** Checks the ids of every thread in the kernel, and tries to become root again. proc_pid_status(5). @throws Error */
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
      throw new Error(`could not switch every thread to user ${name}: ring3 does not start`);
  }
  for (const back of [() => process.setuid?.(0), () => process.seteuid?.(0), () => process.setgroups?.([0])]) {
    try {
      back();
    } catch {
      continue;
    }
    throw new Error(`user ${name} could become root again: ring3 does not start`);
  }
}

/**
 * Creates a directory for a user if only root can: if root owns everything above it, so that no other user can put a link there. Elsewhere
 * the user creates it, or the attempt fails.
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
    chmodSync(path, path === folder ? 0o700 : 0o755); // independent of the umask
  }
  chownSync(folder, user.userId, user.groupId);
}

/** Whether only root can write to a directory and to all directories above it. @param path without links */
function isRootsAlone(path: string): boolean {
  const { uid, mode } = statSync(path);
  return uid === 0 && (mode & 0o022) === 0 && (path === '/' || isRootsAlone(dirname(path)));
}
