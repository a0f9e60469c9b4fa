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

/** The dependencies of the subsystems. */
interface Parts {
  readonly processors: number;
  readonly namespace: Namespace;
  readonly events: Events;
  readonly queues: Queues;
}

/** The subsystems that ring3 implements. */
const subsystems = {
  ctnetlink: ({ namespace, events, processors }: Parts) => ctnetlink(namespace, events, processors),
  ctnetlinkExp: ({ namespace, events }: Parts) => ctnetlinkExp(namespace, events),
  queue: ({ namespace, queues }: Parts) => queue(namespace, queues),
  cttimeout: ({ namespace }: Parts) => cttimeout(namespace),
  cthelper: ({ namespace }: Parts) => cthelper(namespace),
  log: () => log(),
} as const;
/** The name of a subsystem. */
export type SubsystemName = keyof typeof subsystems;

export interface NamespaceServerOptions {
  /** Missing subsystems, as on a kernel without the module: their messages fail with EINVAL. */
  readonly without?: readonly SubsystemName[];
  /** Called if a request failed internally: the program got EIO. */
  readonly fault?: (fault: ServerFault) => void;
  /**
   * Number of lines of `conntrack -S`, one per processor on a kernel; default: the machine's processors. The first contains all counts,
   * because one thread tracks.
   */
  readonly processors?: number;
  /** Called with each datagram of each program. */
  readonly trace?: Trace;
  /** Called after each datagram of a program with the time that its turn of the event loop took, in milliseconds. */
  readonly took?: (ms: number) => void;
  /** Called with a queued packet after its verdict. */
  readonly released?: (released: Released) => void;
}

/** The netlink server of a namespace. It is closed with the namespace. */
export function createNetlinkServer(namespace: Namespace, options: NamespaceServerOptions = {}): NetlinkServer {
  const { without = [], fault, released, took, trace, processors = cpus().length } = options;
  const present = Object.entries(subsystems).filter(([name]) => !without.includes(name as SubsystemName));
  const events = new Events(namespace);
  const queues = new Queues(namespace, new FlowWriter(namespace), released);
  const server = createServer({
    subsystems: present.map(([, rows]) => rows({ namespace, events, queues, processors })),
    random: namespace.random,
    ...(fault === undefined ? {} : { fault }),
    ...(trace === undefined ? {} : { trace }),
    ...(took === undefined ? {} : { took }),
  });
  events.attach(server);
  queues.attach(server);
  namespace.onClose(() => server.close());
  return server;
}
