import type { RunTimeOptions } from '@ring3/smb-server';
import type { AuditOptions } from './audit/audit-options.ts';
import type { NamespaceContents } from './configured-namespace.ts';
import type { FolderShare } from './shared-folders.ts';

/** A user with a plain-text password, which is hashed at once and not kept. */
export interface Credentials {
  readonly name: string;
  readonly password: string;
}
/** The password, its NT hash (16 bytes), or neither for a user that cannot log on, such as the user of `force-user`. */
export type KnownUser = string | { readonly ntHash: Uint8Array } | { readonly logOn: false };

/** Whether the user can log on. */
export const logsOn = (how: KnownUser): how is Exclude<KnownUser, { readonly logOn: false }> =>
  typeof how === 'string' || !('logOn' in how);

/** The file server as a whole. */
export interface FileServerOptions extends RunTimeOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/**
 * What a daemon serves: the result of the configuration file, the shares of the state directory and the command line. A missing part is
 * off.
 */
export interface Settings extends NamespaceContents {
  readonly shares?: readonly FolderShare[];
  /** Options of the audit file. */
  readonly audit?: AuditOptions;
  /** The file server. It runs if there is a share. */
  readonly smb?: FileServerOptions;
  /** Users in addition to those of the state directory. */
  readonly users?: ReadonlyMap<string, KnownUser>;
  /** Settings that only a start of the process applies, by group. A reload reports a change of them. */
  readonly atRestart?: Readonly<Record<string, object>>;
  /** Warnings about valid settings that ring3 does not apply, one line each: logged, and returned to the requester of a reload. */
  readonly warnings?: readonly string[];
  /** Whether to create a user for this run if there is none. */
  readonly makeUser?: () => Credentials;
}
