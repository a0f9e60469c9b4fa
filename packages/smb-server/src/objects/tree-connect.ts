import { fileAllAccess, fileGenericExecute, fileGenericRead, WellKnownSid } from '@ring3/smb-proto';
import type { Handle, Identity, Vfs } from '@ring3/vfs';
import type { FileState } from '../state/index.ts';
import { RefCounted } from '../values/ref-counted.ts';
import type { Session } from './session.ts';
import type { Share } from './share.ts';

/** TreeConnect, MS-SMB2 3.3.1.9: a share as one session sees it. */
export class TreeConnect extends RefCounted {
  readonly treeId: number;
  readonly session: Session;
  readonly share: Share;
  readonly maximalAccess: number;
  /** The share's directory; absent for IPC$. */
  readonly root: Handle | undefined;
  readonly creationTime: number;
  readonly #forced: Identity | undefined;
  /** The identity here with an administrator's privileges, and the one that it was derived from. */
  #administrator: { readonly of: Identity; readonly identity: Identity } | undefined;

  /** @param forced the user that acts here, regardless of the logged-on user */
  constructor(
    treeId: number,
    session: Session,
    share: Share,
    writable: boolean,
    root: Handle | undefined,
    creationTime: number,
    forced?: Identity,
  ) {
    super();
    this.treeId = treeId;
    this.session = session;
    this.share = share;
    this.maximalAccess = writable ? fileAllAccess : fileGenericRead | fileGenericExecute;
    this.root = root;
    this.creationTime = creationTime;
    this.#forced = forced;
  }

  /** The identity that acts here: for stores and descriptors. */
  get identity(): Identity {
    const acting = this.#forced ?? this.session.identity;
    return this.share.options?.admins === undefined ? acting : this.#privileged(acting);
  }

  /** Reauthentication of the session may change the user. */
  #privileged(acting: Identity): Identity {
    const { identity } = this.session;
    if (this.#administrator?.of !== identity) {
      const groups = [...acting.groups, WellKnownSid.BuiltinAdministrators];
      const privileged = this.share.isAdmin(this.session) ? { ...acting, groups, admin: true } : acting;
      this.#administrator = { of: identity, identity: privileged };
    }
    return this.#administrator.identity;
  }

  get writable(): boolean {
    return this.maximalAccess === fileAllAccess;
  }

  /** The store. Only of a disk share. */
  get vfs(): Vfs {
    return this.share.vfs as Vfs;
  }

  get fileState(): FileState {
    return this.share.fileState as FileState;
  }
}

/** Where names are resolved: the root of a share, as an identity sees it. A tree connect is one. */
export type Place = Pick<TreeConnect, 'share' | 'root' | 'vfs' | 'identity'>;
