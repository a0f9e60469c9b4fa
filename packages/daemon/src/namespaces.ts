import { createNamespace, Host, type Namespace, type NamespaceOptions } from '@ring3/conntrack';
import { createNetlinkServer } from '@ring3/conntrack-netlink';
import { type Clock, DebugLines, DebugSwitches, type Log, type Random } from '@ring3/kit';
import type { NetlinkServer } from '@ring3/netlink';
import { logFullTable } from './full-table.ts';
import { NamespaceDebug, type NetfilterWord, netfilterWords } from './namespace-debug.ts';

/** The namespace of whoever names none. */
export const defaultNamespace = 'default';

/** A namespace of the daemon. */
export interface NamedNamespace {
  readonly name: string;
  readonly namespace: Namespace;
  readonly server: NetlinkServer;
}

/** What namespaces are given. */
export interface NamespacesOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Debug output; switches of its own, unless given. */
  readonly debug?: DebugSwitches<NetfilterWord>;
}

/** The daemon's namespaces: one under the name `default` that stays, and others that come and go. They share one host. */
export class Namespaces {
  readonly host: Host = new Host();
  readonly #open = new Map<string, NamedNamespace>();
  readonly #given: { readonly clock: Clock; readonly random: Random };
  readonly #log: Log;
  readonly #debug: DebugSwitches<NetfilterWord>;

  constructor(given: NamespacesOptions) {
    const { clock, random, log, debug = new DebugSwitches(netfilterWords, new DebugLines(log, clock)) } = given;
    this.#given = { clock, random };
    this.#log = log;
    this.#debug = debug;
    this.add(defaultNamespace);
  }

  /** Makes a namespace. @throws Error in one line: the name is taken, or is none */
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
    });
    this.#open.set(name, { name, namespace, server });
    return namespace;
  }

  /** Ends a namespace, and the sockets of programs in it. @throws Error in one line: there is none of that name, or it stays */
  delete(name: string): void {
    const { namespace } = this.get(name);
    if (name === defaultNamespace) throw new Error(`the namespace ${defaultNamespace} cannot be deleted`);
    this.#open.delete(name);
    namespace.close();
  }

  /** @param name '' stands for `default` @returns undefined where there is none */
  find(name: string): NamedNamespace | undefined {
    return this.#open.get(name === '' ? defaultNamespace : name);
  }

  /** @throws Error in one line: there is none of that name */
  get(name: string = defaultNamespace): NamedNamespace {
    const found = this.find(name);
    if (found === undefined) throw new Error(`there is no namespace ${name}`);
    return found;
  }

  /** In the order in which they were made. */
  list(): NamedNamespace[] {
    return [...this.#open.values()];
  }

  /** Ends all. */
  close(): void {
    for (const { namespace } of this.#open.values()) namespace.close();
    this.#open.clear();
  }
}
