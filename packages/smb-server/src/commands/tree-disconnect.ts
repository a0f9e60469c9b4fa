import { andThen } from '@ring3/kit';
import { TreeDisconnectRequest, TreeDisconnectResponse } from '@ring3/smb-proto';
import { endTree } from '../objects/close.ts';
import { command } from '../request/command.ts';

/** TREE_DISCONNECT, MS-SMB2 3.3.5.8. */
export const treeDisconnect = command({
  needs: 'tree',
  request: TreeDisconnectRequest,
  response: TreeDisconnectResponse,
  handle: (ctx) => andThen(endTree(ctx.tree), () => ({})),
});
