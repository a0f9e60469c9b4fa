import { chmodSync, existsSync, lstatSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '@ring3/kit';
import { placeFault, userNamed } from '@ring3/linux';
import { readText } from '../config/read-text.ts';

/** A valid token: `b64token` of RFC 6750 2.1, long enough that it cannot be guessed. */
const tokenPattern = /^[A-Za-z0-9._~+/-]{16,256}=*$/;

/** Path of the generated token. */
export const tokenPath = (stateDir: string): string => join(stateDir, 'console-token');

/**
 * The token of a state directory: generated once and kept in a file of mode 0600.
 * @throws Error in one line if the file does not contain a token or belongs to another user
 */
export function consoleToken(stateDir: string, random: Random): string {
  const path = tokenPath(stateDir);
  if (!existsSync(path)) {
    // complete or absent, whenever the process ends
    const fresh = `${path}.new`;
    rmSync(fresh, { force: true });
    writeFileSync(fresh, `${Buffer.from(random.fill(new Uint8Array(32))).toString('base64url')}\n`, {
      mode: 0o600,
      flag: 'wx',
      flush: true,
    });
    renameSync(fresh, path);
  }
  const file = lstatSync(path);
  if (!file.isFile() || file.uid !== process.getuid?.())
    throw new Error(`${path} belongs to another user: remove it, and the next start generates a new token`);
  chmodSync(path, 0o600);
  return readToken(path);
}

/** Reads a token from the only line of a file. @throws Error in one line that does not show it, also if other users may write the file */
export function readToken(path: string): string {
  const fault = placeFault(path) ?? fileFault(path);
  if (fault !== undefined) throw new Error(fault);
  const token = readText(path).trim();
  if (!tokenPattern.test(token)) throw new Error(`${path} does not contain a token: one line of 16 to 256 letters, digits and - . _ ~ + /`);
  return token;
}

/** Returns why another user may have written a file; undefined if it does not exist, or is not a regular file (a pipe of the shell). */
function fileFault(path: string): string | undefined {
  const file = statSync(path, { throwIfNoEntry: false });
  if (file?.isFile() !== true) return undefined;
  if (file.uid !== 0 && file.uid !== process.geteuid?.()) return `${path} belongs to another user (${userNamed(file.uid)}): chown it`;
  return (file.mode & 0o002) === 0 ? undefined : `${path} may be written by other users: chmod o-w ${path}`;
}
