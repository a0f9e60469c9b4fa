import type { Namespace } from '@ring3/conntrack';
import { createServer, type NetlinkServer, type ServerFault } from '@ring3/netlink';
import { cthelper } from './cthelper/commands.ts';
import { cttimeout } from './cttimeout/commands.ts';
import { log } from './log/commands.ts';

export interface NamespaceServerOptions {
  /** A request failed inside ring3: the program got EIO. */
  readonly fault?: (fault: ServerFault) => void;
}

/** The netlink server of a namespace: the programs' view of it. It ends with the namespace. */
export function createNetlinkServer(namespace: Namespace, options: NamespaceServerOptions = {}): NetlinkServer {
  const server = createServer({ subsystems: [cttimeout(namespace), cthelper(namespace), log()], random: namespace.random, ...options });
  namespace.onClose(() => server.close());
  return server;
}
