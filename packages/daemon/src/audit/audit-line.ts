import { NtStatus } from '@ring3/smb-proto';
import type { ServerEvents } from '@ring3/smb-server';
import { nameOf } from '@ring3/wire';

/** The kinds of events. */
export const auditKinds = ['log-on', 'log-off', 'open', 'write', 'close', 'rename', 'delete', 'security', 'refused'] as const;
export type AuditKind = (typeof auditKinds)[number];

/** Parts of a descriptor, SECURITY_INFORMATION, MS-DTYP 2.4.7. */
const parts = { owner: 1, group: 2, dacl: 4, sacl: 8 } as const;

type Details = { readonly [K in AuditKind]: (event: ServerEvents[K][0]) => object };

/** The fields of each kind, in addition to time, kind, user and place. */
const details: Details = {
  'log-on': ({ guest, anonymous, status }) => ({
    status: nameOf(NtStatus, status),
    ...(guest && { guest }),
    ...(anonymous && { anonymous }),
  }),
  'log-off': () => ({}),
  open: ({ action, kind, access }) => ({ action, kind, access: `0x${access.toString(16).padStart(8, '0')}` }),
  write: () => ({}),
  close: ({ bytesRead, bytesWritten }) => ({ bytesRead, bytesWritten }),
  rename: ({ to, how }) => ({ to, how }),
  delete: () => ({}),
  security: ({ information }) => ({ changed: Object.entries(parts).flatMap(([part, bit]) => ((information & bit) === 0 ? [] : [part])) }),
  refused: ({ command, status }) => ({ command, status: nameOf(NtStatus, status) }),
};

/** Line ends, direction marks and invisible characters that JSON does not escape. */
const unseen = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/**
 * An event as one line of JSON, in printable characters: `time`, `what`, `user`, `address`, `session`, `share` and `path` if a file is
 * concerned, and the fields of its kind. Text that a client chose appears only inside a JSON string.
 * @param wall milliseconds since 1970
 */
export function auditLine<K extends AuditKind>(what: K, event: ServerEvents[K][0], wall: number): string {
  const { user, peer: address, session } = event;
  const where = 'share' in event ? { share: event.share, path: event.path } : {};
  const line = { time: new Date(wall).toISOString(), what, user, address, session, ...where, ...details[what](event) };
  return JSON.stringify(line).replaceAll(unseen, escaped);
}
