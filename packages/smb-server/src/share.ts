import type { Vfs } from '@ring3/vfs';
import type { FileState } from './file-state/index.ts';
import type { Session } from './session.ts';

/** How a share is offered. */
export interface ShareOptions {
  readonly vfs: Vfs;
  /** Nothing can be changed through this share. */
  readonly readOnly?: boolean;
  /** Whether guests and anonymous clients see it. */
  readonly guest?: boolean;
  /** Refuse unencrypted access to this share. */
  readonly encryption?: 'off' | 'required';
  /** Who may use it; everybody who logged on, where missing. Names are compared without case. */
  readonly users?: readonly string[];
  /** Who of those may only read. */
  readonly readers?: readonly string[];
  readonly comment?: string;
  /** Left out of the list of shares. */
  readonly hidden?: boolean;
}

/** Share, MS-SMB2 3.3.1.6. */
export class Share {
  readonly name: string;
  readonly options: ShareOptions | undefined;
  readonly fileState: FileState | undefined;

  /** Without options: IPC$. */
  constructor(name: string, options?: ShareOptions, fileState?: FileState) {
    this.name = name;
    this.options = options;
    this.fileState = fileState;
  }

  get isPipe(): boolean {
    return this.options === undefined;
  }

  get comment(): string {
    return this.options?.comment ?? (this.isPipe ? 'IPC Service' : '');
  }

  get hidden(): boolean {
    return this.options?.hidden === true || this.name.endsWith('$');
  }

  /** What the session may do here: nothing, read, or write. The share's lists; the file's descriptor is asked later. */
  accessOf(session: Session): 'none' | 'read' | 'write' {
    const { options } = this;
    if (options === undefined) return session.isGuest || session.isAnonymous ? 'read' : 'write';
    if ((session.isGuest || session.isAnonymous) && options.guest !== true) return 'none';
    const named = (list: readonly string[] | undefined): boolean | undefined =>
      list?.some((name) => name.toLowerCase() === session.identity.name.toLowerCase());
    if (named(options.users) === false && !(session.isGuest && options.guest === true)) return 'none';
    return options.readOnly === true || named(options.readers) === true ? 'read' : 'write';
  }
}
