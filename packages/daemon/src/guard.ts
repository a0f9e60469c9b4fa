import { networkInterfaces } from 'node:os';
import { type Endpoint, type FlowEnd, MirroredConnection, type MirrorOwner, type Namespace } from '@ring3/conntrack';
import type { Link, LinkEvents, Log } from '@ring3/kit';
import { fromWireName, parseAddress } from '@ring3/nfnetlink';
import type { ConnectionUse, TcpEnd, TcpEnds } from '@ring3/smb-server';

/**
 * Connects a file server with a namespace of the netfilter half. Each connection that passes `carry` is a flow in the table of the
 * namespace and ends with that flow. So programs that list, watch, time and delete flows do the same to the clients
 * (docs/decisions/0057-the-guard.md).
 */
export class Guard {
  readonly #namespace: Namespace;
  readonly #log: Log;
  readonly #links = new Set<GuardedLink>();

  /** Advances the timers of the namespace. */
  constructor(namespace: Namespace, log: Log) {
    this.#namespace = namespace;
    this.#log = log;
    namespace.keepTime();
    namespace.onClose(() => {
      for (const link of this.#links) link.cut('its namespace was deleted');
    });
  }

  /** Connections that are flows at present. */
  get size(): number {
    return this.#links.size;
  }

  /** `carry` of the options of a file server. */
  readonly carry = (link: Link, ends: TcpEnds, use: () => ConnectionUse): Link => {
    const client = endpointOf(ends.client);
    const server = endpointOf(ends.server);
    if (client === undefined || server === undefined || client.address.length !== server.address.length) return link;
    const guarded = new GuardedLink(this.#namespace, link, use, this.#links);
    if (guarded.follow(client, server, this.#ingress(ends.server))) return guarded;
    this.#log.debug('a connection is not tracked: a notrack rule applies, or the table is full', { peer: link.peer });
    return link;
  };

  /** The interface of an address of the server, if a rule needs it. */
  #ingress({ host }: TcpEnd): string {
    if (!this.#namespace.rules.list().some(({ match }) => match.ingress !== undefined)) return '';
    const own = bare(host);
    for (const [name, addresses = []] of Object.entries(networkInterfaces()))
      if (addresses.some(({ address }) => address === own)) return name;
    return '';
  }
}

/** An address without the scope of a link-local address. */
const bare = (host: string): string => host.replace(/%.*$/, '');

function endpointOf({ host, port }: TcpEnd): Endpoint | undefined {
  const address = parseAddress(bare(host));
  return address === undefined ? undefined : { address, port };
}

/** A link whose bytes are counted on a flow. */
class GuardedLink implements Link, MirrorOwner {
  readonly #namespace: Namespace;
  readonly #link: Link;
  readonly #use: () => ConnectionUse;
  readonly #links: Set<GuardedLink>;
  /** Undefined after its end. */
  #connection: MirroredConnection | undefined;
  #events: LinkEvents | undefined;
  /** Unsent bytes when the timeout of the flow expired. */
  #unsent = 0;

  /** @param links the links that are flows; this link adds and removes itself */
  constructor(namespace: Namespace, link: Link, use: () => ConnectionUse, links: Set<GuardedLink>) {
    this.#namespace = namespace;
    this.#link = link;
    this.#use = use;
    this.#links = links;
  }

  get peer(): string {
    return this.#link.peer;
  }

  get queued(): number {
    return this.#link.queued;
  }

  get unacknowledged(): number | undefined {
    return this.#link.unacknowledged;
  }

  /** @returns whether it is now a flow */
  follow(client: Endpoint, server: Endpoint, ingress: string): boolean {
    const { tracker, clock } = this.#namespace;
    const connection = new MirroredConnection(tracker, client, server, clock.now(), this, ingress);
    if (connection.flow < 0) return false;
    this.#connection = connection;
    this.#links.add(this);
    return true;
  }

  open(events: LinkEvents): void {
    this.#events = events;
    const { clock } = this.#namespace;
    this.#link.open({
      receive: (bytes) => {
        this.#connection?.received(bytes.length, clock.now());
        events.receive(bytes);
      },
      end: (reason, broken = false) => {
        this.#end(broken ? 'reset' : 'close', 'client');
        events.end(reason, broken);
      },
      drain: () => {
        this.#connection?.received(0, clock.now()); // the client has read sent bytes
        events.drain?.();
      },
      ...(events.buffer === undefined ? {} : { buffer: () => events.buffer!() }),
    });
  }

  send(chunks: readonly Uint8Array[], sent?: () => void): boolean {
    let bytes = 0;
    for (const chunk of chunks) bytes += chunk.length;
    this.#connection?.sent(bytes, this.#namespace.clock.now());
    return this.#link.send(chunks, sent);
  }

  pause(): void {
    this.#link.pause();
  }

  resume(): void {
    this.#link.resume();
  }

  /** Closing and dropping a socket both send a FIN. */
  close(now?: boolean): void {
    this.#end('close', 'server');
    this.#link.close(now);
  }

  /**
   * A client is not idle while a request is pending or while it still reads sent bytes. If it has open files, only a policy from a rule
   * ends the connection.
   */
  keeps(flow: number): boolean {
    const { opens, working } = this.#use();
    const unsent = this.#link.unsent ?? this.#link.queued;
    const takes = unsent > 0 && unsent !== this.#unsent;
    this.#unsent = unsent;
    return working || takes || (opens > 0 && this.#namespace.flows.extras.policyOf(flow) === undefined);
  }

  ended(flow: number, how: FlowEnd): void {
    if (how === 'taken') this.cut('another connection has its ports');
    else if (how === 'deleted') this.cut('its flow was deleted');
    else {
      const policy = this.#namespace.flows.extras.policyOf(flow);
      this.cut(policy === undefined ? 'idle: timeout' : `idle: timeout policy ${fromWireName(policy.name)}`);
    }
  }

  /** Closes the connection for a reason of the netfilter half, after the present work: a flow may end while another connection sends. */
  cut(reason: string): void {
    queueMicrotask(() => {
      if (this.#connection === undefined) return;
      this.#end('reset', 'server');
      this.#link.close(true);
      this.#events?.end(reason);
    });
  }

  #end(how: 'close' | 'reset', by: 'client' | 'server'): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#connection = undefined;
    connection.end(how, by, this.#namespace.clock.now());
    this.#links.delete(this);
  }
}
