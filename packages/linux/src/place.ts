import { lstatSync, readFileSync, realpathSync, type Stats } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { errnoName } from './errno.ts';
import { peerCredentials } from './socket/unix.ts';

/**
 * Checks whether another user could replace the file at a path: a directory above it belongs to another user, or is writable by others
 * without the sticky bit (then any user may rename its entries); or a symbolic link on the path belongs to another user.
 * @returns one line with a remedy; undefined if only root and this user control the path
 */
export function placeFault(path: string): string | undefined {
  const full = resolve(path);
  const itself = statOf(full);
  if (itself?.isSymbolicLink() === true && !isTrusted(itself.uid))
    return `${full} is not safe: it is a link of another user (${userNamed(itself.uid)}): choose another place`;
  return faultAbove(full, full) ?? faultAbove(real(dirname(full)), full, true);
}

/** The stat of the file itself, without following a link; undefined if it does not exist or cannot be reached. */
function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

/** Returns the first fault among the directories above a path. @param itself whether `from` is one of them */
function faultAbove(from: string, path: string, itself = false): string | undefined {
  for (let at = itself ? from : dirname(from); ; at = dirname(at)) {
    const found = statOf(at);
    const fault = found && faultOf(found);
    if (fault !== undefined) return `${path} is not safe: ${at} ${fault}: choose another place`;
    if (at === dirname(at)) return undefined;
  }
}

function faultOf(found: Stats): string | undefined {
  if (!isTrusted(found.uid)) return `belongs to another user (${userNamed(found.uid)})`;
  if (found.isSymbolicLink()) return undefined; // its permission bits have no effect
  const others = (found.mode & 0o002) !== 0 || ((found.mode & 0o020) !== 0 && !isOwnGroup(found.gid));
  return others && (found.mode & 0o1000) === 0 ? `may be written by other users (mode ${(found.mode & 0o7777).toString(8)})` : undefined;
}

const isOwnGroup = (gid: number): boolean => gid === 0 || gid === process.getegid?.() || process.getgroups?.().includes(gid) === true;

/** Root, this user, and, in a user namespace, the owner of files whose owner is not mapped: usually root outside. user_namespaces(7) */
const isTrusted = (uid: number): boolean => uid === 0 || uid === process.geteuid?.() || (uid === unmapped && !mapsAll());

/** Default of /proc/sys/kernel/overflowuid. */
const unmapped = 65534;

/** Whether this process's user namespace maps every user id, as the initial namespace does. */
function mapsAll(): boolean {
  try {
    return /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'latin1'));
  } catch {
    return true; // not Linux
  }
}

/** The path without symbolic links, as far as it exists. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path === dirname(path) ? path : real(dirname(path));
  }
}

/** Returns the name and id of a user; only the id if /etc/passwd does not have it. */
export function userNamed(uid: number): string {
  try {
    const line = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((one) => one.split(':')[2] === `${uid}`);
    return line === undefined ? `${uid}` : `${line.split(':', 1)[0]}, ${uid}`;
  } catch {
    return `${uid}`;
  }
}

/**
 * Checks whether the listener of a connected socket is trusted: it belongs to root, to this user, or to the owner of the socket's
 * directory, if only root or that owner controls all directories above it. SO_PEERCRED, unix(7).
 * @param fd a connected AF_UNIX socket
 * @param path the path of the listener
 * @returns one line; undefined if the listener is trusted
 */
export function listenerFault(fd: number, path: string): string | undefined {
  const peer = peerCredentials(fd);
  if (typeof peer === 'number') return `${path}: the owner of the listener is unknown (${errnoName(-peer)})`;
  if (isTrusted(peer.userId) || ownsPlace(peer.userId, dirname(resolve(path)))) return undefined;
  return `${path} belongs to another user (${userNamed(peer.userId)}): the listener is not your ring3`;
}

/** Whether a directory belongs to a user, and only root and that user control the directories above it. */
function ownsPlace(uid: number, directory: string): boolean {
  const found = statOf(directory);
  if (found?.isDirectory() !== true || found.uid !== uid || (found.mode & 0o022) !== 0) return false;
  for (let at = dirname(directory); ; at = dirname(at)) {
    const parent = statOf(at);
    if (parent?.isDirectory() !== true || (parent.uid !== 0 && parent.uid !== uid) || (parent.mode & 0o022) !== 0) return false;
    if (at === dirname(at)) return true;
  }
}
