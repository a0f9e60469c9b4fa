/** The ring3 process that `netlink.ts` and `dump.ts` use over its unix socket. Arguments: the path, and the capacity in flows. */
import { createNamespace } from '@ring3/conntrack';
import { createNetlinkServer } from '@ring3/conntrack-netlink';
import { listenUnix } from '@ring3/netlink';

const flows = Number(process.argv[3] ?? 65_536);
const namespace = createNamespace({ flows });
namespace.sysctls.set('nf_conntrack_max', String(flows));
const server = createNetlinkServer(namespace);
listenUnix(process.argv[2] as string, { namespace: () => server });
process.send?.('ready');
