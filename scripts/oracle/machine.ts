import { createNamespace, Host, type Namespace, type ProfileName } from '@ring3/conntrack';
import { createNetlinkServer, type SubsystemName } from '@ring3/conntrack-netlink';
import { FakeClock, fakeRandom } from '@ring3/kit';
import { allRights, type MemoryLink, memoryLink, type NetlinkServer, noRights, PortOption, type Rights } from '@ring3/netlink';
import { Desk } from '../../test/oracle/commands.ts';
import type { VectorOptions } from './format.ts';
import type { Party, Socket } from './party.ts';
import { runShell } from './shell.ts';

/** Root of a user namespace: all rights in its network namespace, none outside. */
const userNamespaceRoot: Rights = { netAdmin: true, hostAdmin: false };

/** The kernel that ring3 emulates. */
export interface MachineKind {
  /** Default: `current`. */
  readonly profile?: ProfileName;
  /** Ticks per second; default: 250. */
  readonly hz?: number;
  /** Subsystems that the kernel was built without. */
  readonly without?: readonly SubsystemName[];
}

/** One namespace with its server. */
export interface Realm {
  readonly namespace: Namespace;
  readonly server: NetlinkServer;
  /** Runs commands of nfct, conntrack, iptables and nft. */
  readonly desk: Desk;
}

/** ring3 for one vector: a host, the initial namespace and those that the vector creates, and its sockets, in virtual time. */
export class Machine implements Party {
  readonly clock = new FakeClock();
  readonly #host = new Host();
  readonly #kind: MachineKind;
  readonly home: Realm;
  /** Namespaces that were created by name. */
  readonly others = new Map<string, Realm>();
  readonly #sockets = new Map<string, MemoryLink>();
  readonly #options: VectorOptions;

  constructor(options: VectorOptions = {}, kind: MachineKind = {}) {
    this.#options = options;
    this.#kind = kind;
    this.home = this.makeRealm();
  }

  makeRealm(): Realm {
    const { profile = 'current', hz = 250, without = [] } = this.#kind;
    const namespace = createNamespace({ clock: this.clock, random: fakeRandom(), host: this.#host, profile, hz, flows: 4096 });
    return { namespace, server: createNetlinkServer(namespace, { without }), desk: new Desk(namespace) };
  }

  socket(label: string): Socket {
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

  setSysctl(name: string, value: string): string | undefined {
    const failure = this.home.namespace.sysctls.set(name, value);
    return failure === undefined ? undefined : { unknown: 'ENOENT', readOnly: 'EACCES', invalid: 'EINVAL' }[failure];
  }

  sysctl(name: string): string {
    return this.home.namespace.sysctls.get(name) ?? 'ENOENT';
  }

  shell(line: string): Promise<number> {
    return runShell(this, line);
  }

  close(): void {
    for (const realm of [this.home, ...this.others.values()]) realm.namespace.close();
  }
}
