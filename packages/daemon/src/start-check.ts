import { lookup } from 'node:dns/promises';
import { accessSync, constants, existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, resolve } from 'node:path';
import { isPrivileged, listenFault, lowPortAdvice } from './listen-fault.ts';
import { privateFolder } from './private-folder.ts';
import { logsOn, type Settings } from './settings.ts';
import type { StateStore } from './state-store.ts';
import { emptyPasswordWarning } from './stored-users.ts';

/**
 * Returns why a server cannot listen on a host: the name is not known, or the address is not one of this machine. Any free port is tried,
 * so a running server does not conflict.
 * @param find resolves a name
 * @returns one line, undefined if it can
 */
export async function hostFault(host: string, find: (name: string) => Promise<unknown> = lookup): Promise<string | undefined> {
  try {
    await find(host);
  } catch (error) {
    return listenFault(host, 0, (error as NodeJS.ErrnoException).code ?? 'ENOTFOUND');
  }
  const code = await new Promise<string | undefined>((done) => {
    const server = createServer().once('error', ({ code, message }: NodeJS.ErrnoException) => done(code ?? message));
    server.listen({ host, port: 0 }, () => server.close(() => done(undefined)));
  });
  return code === undefined ? undefined : listenFault(host, 0, code);
}

/** Returns why this user cannot use or create the state directory; undefined if it can. Creates nothing. */
export function stateDirFault(stateDir: string): string | undefined {
  try {
    if (existsSync(stateDir)) privateFolder(stateDir);
    else accessSync(nearestAbove(resolve(stateDir)), constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === undefined ? message : `${stateDir} cannot be made by this user (${code}): choose another state directory`;
  }
}

const nearestAbove = (path: string): string => (existsSync(path) ? path : nearestAbove(dirname(path)));

/** Warnings about effects of a start that a user may not expect, one line each. @param state the state directory's store, if it exists */
export function startWarnings({ shares = [], smb, users }: Settings, state: Pick<StateStore, 'users'> | undefined): string[] {
  if (shares.length === 0)
    return ['nothing is shared: write [share.NAME] with path = "/a/directory", or add a share with "ring3 share add NAME DIR"'];
  const guest = smb?.guest === true;
  const warnings: string[] = [];
  for (const share of shares)
    if (share.guest === true && !guest)
      warnings.push(`share ${share.name} is open to guests, but the server accepts no guests: write guest = true in [server]`);
  if (guest && !shares.some((share) => share.guest === true))
    warnings.push('the server accepts guests, but no share is open to them: write guest = true in a [share.NAME]');
  const known = [...(users?.values() ?? [])].some(logsOn) || (state?.users().length ?? 0) > 0;
  if (!known && !guest)
    warnings.push(
      'no user can log on: "ring3 user add NAME" adds one; otherwise the start creates the user ring3 and prints its password once',
    );
  const empty = emptyPasswordWarning(state?.users() ?? []);
  if (empty !== undefined) warnings.push(empty);
  if (smb !== undefined && isPrivileged(smb.port) && process.getuid?.() !== 0)
    warnings.push(`this user may not listen on port ${smb.port}: ${lowPortAdvice(smb.port)}`);
  return warnings;
}
