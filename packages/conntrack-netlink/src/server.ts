import type { Namespace } from '@ring3/conntrack';
import { createServer, type NetlinkServer, type ServerFault } from '@ring3/netlink';
import { cthelper } from './cthelper/commands.ts';
import { ctnetlink } from './ctnetlink/commands.ts';
import { ctnetlinkExp } from './ctnetlink-exp/commands.ts';
import { cttimeout } from './cttimeout/commands.ts';
import { Events } from './events.ts';
import { log } from './log/commands.ts';

/** The subsystems that ring3 answers. */
const subsystems = { ctnetlink, ctnetlinkExp, cttimeout, cthelper, log } as const;
/** The name of one. */
export type SubsystemName = keyof typeof subsystems;

export interface NamespaceServerOptions {
  /** Subsystems that are not there, as on a kernel without the module: their messages answer EINVAL. */
  readonly without?: readonly SubsystemName[];
  /** A request failed inside ring3: the program got EIO. */
  readonly fault?: (fault: ServerFault) => void;
}

/** The netlink server of a namespace: the programs' view of it. It ends with the namespace. */
export function createNetlinkServer(namespace: Namespace, options: NamespaceServerOptions = {}): NetlinkServer {
  const { without = [], fault } = options;
  const present = Object.entries(subsystems).filter(([name]) => !without.includes(name as SubsystemName));
  const events = new Events(namespace);
  const server = createServer({
    subsystems: present.map(([, rows]) => rows(namespace, events)),
    random: namespace.random,
    ...(fault === undefined ? {} : { fault }),
  });
  events.attach(server);
  namespace.onClose(() => server.close());
  return server;
}
