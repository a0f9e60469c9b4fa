/** Who acts: as whom somebody logged on, from where, and the session. */
export interface Actor {
  /** Empty for an anonymous client. */
  readonly user: string;
  readonly peer: string;
  readonly session: number;
}

/** Somebody does something to a file or folder. */
export interface FileEvent extends Actor {
  readonly share: string;
  /** Below the share, with `\` between components, a stream's name included; empty for the share itself. */
  readonly path: string;
}

/** What an opening did: CreateAction, MS-SMB2 2.2.14. */
export type OpenAction = 'superseded' | 'opened' | 'created' | 'overwritten';

/** What happens, for whoever embeds the server. Nothing is made for an event that nobody listens to. */
export interface ServerEvents {
  /** A client connected. */
  connect: [connection: { readonly id: number; readonly peer: string }];
  disconnect: [connection: { readonly id: number; readonly peer: string; readonly reason: string }];
  /** Somebody logged on, or failed to: then without a session. */
  'log-on': [logon: Actor & { readonly guest: boolean; readonly anonymous: boolean; readonly status: number }];
  'log-off': [logon: Actor];
  open: [open: FileEvent & { readonly access: number; readonly action: OpenAction; readonly kind: 'file' | 'folder' | 'link' }];
  /** An open's first change of data. */
  write: [open: FileEvent];
  /** With the bytes of data that were read and written through it. */
  close: [open: FileEvent & { readonly bytesRead: number; readonly bytesWritten: number }];
  /** A file or folder is gone: told in the name of whoever asked for it, although it goes when the last one closes it. */
  delete: [file: FileEvent];
  /** It has another name, or one more. */
  rename: [file: FileEvent & { readonly to: string; readonly how: 'rename' | 'link' }];
  /** Its descriptor was changed: SECURITY_INFORMATION bits, MS-DTYP 2.4.7. */
  security: [file: FileEvent & { readonly information: number }];
  /** A request was refused: NTSTATUS, and the command's name. Where a share was refused, the path is empty. */
  refused: [request: FileEvent & { readonly command: string; readonly status: number }];
  /** Something that should not happen; the client got an error, the server goes on. */
  error: [error: unknown];
}
