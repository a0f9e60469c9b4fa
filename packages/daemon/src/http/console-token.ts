import { chmodSync, existsSync, lstatSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '@ring3/kit';
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

/** Reads a token from the only line of a file. @throws Error in one line that does not show it */
export function readToken(path: string): string {
  const token = readText(path).trim();
  if (!tokenPattern.test(token)) throw new Error(`${path} does not contain a token: one line of 16 to 256 letters, digits and - . _ ~ + /`);
  return token;
}
