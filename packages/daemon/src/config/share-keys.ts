import { choice, flag, integer, list, path, permissions, text, type ValuesOf } from './keys.ts';

/** Names that a share may have: MS-FSCC 2.1.6, and what cannot stand in a UNC path. */
export const shareName = /^(?!(?:ipc\$)$)[^"/\\[\]:;|=,+*?<>\p{Cc}]{1,80}$/iu;
/** What `shareName` allows, for people. */
export const shareNames = '1 to 80 characters, none of "/\\[]:;|=,+*?<>, not IPC$';

/** Names that a user may have: MS-SAMR 3.1.1.6, and no longer than a log-on may tell. */
export const userName = /^[^"/\\[\]:;|=,+*?<>\p{Cc}]{1,104}$/u;

/** `[share.NAME]`: a shared folder, or a store that lives as long as the daemon. `ring3 share add` has an option of the same name for each of these. */
export const shareKeys = {
  path: path('the folder'),
  store: choice('what is shared instead of a folder: memory is empty at each start, and gone at its end', ['memory']),
  comment: text('shown in lists of shares', /^\P{C}{0,256}$/u, 'up to 256 characters'),
  'read-only': flag('nothing can be changed'),
  guest: flag('guests may use it'),
  hidden: flag('left out of lists of shares'),
  encryption: choice('refuse unencrypted access to this share', ['off', 'required']),
  users: list('who may use it; everybody who logged on where missing'),
  'invalid-users': list('who may not use it, whatever else says so'),
  readers: list('who may only read'),
  writers: list('who may write although the share is read-only'),
  admins: list('who administers it: sets system ACLs, takes ownership, and opens files against their descriptors to back up and restore'),
  'force-user': text('everybody acts as this user of the server: identity and owner of what is made', userName, 'the name of a user'),
  'hide-dot-files': flag('names that begin with a dot are shown as hidden'),
  veto: list('names, with * and ?, that are neither shown nor opened nor made', /^[^/\0]+$/, 'a list of names, without slashes'),
  audit: flag('who did what to its files is written to the audit file'),
  oplocks: flag('clients may cache files of this share', true),
  streams: flag('files have named streams', true),
  'max-connections': integer('how many times it may be connected to at once', 1, 1_000_000),
  'file-mode': permissions("permission bits of new files; 666 less the process's umask unless said"),
  'folder-mode': permissions("permission bits of new folders; 777 less the process's umask unless said"),
} as const;

/** A share as a configuration, or the state directory, tells of it. */
export type ShareConfiguration = ValuesOf<typeof shareKeys> & {
  readonly name: string;
  /** Where it is told of, for messages: `FILE:LINE`, or the state directory. */
  readonly at: string;
};
