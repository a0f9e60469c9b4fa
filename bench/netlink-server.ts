/** The ring3 that `netlink.ts` asks over its unix socket. */
import { createNamespace } from '@ring3/conntrack';
import { createNetlinkServer } from '@ring3/conntrack-netlink';
import { listenUnix } from '@ring3/netlink';

const server = createNetlinkServer(createNamespace());
listenUnix(process.argv[2] as string, { namespace: () => server });
process.send?.('ready');
