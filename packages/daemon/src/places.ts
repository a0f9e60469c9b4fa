import { accessSync, constants, existsSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { locate } from '@ring3/linux';

/** Runtime directory of the system service: `RuntimeDirectory=ring3` of deploy/ring3.service. */
export const serviceRuntimeDir = '/run/ring3';

/**
 * Default state directory: `$RING3_STATE_DIR`, else `$XDG_STATE_HOME/ring3`, else `~/.local/state/ring3`. XDG Base Directory Specification:
 * a relative path in an XDG variable counts as not set.
 */
export const defaultStateDir = (env: NodeJS.ProcessEnv = process.env): string =>
  env['RING3_STATE_DIR'] || join(absolute(env['XDG_STATE_HOME']) ?? join(homedir(), '.local', 'state'), 'ring3');

/**
 * Default directory of the sockets: `$XDG_RUNTIME_DIR/ring3`, else a temporary directory named after the user's id, which any user can make
 * first. XDG Base Directory Specification: the directory exists while the user is logged on and belongs to the user. A path that is not such
 * a directory (`su` leaves another user's in the variable) counts as not set; it is never created.
 */
export function defaultRuntimeDir(env: NodeJS.ProcessEnv = process.env): string {
  const runtime = absolute(env['XDG_RUNTIME_DIR']);
  return runtime !== undefined && isOwn(runtime) ? join(runtime, 'ring3') : join(tmpdir(), `ring3-${userId()}`);
}

/** Why XDG_RUNTIME_DIR is not used, in one line; undefined if it is used or not set. */
export function runtimeDirWarning(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const given = env['XDG_RUNTIME_DIR'];
  const used = defaultRuntimeDir(env);
  if (given === undefined || given === '' || used === join(given, 'ring3')) return undefined;
  return `XDG_RUNTIME_DIR=${given} is not a directory of this user: the sockets are in ${used} (clients need the same XDG_RUNTIME_DIR, or --control)`;
}

const userId = (): number => userInfo().uid;

/** Whether a path is a directory of this user. */
function isOwn(path: string): boolean {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found?.isDirectory() === true && found.uid === userId();
  } catch {
    return false;
  }
}

const absolute = (path: string | undefined): string | undefined => (path?.startsWith('/') ? path : undefined);

/**
 * An absolute path without symbolic links, if it exists, so that one directory has one text. On a file system that may not respond, links
 * are not resolved. If it does not exist, opening it reports that.
 */
export function realPath(path: string): string {
  const { real, responds } = locate(resolve(path));
  if (!responds) return real;
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

/** Whether a path does not exist now. A path on a file system that may not respond is not checked. */
export function isAbsent(path: string): boolean {
  if (!locate(resolve(path)).responds) return false;
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}

/**
 * Why this user cannot share a directory, in one line; undefined if it can. A directory on a file system that may not respond is not
 * checked: opening it reports is wrong.
 */
export function folderFault(path: string): string | undefined {
  if (!locate(resolve(path)).responds) return undefined;
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return `there is no directory ${path}`;
    if (!found.isDirectory()) return `${path} is a file, not a directory`;
    accessSync(path, constants.R_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return `${path} cannot be read by this user (${(error as NodeJS.ErrnoException).code})`;
  }
}

/**
 * Creates a directory for this user only if it is missing, and those above it. `mkdir` of Node.js with `recursive` never returns if a
 * directory cannot be created although its parent exists and the system reports ENOENT, as below /proc.
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
