import { headerLength, type Message, type NetlinkClient, NetlinkError, type NetlinkLink, NewFlags } from '@ring3/netlink';
import { type Attrs, type AttrTable, DecodeError, nameOf } from '@ring3/wire';
import { clientOver } from '../client-over.ts';
import { FamilyHeader } from '../family-header.ts';
import { IpProtocol } from '../protocol.ts';
import { messageType, Subsystem } from '../subsystem.ts';
import { TimeoutCommand, TimeoutMessage, TimeoutMessages, TimeoutTables } from './attributes.ts';

/** Timeouts in seconds by the names of the protocol's table (`TimeoutTables`): `{ established: 100 }`. */
export type TimeoutValues = Readonly<Record<string, number>>;

/** A named timeout policy. */
export interface TimeoutPolicy {
  /** One character a byte (latin1), at most 31. */
  readonly name: string;
  /** AF_INET 2, AF_INET6 10, or any other given number. */
  readonly l3proto: number;
  /** IP protocol number; 255: all protocols without their own tracker. */
  readonly l4proto: number;
  /** 1 for the policy itself and 1 for each rule that uses it. */
  readonly use: number;
  readonly timeouts: TimeoutValues;
}

/** A policy to add. */
export type NewTimeoutPolicy = Omit<TimeoutPolicy, 'use'>;

/** `nfct timeout …` as calls, over any link. A failed request throws NetlinkError with the kernel's errno. */
export class CttimeoutClient {
  readonly #client: NetlinkClient;

  /** @param over a link, which the client then owns, or a shared netlink client */
  constructor(over: NetlinkLink | NetlinkClient) {
    this.#client = clientOver(over);
  }

  /**
   * Adds a policy. Timeouts that are not given get the namespace's current defaults.
   * @param how `replace`: change an existing one of the same name and protocols; otherwise an existing one is EEXIST
   * @throws NetlinkError: EEXIST, EINVAL (replace with other protocols), EOPNOTSUPP (no such protocol), EPERM
   * @throws TypeError for a timeout that the protocol does not have
   */
  async add(policy: NewTimeoutPolicy, how: { readonly replace?: boolean } = {}): Promise<void> {
    const { name, l3proto, l4proto } = policy;
    const flags = NewFlags.Create | (how.replace === true ? NewFlags.Replace : NewFlags.Excl);
    const value = { name, l3proto, l4proto, data: valuesFor(l4proto, policy.timeouts) };
    await this.#request(TimeoutCommand.New, messageFor(l4proto), value, `add timeout "${name}"`, flags);
  }

  /** The policies, in the order of creation. */
  async *list(): AsyncIterableIterator<TimeoutPolicy> {
    const request = {
      type: messageType(Subsystem.CtnetlinkTimeout, TimeoutCommand.Get),
      attributes: TimeoutMessage,
      value: {},
      what: 'list timeouts',
    };
    for await (const message of this.#client.dump(request)) yield readTimeoutPolicy(message);
  }

  /** @throws NetlinkError: ENOENT */
  async get(name: string): Promise<TimeoutPolicy> {
    const [answer] = await this.#request(TimeoutCommand.Get, TimeoutMessage, { name }, `get timeout "${name}"`);
    return readTimeoutPolicy(found(answer));
  }

  /** @throws NetlinkError: ENOENT, EBUSY while a rule uses it */
  async delete(name: string): Promise<void> {
    await this.#request(TimeoutCommand.Delete, TimeoutMessage, { name }, `delete timeout "${name}"`);
  }

  /** Deletes all policies that no rule uses. */
  async flush(): Promise<void> {
    await this.#request(TimeoutCommand.Delete, TimeoutMessage, {}, 'flush timeouts');
  }

  /** The namespace's default timeouts of a protocol. @throws NetlinkError: EOPNOTSUPP */
  async defaultGet(l3proto: number, l4proto: number): Promise<TimeoutValues> {
    const what = `default timeouts of ${nameOf(IpProtocol, l4proto)}`;
    const [answer] = await this.#request(TimeoutCommand.DefaultGet, TimeoutMessage, { l3proto, l4proto }, what);
    return readTimeoutPolicy(found(answer)).timeouts;
  }

  /** Sets default timeouts of a protocol; others are not changed. @throws NetlinkError: EOPNOTSUPP @throws TypeError as `add` */
  async defaultSet(l3proto: number, l4proto: number, timeouts: TimeoutValues): Promise<void> {
    const value = { l3proto, l4proto, data: valuesFor(l4proto, timeouts) };
    await this.#request(TimeoutCommand.DefaultSet, messageFor(l4proto), value, `set default timeouts of ${nameOf(IpProtocol, l4proto)}`);
  }

  /** Closes the link. */
  close(): void {
    this.#client.close();
  }

  #request<A extends AttrTable>(
    command: number,
    attributes: Attrs<A>,
    value: Parameters<Attrs<A>['size']>[0],
    what: string,
    flags = 0,
  ): Promise<Message[]> {
    return this.#client.request({ type: messageType(Subsystem.CtnetlinkTimeout, command), flags, attributes, value, what });
  }
}

const messageFor = (l4proto: number): Attrs<AttrTable> => (TimeoutMessages[l4proto] ?? TimeoutMessage) as unknown as Attrs<AttrTable>;

const found = (answer: Message | undefined): Message => {
  if (answer === undefined) throw new NetlinkError(5, 'an acknowledgement without a response');
  return answer;
};

function valuesFor(l4proto: number, timeouts: TimeoutValues): TimeoutValues {
  const table: AttrTable = TimeoutTables[l4proto as IpProtocol]?.table ?? {};
  for (const name of Object.keys(timeouts)) {
    if (!Object.hasOwn(table, name)) throw new TypeError(`protocol ${nameOf(IpProtocol, l4proto)} has no timeout "${name}"`);
  }
  return timeouts;
}

/** Reads a NEW or DEFAULT_SET message of subsystem 8 as the kernel sends it. @throws DecodeError */
export function readTimeoutPolicy({ header, frame, at }: Message): TimeoutPolicy {
  const first = at + headerLength + FamilyHeader.byteLength;
  const length = at + header.length - first;
  if (length < 0) throw new DecodeError('CTA_TIMEOUT', 'nfgenmsg', at, `${header.length} bytes are not a message`);
  const { l4proto = 0 } = TimeoutMessage.read(frame, first, length);
  const value = messageFor(l4proto).read(frame, first, length);
  const timeouts: Record<string, number> = {};
  for (const [name, seconds] of Object.entries((value['data'] ?? {}) as Record<string, unknown>)) {
    if (typeof seconds === 'number') timeouts[name] = seconds;
  }
  return {
    name: (value['name'] as string | undefined) ?? '',
    l3proto: (value['l3proto'] as number | undefined) ?? 0,
    l4proto,
    use: (value['use'] as number | undefined) ?? 0,
    timeouts,
  };
}
