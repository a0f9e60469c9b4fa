import type { Rights } from '../server/port.ts';
import { allRights, type Port, PortOption } from '../server/port.ts';
import type { NetlinkServer } from '../server/server.ts';
import type { NetlinkLink } from './netlink-link.ts';

export interface MemoryLinkOptions {
  /** The rights of the opener; default: all. */
  readonly opener?: Rights;
  /** The rights of the sender; default: the opener's. */
  readonly sender?: Rights;
  /** False: datagrams are sent without a destination address, so that the opener's rights are also required. */
  readonly addressed?: boolean;
  /** The port id that the automatic bind tries first. */
  readonly processId?: number;
  /** Size of the program's receive buffer; default: 65,536. Longer datagrams are truncated, as by recv(2). */
  readonly capacity?: number;
}

/** A link to a server in the same process. Responses are queued when `send` returns. */
export interface MemoryLink extends NetlinkLink {
  readonly port: Port;
  /** `receive` with a buffer of another size. */
  receive(capacity?: number): Uint8Array | number;
  /** Joins a multicast group. @param group from 1 @returns 0 or a negative errno */
  join(group: number): number;
}

/** Opens and binds a socket of a server in this process. */
export function memoryLink(server: NetlinkServer, options: MemoryLinkOptions = {}): MemoryLink {
  const { opener = allRights, sender = opener, addressed = true, processId, capacity: usual = 65_536 } = options;
  let watcher: (() => void) | undefined;
  const port = server.connect({ opener, ready: () => watcher?.(), ...(processId === undefined ? {} : { processId }) });
  port.bind(0, 0);
  return {
    port,
    peer: 'memory',
    get portId() {
      return port.portId;
    },
    send: (datagram) => port.receive(datagram.slice(), { sender, addressed }),
    receive: (capacity = usual) => {
      const found = port.next(capacity);
      return typeof found === 'number' || found.length <= capacity ? found : found.subarray(0, capacity);
    },
    join: (group) => port.setOption(PortOption.AddMembership, group),
    setOption: (option, value) => port.setOption(option, value),
    setReceiveBuffer: (bytes) => port.setReceiveBuffer(bytes),
    watch: (ready) => {
      watcher = ready;
      if (port.queued > 0) queueMicrotask(() => watcher === ready && ready());
      return () => {
        if (watcher === ready) watcher = undefined;
      };
    },
    close: () => port.close(),
  };
}
