import { choice, flag, integer, list, path, permissions, text, type ValuesOf } from './keys.ts';

/** Names that a share may have: MS-FSCC 2.1.6, and what cannot stand in a UNC path. */
export const shareName = /^(?!(?:ipc\$)$)[^"/\\[\]:;|=,+*?<>\p{Cc}]{1,80}$/iu;
/** What `shareName` allows, for people. */
export const shareNames = '1 to 80 characters, none of "/\\[]:;|=,+*?<>, not IPC$';

/** Names that a user may have: MS-SAMR 3.1.1.6, and no longer than a log-on may tell. */
export const userName = /^[^"/\\[\]:;|=,+*?<>\p{Cc}]{1,104}$/u;

/** `[share.NAME]`: a shared folder, or a store that lives as long as the daemon. `ring3 share add` has an option of the same name for each of these. */
export const shareKeys = {
  path: path('the directory'),
  store: choice('a store in place of a directory; memory: empty at each start, lost at the end', ['memory']),
  comment: text('shown in lists of shares', /^\P{C}{0,256}$/u, 'up to 256 characters'),
  'read-only': flag('clients can change nothing'),
  guest: flag('guests may use it'),
  hidden: flag('not shown in lists of shares'),
  encryption: choice('required: reject unencrypted access to this share', ['off', 'required']),
  users: list('users who may use it (default: every user)'),
  'invalid-users': list('users who may not use it; this list decides'),
  readers: list('users who may only read'),
  writers: list('users who may write although the share is read-only'),
  admins: list(
    'users who administer it: they set system ACLs, take ownership, and open files against their descriptors to back up and restore',
  ),
  'force-user': text(
    'user of the server that all clients act as: their identity, and the owner of new files',
    userName,
    'the name of a user',
  ),
  'hide-dot-files': flag('names that begin with a dot are shown as hidden'),
  veto: list('names, with * and ?, that clients cannot see, open or create', /^[^/\0]+$/, 'a list of names, without slashes'),
  audit: flag('access to its files is written to the audit file'),
  oplocks: flag('clients may cache files of this share', true),
  'posix-locks': flag('byte-range locks of clients hold for programs of this host that lock with fcntl, and theirs for clients', true),
  streams: flag('files have named streams', true),
  'max-connections': integer('maximum number of tree connects at a time', 1, 1_000_000),
  'file-mode': permissions("permission bits of new files (default: 666 less the process's umask)"),
  'folder-mode': permissions("permission bits of new directories (default: 777 less the process's umask)"),
} as const;

/** A share as a configuration, or the state directory, tells of it. */
export type ShareConfiguration = ValuesOf<typeof shareKeys> & {
  readonly name: string;
  /** Where it is told of, for messages: `FILE:LINE`, or the state directory. */
  readonly at: string;
};
