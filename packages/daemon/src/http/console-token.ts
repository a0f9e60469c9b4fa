import { chmodSync, existsSync, lstatSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '@ring3/kit';

/** What a token may be: `b64token` of RFC 6750 2.1, long enough that nobody guesses it. */
const tokenPattern = /^[A-Za-z0-9._~+/-]{16,256}=*$/;

/** Where the token lies that was made. */
export const tokenPath = (stateDir: string): string => join(stateDir, 'console-token');

/**
 * The token of a state directory: made once and kept in a file of mode 0600.
 * @throws Error in one line, where the file holds no token or is somebody else's
 */
export function consoleToken(stateDir: string, random: Random): string {
  const path = tokenPath(stateDir);
  if (!existsSync(path)) {
    // whole or not at all, whenever the process ends
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
    throw new Error(`${path} is not this user's file: remove it, and a new token is made`);
  chmodSync(path, 0o600);
  return readToken(path);
}

/** The token that a file holds on its only line. @throws Error in one line that does not show it */
export function readToken(path: string): string {
  const token = readFileSync(path, 'utf8').trim();
  if (!tokenPattern.test(token)) throw new Error(`${path} holds no token: 16 to 256 letters, digits and signs of - . _ ~ + / are one`);
  return token;
}
