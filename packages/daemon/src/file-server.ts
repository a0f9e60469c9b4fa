import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Clock, Log, Random } from '@ring3/kit';
import { createSmbServer, type ShareOptions, type SmbServer, type SmbServerOptions } from '@ring3/smb-server';
import { readOnly } from '@ring3/vfs';
import { createNodeStore, type NodeStoreOptions } from '@ring3/vfs-node';
import type { StateStore } from './state-store.ts';
import { StoredUsers } from './stored-users.ts';

/** A folder of the host that is shared. What is left out is the file server's default. */
export interface FolderShare extends Omit<ShareOptions, 'vfs'>, Pick<NodeStoreOptions, 'fileMode' | 'folderMode'> {
  readonly name: string;
  /** Absolute path. */
  readonly path: string;
}

/** The file server as a whole. */
export interface FileServerOptions
  extends Pick<SmbServerOptions, 'name' | 'signing' | 'encryption' | 'guest' | 'anonymous' | 'dialects' | 'limits'> {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

/** A user with the password in the clear: it is hashed at once and not kept. */
export interface Credentials {
  readonly name: string;
  readonly password: string;
}

/** A user known by the NT hash, 16 bytes. */
export interface HashedUser {
  readonly name: string;
  readonly ntHash: Uint8Array;
}

/** Who may log on beside the users of the state directory. */
export interface ExtraUsers {
  /** Of this run: name → password, or what is known of it. */
  readonly users?: ReadonlyMap<string, string | { readonly ntHash: Uint8Array }>;
  /** Makes a user for this run where there would be none. */
  readonly makeUser?: () => Credentials;
}

/** What a file server of the daemon is given. */
export interface FileServerParts {
  readonly stateDir: string;
  readonly store: StateStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** A file server that runs. */
export interface FileServer {
  readonly server: SmbServer;
  /** The user that was made because there was none. */
  readonly madeUser: Credentials | undefined;
  close(): Promise<void>;
}

/** Opens the folders and starts to listen. @throws Error in one line, for what cannot be shared or listened on */
export async function startFileServer(
  options: FileServerOptions,
  shares: readonly FolderShare[],
  extra: ExtraUsers,
  parts: FileServerParts,
): Promise<FileServer> {
  const { clock, random, log } = parts;
  const opened = shares.map((share) => openFolder(share, parts.stateDir));
  const closeFolders = async (): Promise<void> => {
    for (const { vfs } of opened) await vfs.close?.();
  };
  try {
    const { users, madeUser } = whoMayLogOn(parts, extra, options.guest === true);
    const server = await createSmbServer({
      anonymous: options.guest === true, // the Linux client's `guest` gives no name at all
      ...options,
      shares: Object.fromEntries(shares.map(({ name }, i) => [name, opened[i] as ShareOptions])),
      users,
      guid: parts.store.identity('serverGuid', 16, random),
      clock,
      random,
      log: log.child({ part: 'smb' }),
    });
    const close = async (): Promise<void> => {
      await server.close();
      await closeFolders();
    };
    return { server, madeUser, close };
  } catch (error) {
    await closeFolders();
    throw error;
  }
}

function openFolder({ name: _name, path, fileMode, folderMode, ...how }: FolderShare, stateDir: string): ShareOptions {
  refuseStateInside(stateDir, path);
  // what the host cannot keep beside a file, for each shared folder
  const state = join(stateDir, 'folders', createHash('sha256').update(path).digest('hex').slice(0, 16));
  const store = createNodeStore(path, {
    state,
    ...(fileMode === undefined ? {} : { fileMode }),
    ...(folderMode === undefined ? {} : { folderMode }),
  });
  return { ...how, vfs: how.readOnly === true ? readOnly(store) : store };
}

function whoMayLogOn(
  { store, random }: FileServerParts,
  extra: ExtraUsers,
  guest: boolean,
): { users: StoredUsers; madeUser: Credentials | undefined } {
  const subAuthorities = new Uint32Array(store.identity('machineSid', 12, random).slice().buffer);
  const users = new StoredUsers(`S-1-5-21-${subAuthorities.join('-')}`, store);
  for (const [name, how] of extra.users ?? []) users.addForThisRun(name, how);
  const nobody = (extra.users?.size ?? 0) === 0 && store.users().length === 0;
  const madeUser = nobody && !guest ? extra.makeUser?.() : undefined;
  if (madeUser !== undefined) users.addForThisRun(madeUser.name, madeUser.password);
  return { users, madeUser };
}

/** @throws Error where clients of a share would see the state, the users' hashes among it */
function refuseStateInside(stateDir: string, shared: string): void {
  const way = relative(realpathSync(shared), realpathSync(stateDir));
  if (way.startsWith('..')) return;
  throw new Error(
    `the state directory ${stateDir} lies inside the shared folder ${shared}, where clients would see it: give another with --state-dir`,
  );
}
