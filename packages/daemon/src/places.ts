import { accessSync, constants, existsSync, lstatSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** Where state lives: `$XDG_STATE_HOME/ring3`, or `~/.local/state/ring3`. */
export const defaultStateDir = (env: NodeJS.ProcessEnv = process.env): string =>
  join(absolute(env['XDG_STATE_HOME']) ?? join(homedir(), '.local', 'state'), 'ring3');

/**
 * Where the sockets lie: `$XDG_RUNTIME_DIR/ring3`, or a temporary folder of the user's own.
 * The specification says that a relative path in either variable counts as not set (XDG Base Directory Specification).
 */
export function defaultRuntimeDir(env: NodeJS.ProcessEnv = process.env): string {
  const runtime = absolute(env['XDG_RUNTIME_DIR']);
  return runtime === undefined ? join(tmpdir(), `ring3-${userInfo().uid}`) : join(runtime, 'ring3');
}

const absolute = (path: string | undefined): string | undefined => (path?.startsWith('/') ? path : undefined);

/** An absolute path without links in it, where it leads somewhere: two ways to one place are the same text. Who opens what is not there says so. */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

/** Why a folder cannot be shared by this user, in one line; undefined where it can. */
export function folderFault(path: string): string | undefined {
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return `there is no folder ${path}`;
    accessSync(path, constants.R_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return `${path} may not be read by this user (${(error as NodeJS.ErrnoException).code})`;
  }
}

/**
 * Makes a folder for this user alone where it is missing, and those above it. `mkdir` of Node.js with `recursive` never returns where a folder cannot be made
 * although the one above is there and the system says ENOENT, as below /proc.
 * @returns whether it was missing
 * @throws the system's error
 */
export function makeFolder(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return false;
    if (code !== 'ENOENT' || existsSync(dirname(path))) throw error;
    makeFolder(dirname(path));
    return makeFolder(path);
  }
}

/**
 * Makes a folder that only this user enters, or checks that the one that is there is such.
 * @throws Error in one line, when it belongs to somebody else or others may enter
 */
export function privateFolder(path: string): string {
  try {
    makeFolder(path);
  } catch (error) {
    throw new Error(`${path} cannot be made (${(error as NodeJS.ErrnoException).code}): give another place`);
  }
  const found = lstatSync(path);
  const uid = process.getuid?.();
  if (!found.isDirectory()) throw new Error(`${path} is not a folder`);
  if (uid !== undefined && found.uid !== uid) throw new Error(`${path} belongs to another user (${found.uid}): run this as that one`);
  if ((found.mode & 0o077) !== 0) throw new Error(`${path} is open to others (mode ${(found.mode & 0o777).toString(8)}): chmod 700 it`);
  return path;
}
