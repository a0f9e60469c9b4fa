import { andThen, type MaybePromise } from '@ring3/kit';
import { NtStatus, ShareFlags, ShareType, TreeConnectRequest, TreeConnectResponse } from '@ring3/smb-proto';
import { type Handle, isCode } from '@ring3/vfs';
import { type ContextOf, command } from '../command.ts';
import { statusOf } from '../status-map.ts';
import { Tree } from '../tree.ts';

/** TREE_CONNECT, MS-SMB2 3.3.5.7. The server part of the path is not looked at: aliases are the client's affair. */
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
    if (session.trees.size >= server.limits.treesForSession) {
      server.numbers.refused.add('treesForSession');
      return NtStatus.InsufficientResources;
    }
    const encrypt = share.options?.encryption === 'required';
    if (encrypt && session.encryptor === undefined) return NtStatus.AccessDenied;
    const connect = (root: Handle | undefined) => {
      const tree = new Tree(session.nextTreeId(), session, share, access === 'write', root, server.clock.wall());
      session.trees.set(tree.treeId, tree);
      ctx.tree = tree;
      return answer(tree, encrypt);
    };
    if (share.isPipe) return connect(undefined);
    return andThen(share.options?.vfs.root(session.identity) as MaybePromise<Handle>, (root) => {
      if (isCode(root)) return statusOf(root);
      return stillThere(ctx) ? connect(root) : NtStatus.UserSessionDeleted;
    });
  },
});

const stillThere = (ctx: ContextOf<'session'>): boolean => ctx.session.state === 'valid';

const answer = (tree: Tree, encrypt: boolean) => ({
  shareType: tree.share.isPipe ? ShareType.Pipe : ShareType.Disk,
  shareFlags: tree.share.isPipe ? ShareFlags.NoCaching : ShareFlags.ManualCaching | (encrypt ? ShareFlags.EncryptData : 0),
  capabilities: 0,
  maximalAccess: tree.maximalAccess,
});
