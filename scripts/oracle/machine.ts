import { createNamespace, Host, type Namespace, type ProfileName } from '@ring3/conntrack';
import { createNetlinkServer } from '@ring3/conntrack-netlink';
import { FakeClock, fakeRandom } from '@ring3/kit';
import { allRights, type MemoryLink, memoryLink, type NetlinkServer, noRights, PortOption, type Rights } from '@ring3/netlink';
import type { VectorOptions } from './format.ts';

/** Root of a user namespace: master of its network namespace, nobody outside. */
const userNamespaceRoot: Rights = { netAdmin: true, hostAdmin: false };

/** One namespace with its server, on virtual time. */
export interface Realm {
  readonly namespace: Namespace;
  readonly server: NetlinkServer;
}

/** What one vector runs in: a host, the namespace it starts in and those that it makes, and its sockets. */
export class Machine {
  readonly clock = new FakeClock();
  readonly #host = new Host();
  readonly #profile: ProfileName;
  readonly home: Realm;
  /** Namespaces that were made by name. */
  readonly others = new Map<string, Realm>();
  readonly #sockets = new Map<string, MemoryLink>();
  readonly #options: VectorOptions;

  constructor(options: VectorOptions = {}, profile: ProfileName = 'current') {
    this.#options = options;
    this.#profile = profile;
    this.home = this.makeRealm();
  }

  makeRealm(): Realm {
    const namespace = createNamespace({ clock: this.clock, random: fakeRandom(), host: this.#host, profile: this.#profile });
    return { namespace, server: createNetlinkServer(namespace) };
  }

  /** The socket of that label, opened where it is new. */
  socket(label: string): MemoryLink {
    let link = this.#sockets.get(label);
    if (link !== undefined) return link;
    const { open_euid, send_euid, userns, noaddr, ext_ack = 1, cap_ack = 0 } = this.#options;
    const full = userns === undefined ? allRights : userNamespaceRoot;
    link = memoryLink(this.home.server, {
      opener: open_euid === undefined ? full : noRights,
      sender: send_euid === undefined ? full : noRights,
      addressed: noaddr === undefined,
    });
    link.setReceiveBuffer(1 << 20);
    link.setOption(PortOption.ExtAck, ext_ack);
    link.setOption(PortOption.CapAck, cap_ack);
    this.#sockets.set(label, link);
    return link;
  }

  closeSocket(label: string): void {
    this.#sockets.get(label)?.close();
    this.#sockets.delete(label);
  }

  close(): void {
    for (const realm of [this.home, ...this.others.values()]) realm.namespace.close();
  }
}
