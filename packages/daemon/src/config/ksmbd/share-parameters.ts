import { type ShareConfiguration, userName } from '../share-keys.ts';
import { flag, list, mask, type Note, number, type Parameters, passedOver, saysNo, saysYes, text } from './parameter.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The result of the section of a share. */
export interface ShareDraft {
  readonly share: Mutable<Partial<ShareConfiguration>>;
  /** Masks and bits for the modes of new files and directories. */
  readonly modes: Record<'createMask' | 'forceCreate' | 'directoryMask' | 'forceDirectory', number>;
  /** `read only`, and its three opposites in order of precedence. */
  readonly access: Partial<Record<'read only' | 'writable' | 'writeable' | 'write ok', boolean>>;
  /** The users of a group of this host, or undefined if the group does not exist. */
  readonly membersOf: (group: string) => readonly string[] | undefined;
  /** The user that ring3 runs as. */
  readonly user: string;
}

/** An empty draft. */
export const emptyShare = ({ membersOf, user }: Pick<ShareDraft, 'membersOf' | 'user'>): ShareDraft => ({
  share: {},
  modes: { createMask: 0o777, forceCreate: 0, directoryMask: 0o777, forceDirectory: 0 },
  access: {},
  membersOf,
  user,
});

const mode = (fallback: string, which: keyof ShareDraft['modes']) =>
  mask<ShareDraft>(fallback, ({ modes }, bits) => {
    modes[which] = bits;
  });

const access = (fallback: string, which: keyof ShareDraft['access']) =>
  flag<ShareDraft>(fallback, (draft, yes) => {
    draft.access[which] = yes;
  });

const users = (key: 'users' | 'invalid-users' | 'readers' | 'writers' | 'admins') =>
  list<ShareDraft>('', ({ share, membersOf }, names, note) => {
    share[key] = [...new Set(names.flatMap((name) => (name.startsWith('@') ? membersNamed(name.slice(1), membersOf, note) : [name])))];
  });

function membersNamed(group: string, membersOf: ShareDraft['membersOf'], note: Note): readonly string[] {
  const members = membersOf(group);
  if (members === undefined) note(`@${group}: there is no such group in /etc/group`);
  return members ?? [];
}

/**
 * The share parameters: those marked (S) in the manual of ksmbd-tools 3.4.7, those that later manuals added, and those that only
 * ksmbd.addshare(8) lists.
 */
export const shareParameters: Parameters<ShareDraft> = {
  'admin users': users('admins'),
  browseable: flag('yes', ({ share }, yes) => {
    share.hidden = !yes;
  }),
  comment: text('', ({ share }, value) => {
    share.comment = value;
  }),
  'create mask': mode('0744', 'createMask'),
  crossmnt: passedOver('yes', saysYes, 'file systems that are mounted below the directory are served'),
  'directory mask': mode('0755', 'directoryMask'),
  'follow symlinks': passedOver('no', saysNo, 'links to targets inside the share are followed, others never'),
  'force create mode': mode('0000', 'forceCreate'),
  'force directory mode': mode('0000', 'forceDirectory'),
  'force group': passedOver('', undefined, 'files are created as the user that ring3 runs as'),
  'force user': text('', ({ share, user }, name, note) => {
    if (!userName.test(name)) return note('is not honoured: it is not a valid user name');
    if (name !== user) note('is honoured for clients; on this host files are created as the user that ring3 runs as (--as)');
    share['force-user'] = name;
  }),
  'guest account': passedOver(
    '',
    /^nobody$/,
    'a client without a user name is a guest, and its files belong to the user that ring3 runs as',
  ),
  'guest ok': flag('no', ({ share }, yes) => {
    share.guest = yes;
  }),
  'hide dot files': flag('yes', ({ share }, yes) => {
    share['hide-dot-files'] = yes;
  }),
  'hosts allow': passedOver('', undefined, 'clients of every address may connect'),
  'hosts deny': passedOver('', undefined, 'clients of every address may connect'),
  'inherit owner': passedOver('no', saysNo, 'the owner of a file is the user that creates it'),
  'invalid users': users('invalid-users'),
  // Not marked (S) in the manual of 3.4.7: only in its example, and in later manuals
  'max connections': number('128', 0, Number.MAX_SAFE_INTEGER, ({ share }, value) => {
    share['max-connections'] = value === 0 ? 65_536 : Math.min(value, 65_536);
  }),
  oplocks: flag('yes', ({ share }, yes) => {
    share.oplocks = yes;
  }),
  path: text('', ({ share }, path) => {
    share.path = path;
  }),
  'read list': users('readers'),
  'read only': access('', 'read only'),
  'store dos attributes': passedOver('yes', saysYes, 'DOS attributes are always stored'),
  'valid users': users('users'),
  'veto files': text('', ({ share }, names) => {
    share.veto = names.split('/').filter((name) => name !== '');
  }),
  'vfs objects': list('', ({ share }, modules, note) => {
    share.streams = modules.includes('streams_xattr');
    for (const module of modules) if (!/^(acl|streams)_xattr$/.test(module)) note(`${module} is not honoured: there is no such module`);
  }),
  writable: access('', 'writable'),
  writeable: access('', 'writeable'),
  'write list': users('writers'),
  'write ok': access('', 'write ok'),
};

const readOnlyOf = ({ access }: ShareDraft): boolean => {
  const writable = access.writable ?? access.writeable ?? access['write ok'];
  return access['read only'] ?? (writable === undefined ? true : !writable);
};

/** Builds the share from a draft. */
export function shareOf({ share, modes, ...draft }: ShareDraft): Mutable<Partial<ShareConfiguration>> {
  return {
    streams: false, // streams_xattr is loaded only on request
    ...share,
    'read-only': readOnlyOf({ share, modes, ...draft }),
    'file-mode': (0o666 & modes.createMask) | modes.forceCreate,
    'folder-mode': (0o777 & modes.directoryMask) | modes.forceDirectory,
  };
}
