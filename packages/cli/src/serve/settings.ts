import { basename, resolve } from 'node:path';
import type { Credentials, KnownUser, Settings, StateStore } from '@ring3/daemon';
import type { ShareConfiguration } from '@ring3/daemon/config';
import { folderFault } from '@ring3/daemon/places';
import { shareName, shareNames } from '@ring3/daemon/share-keys';
import { nextTurn } from '@ring3/kit';
import { makePassword } from '../password.ts';
import { UsageError } from '../usage.ts';
import { type Configured, configurationOf } from './configured.ts';
import { addressOf, given, nameIn, type ServeOptions } from './options.ts';

/**
 * The settings of the daemon: the configuration file, which each call after the first reads again, with priority for the options of the
 * command line.
 */
export function settingsOf(
  dir: string | undefined,
  options: ServeOptions,
  users: readonly (readonly [string, string])[],
  first: Configured,
): (state: StateStore | undefined) => Promise<Settings> {
  let read: Configured | undefined = first;
  return async (state) => {
    const configured = read ?? (await configurationOf(options));
    read = undefined;
    await nextTurn(); // a large file takes long: clients have a turn before its shares are checked
    const { shares, warnings } = await sharesWith(dir, options, configured, state);
    return {
      shares,
      smb: {
        signing: 'required',
        encryption: 'off',
        ...configured.server,
        ...addressOf(options, configured),
        ...given({
          signing: options.signing,
          encryption: options.encryption,
          guest: options.guest,
        }),
      },
      users: new Map<string, KnownUser>([...configured.users, ...users]),
      makeUser: tellUser,
      warnings,
      audit: given(configured.audit),
      timeouts: configured.timeouts,
      sysctls: configured.sysctls,
      rules: configured.rules,
      atRestart: { daemon: configured.daemon, console: configured.console },
    };
  };
}

/** Prints the user that is created because there is none, at the start or with the first share. */
function tellUser(): Credentials {
  const made = { name: 'ring3', password: makePassword() };
  console.log(`user ${made.name} password ${made.password}`);
  return made;
}

/** The shares of the configuration, the state directory and the command line, with warnings. */
async function sharesWith(
  dir: string | undefined,
  options: ServeOptions,
  configured: Configured,
  state: StateStore | undefined,
): Promise<{ readonly shares: NonNullable<Settings['shares']>; readonly warnings: readonly string[] }> {
  const { absentShares, nestedShares, sharesOf, unknownUsers, userKey, withStored } = await import('@ring3/daemon/config');
  const own = ownShares(dir, options);
  const others = configured.shares.filter(({ name }) => !own.some((share) => share.name.toUpperCase() === name.toUpperCase()));
  const { shares, warnings } = withStored([...others, ...own], state?.shares() ?? [], state?.folder ?? '');
  const named = new Set([...configured.users.map(([name]) => name), ...(options.user ?? []).map(nameIn)].map(userKey));
  const knows = (name: string): boolean => named.has(userKey(name)) || state?.user(name) !== undefined;
  const found = [...configured.warnings, ...warnings];
  for (const warn of [absentShares, nestedShares, (all: typeof shares) => unknownUsers(all, knows)]) {
    await nextTurn();
    found.push(...warn(shares));
  }
  return { shares: sharesOf(shares), warnings: found };
}

/** The share that the command line names: a directory, a memory store, or none. @throws UsageError, Error in one line */
function ownShares(dir: string | undefined, options: ServeOptions): ShareConfiguration[] {
  if (options.memory === true && dir !== undefined) throw new UsageError('--memory shares a memory store: leave out the directory');
  if (options.memory === true) return [shareOf(options.share ?? 'memory', { store: 'memory' }, options)];
  if (dir === undefined) return [];
  const path = resolve(dir);
  const fault = folderFault(path);
  if (fault !== undefined) throw new Error(fault);
  return [shareOf(options.share ?? basename(path), { path }, options)];
}

/** @throws UsageError */
function shareOf(name: string, place: Pick<ShareConfiguration, 'path' | 'store'>, options: ServeOptions): ShareConfiguration {
  if (!shareName.test(name)) throw new UsageError(`invalid share name "${name}": ${shareNames} (choose one with --share)`);
  return { name, ...place, 'read-only': options.readOnly === true, guest: options.guest === true, at: 'the command line' };
}
