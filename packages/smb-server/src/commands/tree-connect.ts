import { andThen, type MaybePromise } from '@ring3/kit';
import { Dialect, NtStatus, ShareCapabilities, ShareFlags, ShareType, TreeConnectRequest, TreeConnectResponse } from '@ring3/smb-proto';
import { type Handle, type Identity, isCode, type VfsCode } from '@ring3/vfs';
import type { Services } from '../objects/services.ts';
import type { Share } from '../objects/share.ts';
import { TreeConnect } from '../objects/tree-connect.ts';
import { type ContextOf, command } from '../request/command.ts';
import type { Negotiated } from '../values/negotiated.ts';
import { statusOf } from '../values/status-map.ts';

/** TREE_CONNECT, MS-SMB2 3.3.5.7. The server name in the path is not checked: the client may use an alias. */
export const treeConnect = command({
  needs: 'session',
  request: TreeConnectRequest,
  response: TreeConnectResponse,
  handle(ctx, { path }) {
    const { session, server } = ctx;
    const [, name] = /^\\\\[^\\]+\\([^\\]+)$/.exec(path) ?? [];
    const share = name === undefined ? undefined : server.shares.get(name);
    if (share === undefined) return NtStatus.BadNetworkName;
    const access = share.accessOf(session);
    if (access === 'none') return NtStatus.AccessDenied;
    const full =
      session.trees.size >= server.limits.treesForSession
        ? 'treesForSession'
        : server.quotas.trees.may(session.owner)
          ? undefined
          : 'trees';
    if (full !== undefined) {
      server.refuse(full, session.actor);
      return NtStatus.InsufficientResources;
    }
    const encrypt = share.options?.encryption === 'required';
    if (encrypt && session.encryptor === undefined) return NtStatus.AccessDenied;
    const forced = forcedUser(ctx, share);
    if (typeof forced === 'number') return forced;
    const connect = (root: Handle | undefined) => {
      if (isFull(server, share)) {
        server.refuse('maxConnections', session.actor);
        return NtStatus.RequestNotAccepted;
      }
      const tree = new TreeConnect(session.nextTreeId(), session, share, access === 'write', root, server.clock.wall(), forced);
      session.trees.set(tree.treeId, tree);
      server.quotas.trees.add(session.owner);
      ctx.tree = tree;
      return answer(tree, encrypt, ctx.connection.negotiated);
    };
    if (share.isPipe) return connect(undefined);
    return andThen(share.vfs?.root(forced ?? session.identity) as MaybePromise<Handle>, (root) => {
      if (isCode(root)) return notOffered(ctx, share, root);
      const connected = stillThere(ctx) ? connect(root) : NtStatus.UserSessionDeleted;
      return typeof connected === 'number' ? andThen(root.close(), () => connected) : connected;
    });
  },
});

const stillThere = (ctx: ContextOf<'session'>): boolean => ctx.session.state === 'valid';

/** Its directory does not exist now, so the share does not exist, MS-SMB2 3.3.5.7. It is offered again when the directory exists. */
function notOffered({ connection }: ContextOf<'session'>, { name }: Share, code: VfsCode): NtStatus {
  connection.log.warn('tree connect rejected: the directory of the share cannot be opened', { share: name, code });
  return missing.has(code) ? NtStatus.BadNetworkName : statusOf(code);
}
const missing: ReadonlySet<VfsCode> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);

/**
 * The user that all clients act as on this share. If it does not exist, the configuration is wrong: then all tree connects fail, rather
 * than act as another user.
 */
function forcedUser({ server, connection }: ContextOf<'session'>, { name, options }: Share): Identity | NtStatus | undefined {
  const forceUser = options?.forceUser;
  if (forceUser === undefined) return undefined;
  const identity = server.users.identityOfUser(forceUser);
  if (identity !== undefined) return identity;
  connection.log.warn('tree connect rejected: the user of forceUser does not exist', { share: name, forceUser });
  return NtStatus.NoSuchUser;
}

/** Whether Share.CurrentUses is Share.MaxUses, MS-SMB2 3.3.5.7. Only counted if there is a limit. */
function isFull({ sessions }: Services, { name, options }: Share): boolean {
  const most = options?.maxConnections ?? 0;
  if (most === 0) return false;
  let uses = 0;
  for (const { trees } of sessions.values()) for (const { share } of trees.values()) if (isSameShare(share.name, name)) uses++;
  return uses >= most;
}
/** A share that was replaced meanwhile counts as the same. */
const isSameShare = (a: string, b: string): boolean => a === b || a.toUpperCase() === b.toUpperCase();

/** Share.IsCA is announced at 3.x, MS-SMB2 3.3.5.7. */
const isContinuouslyAvailable = ({ share, session }: TreeConnect, { dialect }: Negotiated): boolean =>
  dialect >= Dialect.Smb30 && session.server.persistence.isAvailable(share);

const answer = (tree: TreeConnect, encrypt: boolean, negotiated: Negotiated) => ({
  shareType: tree.share.isPipe ? ShareType.Pipe : ShareType.Disk,
  shareFlags: tree.share.isPipe ? ShareFlags.NoCaching : diskFlags(tree.share, encrypt, negotiated),
  capabilities: isContinuouslyAvailable(tree, negotiated) ? ShareCapabilities.ContinuousAvailability : 0,
  maximalAccess: tree.maximalAccess,
});

/** ShareFlags, MS-SMB2 3.3.5.7: a client is asked to compress only if that was negotiated. */
function diskFlags({ options, names }: Share, encrypt: boolean, { compression }: Negotiated): number {
  const compress = options?.compressData === true && compression !== undefined;
  const accessBased = names.accessBased ? ShareFlags.AccessBasedDirectoryEnum : 0;
  return ShareFlags.ManualCaching | accessBased | (encrypt ? ShareFlags.EncryptData : 0) | (compress ? ShareFlags.CompressData : 0);
}
