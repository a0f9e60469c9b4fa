import type { Rights } from '../server/port.ts';
import { allRights, type Port, PortOption } from '../server/port.ts';
import type { NetlinkServer } from '../server/server.ts';
import type { NetlinkLink } from './netlink-link.ts';

export interface MemoryLinkOptions {
  /** The rights of whoever opens the socket: all unless given. */
  readonly opener?: Rights;
  /** The rights of whoever sends: the opener's unless given. */
  readonly sender?: Rights;
  /** False: sends carry no destination address, so that the opener's rights count too. */
  readonly addressed?: boolean;
  /** The port id that the automatic bind tries first. */
  readonly processId?: number;
  /** Bytes of the receive buffer that the program would offer, 65,536 unless given. Longer datagrams are cut, as recv(2) does. */
  readonly capacity?: number;
}

/** A link to a server in the same process. Answers wait when `send` returns. */
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
