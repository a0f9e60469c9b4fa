import { cpus } from 'node:os';
import type { Namespace, Released } from '@ring3/conntrack';
import { createServer, type NetlinkServer, type ServerFault, type Trace } from '@ring3/netlink';
import { cthelper } from './cthelper/commands.ts';
import { ctnetlink } from './ctnetlink/commands.ts';
import { FlowWriter } from './ctnetlink/write-flow.ts';
import { ctnetlinkExp } from './ctnetlink-exp/commands.ts';
import { cttimeout } from './cttimeout/commands.ts';
import { Events } from './events.ts';
import { log } from './log/commands.ts';
import { queue } from './queue/commands.ts';
import { Queues } from './queue/queues.ts';

/** What subsystems are made of. */
interface Parts {
  readonly processors: number;
  readonly namespace: Namespace;
  readonly events: Events;
  readonly queues: Queues;
}

/** The subsystems that ring3 answers. */
const subsystems = {
  ctnetlink: ({ namespace, events, processors }: Parts) => ctnetlink(namespace, events, processors),
  ctnetlinkExp: ({ namespace, events }: Parts) => ctnetlinkExp(namespace, events),
  queue: ({ namespace, queues }: Parts) => queue(namespace, queues),
  cttimeout: ({ namespace }: Parts) => cttimeout(namespace),
  cthelper: ({ namespace }: Parts) => cthelper(namespace),
  log: () => log(),
} as const;
/** The name of one. */
export type SubsystemName = keyof typeof subsystems;

export interface NamespaceServerOptions {
  /** Subsystems that are not there, as on a kernel without the module: their messages answer EINVAL. */
  readonly without?: readonly SubsystemName[];
  /** A request failed inside ring3: the program got EIO. */
  readonly fault?: (fault: ServerFault) => void;
  /** Lines of `conntrack -S`, where a kernel has one for each processor; those of this machine unless given. All is counted in the first: one thread tracks. */
  readonly processors?: number;
  /** Sees each datagram of each program. */
  readonly trace?: Trace;
  /** A packet that waited in a queue has its verdict: it goes on, or not. */
  readonly released?: (released: Released) => void;
}

/** The netlink server of a namespace: the programs' view of it. It ends with the namespace. */
export function createNetlinkServer(namespace: Namespace, options: NamespaceServerOptions = {}): NetlinkServer {
  const { without = [], fault, released, trace, processors = cpus().length } = options;
  const present = Object.entries(subsystems).filter(([name]) => !without.includes(name as SubsystemName));
  const events = new Events(namespace);
  const queues = new Queues(namespace, new FlowWriter(namespace), released);
  const server = createServer({
    subsystems: present.map(([, rows]) => rows({ namespace, events, queues, processors })),
    random: namespace.random,
    ...(fault === undefined ? {} : { fault }),
    ...(trace === undefined ? {} : { trace }),
  });
  events.attach(server);
  queues.attach(server);
  namespace.onClose(() => server.close());
  return server;
}
