import { lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { placeFault, userNamed } from '@ring3/linux';
import { defaultRuntimeDir, makeFolder } from './places.ts';

/**
 * Creates a directory that only this user can enter, or checks the existing one: owner, type and mode 0700, and no directory above it in
 * which another user could put something else in its place.
 * @throws Error in one line
 */
export function privateFolder(path: string): string {
  const fault = placeFault(path);
  if (fault !== undefined) throw new Error(fault);
  try {
    makeFolder(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new Error(`${path} is not a directory: choose another place`);
    throw new Error(`cannot make the directory ${path} (${code}): choose another place`);
  }
  const found = lstatSync(path);
  const uid = process.getuid?.();
  if (!found.isDirectory()) throw new Error(`${path} is not a directory`);
  if (uid !== undefined && found.uid !== uid)
    throw new Error(`${path} belongs to another user (${userNamed(found.uid)}): run this as that user, or choose another place`);
  if ((found.mode & 0o077) !== 0)
    throw new Error(`${path} is open to other users (mode ${(found.mode & 0o777).toString(8)}): chmod 700 ${path}`);
  return path;
}

/**
 * Creates the directory of a socket if it is missing, for this user only. An existing one has to be private if it is the default one, which
 * any user can create first; else it must not let another user replace the socket.
 * @throws Error in one line
 */
export function socketFolder(path: string): void {
  const folder = dirname(path);
  if (folder === defaultRuntimeDir() || lstatSync(folder, { throwIfNoEntry: false }) === undefined) privateFolder(folder);
  const fault = placeFault(path);
  if (fault !== undefined) throw new Error(fault);
}
