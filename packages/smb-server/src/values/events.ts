/** The acting client: its user, its address and its session. */
export interface Actor {
  /** Empty for an anonymous client. */
  readonly user: string;
  readonly peer: string;
  readonly session: number;
}

/** A client does something to a file or directory. */
export interface FileEvent extends Actor {
  readonly share: string;
  /** Path below the share, with `\` between components, with the name of a stream; empty for the share itself. */
  readonly path: string;
}

/** The result of a CREATE: CreateAction, MS-SMB2 2.2.14. */
export type OpenAction = 'superseded' | 'opened' | 'created' | 'overwritten';

/** Events for the embedder of the server. No object is made for an event without a listener. */
export interface ServerEvents {
  /** A client connected. */
  connect: [connection: { readonly id: number; readonly peer: string }];
  disconnect: [connection: { readonly id: number; readonly peer: string; readonly reason: string }];
  /** A user logged on, or a logon failed: then the session is 0. */
  'log-on': [logon: Actor & { readonly guest: boolean; readonly anonymous: boolean; readonly status: number }];
  'log-off': [logon: Actor];
  open: [open: FileEvent & { readonly access: number; readonly action: OpenAction; readonly kind: 'file' | 'folder' | 'link' }];
  /** An open's first change of data. */
  write: [open: FileEvent];
  /** With the bytes of data that were read and written through it. */
  close: [open: FileEvent & { readonly bytesRead: number; readonly bytesWritten: number }];
  /** A file or directory was deleted; attributed to the client that requested it, not to the one whose close performed it. */
  delete: [file: FileEvent];
  /** It has another name, or one more. */
  rename: [file: FileEvent & { readonly to: string; readonly how: 'rename' | 'link' }];
  /** Its descriptor was changed: SECURITY_INFORMATION bits, MS-DTYP 2.4.7. */
  security: [file: FileEvent & { readonly information: number }];
  /** A request was denied: NTSTATUS, and the name of the command. If the share denied it, the path is empty. */
  refused: [request: FileEvent & { readonly command: string; readonly status: number }];
  /** An unexpected error; the client got an error, the server continues. */
  error: [error: unknown];
}
