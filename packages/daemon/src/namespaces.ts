import { createNamespace, Host, type Namespace, type NamespaceOptions } from '@ring3/conntrack';
import { createNetlinkServer } from '@ring3/conntrack-netlink';
import { type Clock, DebugLines, DebugSwitches, type Log, type Random } from '@ring3/kit';
import type { NetlinkServer } from '@ring3/netlink';
import { logFullTable } from './full-table.ts';
import { NamespaceDebug, type NetfilterWord, netfilterWords } from './namespace-debug.ts';

/** The namespace of programs that do not name one. */
export const defaultNamespace = 'default';

/** A namespace of the daemon. */
export interface NamedNamespace {
  readonly name: string;
  readonly namespace: Namespace;
  readonly server: NetlinkServer;
}

/** Dependencies of namespaces. */
export interface NamespacesOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Debug output; default: separate switches. */
  readonly debug?: DebugSwitches<NetfilterWord>;
  /** Called after each datagram of a program with the time that its turn of the event loop took, in milliseconds. */
  readonly took?: ((ms: number) => void) | undefined;
}

/** The namespaces of the daemon: the permanent one, `default`, and others that are added and deleted. They share one host. */
export class Namespaces {
  readonly host: Host = new Host();
  readonly #open = new Map<string, NamedNamespace>();
  readonly #given: { readonly clock: Clock; readonly random: Random };
  readonly #log: Log;
  readonly #debug: DebugSwitches<NetfilterWord>;
  readonly #took: ((ms: number) => void) | undefined;

  constructor(given: NamespacesOptions) {
    const { clock, random, log, debug = new DebugSwitches(netfilterWords, new DebugLines(log, clock)) } = given;
    this.#given = { clock, random };
    this.#log = log;
    this.#debug = debug;
    this.#took = given.took;
    this.add(defaultNamespace);
  }

  /** Creates a namespace. @throws Error in one line if the name is in use or invalid */
  add(name: string, options: NamespaceOptions = {}): Namespace {
    if (!/^[\w.-]{1,63}$/.test(name)) throw new Error(`invalid namespace name "${name}": 1 to 63 letters, digits, ".", "_" and "-"`);
    if (this.#open.has(name)) throw new Error(`there is a namespace ${name} already`);
    const namespace = createNamespace({ ...this.#given, host: this.host, ...options });
    const log = this.#log.child({ namespace: name });
    logFullTable(namespace, namespace.clock, log.child({ part: 'conntrack' }));
    const { trace } = new NamespaceDebug(name, namespace, this.#debug);
    const server = createNetlinkServer(namespace, {
      fault: ({ error, type, portId }) => log.error('a request failed inside ring3', { error, type, portId }),
      trace,
      ...(this.#took === undefined ? {} : { took: this.#took }),
    });
    this.#open.set(name, { name, namespace, server });
    return namespace;
  }

  /** Deletes a namespace and the sockets of programs in it. @throws Error in one line if it does not exist or is `default` */
  delete(name: string): void {
    const { namespace } = this.get(name);
    if (name === defaultNamespace) throw new Error(`the namespace ${defaultNamespace} cannot be deleted`);
    this.#open.delete(name);
    namespace.close();
  }

  /** @param name '' means `default` @returns undefined if it does not exist */
  find(name: string): NamedNamespace | undefined {
    return this.#open.get(name === '' ? defaultNamespace : name);
  }

  /** @throws Error in one line if it does not exist */
  get(name: string = defaultNamespace): NamedNamespace {
    const found = this.find(name);
    if (found === undefined) throw new Error(`there is no namespace ${name}`);
    return found;
  }

  /** In the order in which they were created. */
  list(): NamedNamespace[] {
    return [...this.#open.values()];
  }

  /** Deletes all. */
  close(): void {
    for (const { namespace } of this.#open.values()) namespace.close();
    this.#open.clear();
  }
}
