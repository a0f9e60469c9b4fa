import { lstatSync, readFileSync, realpathSync, type Stats } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { errnoName } from './errno.ts';
import { peerCredentials } from './socket/unix.ts';

/**
 * Says why another user could put something else in the place of a path: a directory above it belongs to another user, or others may write in it and it
 * has no sticky bit (then anybody may rename what is in it); or a symbolic link on the path belongs to another user.
 * @returns one line with the way out, undefined if only root and this user decide what is at the path
 */
export function placeFault(path: string): string | undefined {
  const full = resolve(path);
  const itself = statOf(full);
  if (itself?.isSymbolicLink() === true && !isTrusted(itself.uid))
    return `${full} is not safe: it is a link of another user (${userNamed(itself.uid)}): choose another place`;
  return faultAbove(full, full) ?? faultAbove(real(dirname(full)), full, true);
}

/** The file itself, not what a link leads to; undefined if it does not exist or cannot be reached. */
function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

/** The first fault among the directories above a path. @param itself whether `from` is one of them */
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
  if (found.isSymbolicLink()) return undefined; // its permission bits mean nothing
  const others = (found.mode & 0o002) !== 0 || ((found.mode & 0o020) !== 0 && !isOwnGroup(found.gid));
  return others && (found.mode & 0o1000) === 0 ? `may be written by other users (mode ${(found.mode & 0o7777).toString(8)})` : undefined;
}

const isOwnGroup = (gid: number): boolean => gid === 0 || gid === process.getegid?.() || process.getgroups?.().includes(gid) === true;

/** Root, this user, and inside of a user namespace whoever owns what belongs to nobody in it: root outside, as a rule. user_namespaces(7) */
const isTrusted = (uid: number): boolean => uid === 0 || uid === process.geteuid?.() || (uid === unmapped && !mapsAll());

/** Default of /proc/sys/kernel/overflowuid. */
const unmapped = 65534;

/** Whether this process's user namespace has every user id, as the first one has. */
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

/** The name of a user, with the id; only the id if /etc/passwd does not have it. */
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
 * Says why the program that listens on a connected socket is not to be believed: it belongs neither to this user nor to root, nor to the user whose
 * directory the socket is in. Such a directory counts only if no other user could have made it: root or its owner decide about everything above it.
 * SO_PEERCRED, unix(7).
 * @param fd a connected AF_UNIX socket
 * @param path where it was connected to
 * @returns one line, undefined if the listener can be believed
 */
export function listenerFault(fd: number, path: string): string | undefined {
  const peer = peerCredentials(fd);
  if (typeof peer === 'number') return `${path}: the owner of the listener is unknown (${errnoName(-peer)})`;
  if (isTrusted(peer.userId) || ownsPlace(peer.userId, dirname(resolve(path)))) return undefined;
  return `${path} belongs to another user (${userNamed(peer.userId)}): what answers there is not your ring3`;
}

/** Whether a directory is a user's own, and only root and that user decide what is above it. */
function ownsPlace(uid: number, directory: string): boolean {
  const found = statOf(directory);
  if (found?.isDirectory() !== true || found.uid !== uid || (found.mode & 0o022) !== 0) return false;
  for (let at = dirname(directory); ; at = dirname(at)) {
    const above = statOf(at);
    if (above?.isDirectory() !== true || (above.uid !== 0 && above.uid !== uid) || (above.mode & 0o022) !== 0) return false;
    if (at === dirname(at)) return true;
  }
}
