import type { AuditOptions } from './audit/audit-options.ts';
import type { NamespaceContents } from './configured-namespace.ts';
import type { FileServerOptions } from './file-server.ts';
import type { FolderShare } from './shared-folders.ts';

/** A user with the password in the clear: it is hashed at once and not kept. */
export interface Credentials {
  readonly name: string;
  readonly password: string;
}
/** What is known of a user: the password, or its NT hash (16 bytes), or that nobody logs on by that name: it is one that others act as. */
export type KnownUser = string | { readonly ntHash: Uint8Array } | { readonly logOn: false };

/** Whether somebody logs on by that name. */
export const logsOn = (how: KnownUser): how is Exclude<KnownUser, { readonly logOn: false }> =>
  typeof how === 'string' || !('logOn' in how);

/** What a daemon serves, and how: what a configuration file, the state directory's shares and a command line come to. What is left out is off. */
export interface Settings extends NamespaceContents {
  readonly shares?: readonly FolderShare[];
  /** How the audit of shares with `audit` is kept. */
  readonly audit?: AuditOptions;
  /** The file server; it runs where there is a share. */
  readonly smb?: FileServerOptions;
  /** Who may log on beside the users of the state directory. */
  readonly users?: ReadonlyMap<string, KnownUser>;
  /** What only a start of the process takes, by the group that it is in: a change of it is told. */
  readonly atRestart?: Readonly<Record<string, object>>;
  /** What is understood and cannot be honoured, a line each: it is logged, and told to who asked for a reload. */
  readonly warnings?: readonly string[];
  /** Makes a user for this run where there would be none. */
  readonly makeUser?: () => Credentials;
}
