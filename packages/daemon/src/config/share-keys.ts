import { choice, flag, integer, list, path, permissions, text, type ValuesOf } from './keys.ts';

/** Valid names of shares: MS-FSCC 2.1.6, without characters that a UNC path cannot contain. */
export const shareName = /^(?!(?:ipc\$)$)[^"/\\[\]:;|=,+*?<>\p{Cc}]{1,80}$/iu;
/** What `shareName` allows, for people. */
export const shareNames = '1 to 80 characters, none of "/\\[]:;|=,+*?<>, not IPC$';

/** Valid names of users: MS-SAMR 3.1.1.6, up to the maximum length of a logon. */
export const userName = /^[^"/\\[\]:;|=,+*?<>\p{Cc}]{1,104}$/u;

/**
 * `[share.NAME]`: a shared directory, or a store that exists until the daemon ends. `ring3 share add` has an option of the same name for
 * each key.
 */
export const shareKeys = {
  path: path('the directory'),
  store: choice('a store in place of a directory; memory: empty at each start, lost at the end', ['memory']),
  comment: text('shown in lists of shares', /^\P{C}{0,256}$/u, 'up to 256 characters'),
  'read-only': flag('clients cannot change anything'),
  guest: flag('guests may use it'),
  hidden: flag('not shown in lists of shares'),
  encryption: choice('required: reject unencrypted access to this share', ['off', 'required']),
  'compress-data': flag('clients are asked to compress what they read and write here, if the server compresses'),
  users: list('users who may use it (default: every user)'),
  'invalid-users': list('users who may not use it, even if another list names them'),
  readers: list('users who may only read'),
  writers: list('users who may write although the share is read-only'),
  admins: list(
    'administrators: may set system ACLs, take ownership, and open files for backup and restore regardless of the security descriptor',
  ),
  'force-user': text(
    'user that all clients act as: the identity in access checks, and the owner of new files',
    userName,
    'the name of a user',
  ),
  'hide-dot-files': flag('names that begin with a dot are shown as hidden'),
  hide: list('names, with * and ?, that are shown as hidden', /^[^/\0]+$/, 'a list of names, without slashes'),
  'access-based-enumeration': flag('listings leave out the entries that the user may not read', false),
  snapshots: path(
    'directory of snapshots that clients can list and read: each is a copy of the shared directory, named by its time in UTC, such as @GMT-2026.11.30-08.00.00',
  ),
  'short-names': flag('entries also have a generated short (8.3) name, for old programs', false),
  'change-notify': flag('clients are notified of changes', true),
  veto: list('names, with * and ?, that clients cannot see, open or create', /^[^/\0]+$/, 'a list of names, without slashes'),
  audit: flag('access to its files is written to the audit file'),
  oplocks: flag('clients may cache files of this share', true),
  'directory-leases': flag('clients may cache listings of the directories of this share', true),
  'posix-locks': flag('byte-range locks of clients and fcntl locks of programs on this host exclude each other', true),
  'continuous-availability': flag('persistent handles: open files, locks and leases of clients survive a restart of the daemon'),
  streams: flag('named streams are supported', true),
  'max-connections': integer('maximum number of tree connects at a time', 1, 1_000_000),
  'file-mode': permissions("permission bits of new files (default: 666 less the process's umask)"),
  'folder-mode': permissions("permission bits of new directories (default: 777 less the process's umask)"),
} as const;

/** A share as it is defined in a configuration or in the state directory. */
export type ShareConfiguration = ValuesOf<typeof shareKeys> & {
  readonly name: string;
  /** Where it is defined, for messages: `FILE:LINE`, or the state directory. */
  readonly at: string;
};
