import { headerLength, type Message, type NetlinkClient, NetlinkError, type NetlinkLink, NewFlags } from '@ring3/netlink';
import { type AttrsInput, DecodeError } from '@ring3/wire';
import { clientOver } from '../client-over.ts';
import { FamilyHeader } from '../family-header.ts';
import { messageType, Subsystem } from '../subsystem.ts';
import { HelperCommand, HelperMessage, HelperStatusCode, helperClassFields } from './attributes.ts';

/** A class of a helper's expectations. */
export interface HelperClassSpecification {
  /** At most 15 bytes, one character each (latin1). */
  readonly name: string;
  /** Maximum number of pending expectations of one flow: 0..255. */
  readonly max: number;
  /** Lifetime of an expectation. */
  readonly timeoutSeconds: number;
}

/** A user-space helper. */
export interface HelperSpecification {
  /** At most 15 bytes, one character each (latin1). */
  readonly name: string;
  /** AF_INET 2 or AF_INET6 10. */
  readonly l3proto: number;
  /** IP protocol number. */
  readonly l4proto: number;
  /** Number of the NFQUEUE that receives the packets. */
  readonly queueNumber: number;
  /** One to four. */
  readonly classes: readonly HelperClassSpecification[];
  /** Bytes of private data of each flow: 0..32. */
  readonly privateLength: number;
  readonly enabled: boolean;
}

/** Selects helpers: by name, by protocols, by both, or all. */
export interface HelperSelection {
  readonly name?: string;
  readonly l3proto?: number;
  readonly l4proto?: number;
}

/** `nfct helper …` as calls, over any link. A failed request throws NetlinkError with the kernel's errno. */
export class CthelperClient {
  readonly #client: NetlinkClient;

  /** @param over a link, which the client then owns, or a shared netlink client */
  constructor(over: NetlinkLink | NetlinkClient) {
    this.#client = clientOver(over);
  }

  /** Registers a helper. @throws NetlinkError: EEXIST, EBUSY (the kernel has a helper with this name), EINVAL, EOVERFLOW, ENOMEM, EPERM */
  async add(helper: HelperSpecification): Promise<void> {
    const value = { ...identityOf(helper), ...changesOf(helper), privateLength: helper.privateLength };
    await this.#request(HelperCommand.New, value, `add helper "${helper.name}"`, NewFlags.Create | NewFlags.Excl);
  }

  /**
   * Changes queue, class limits or status of a registered helper.
   * @throws NetlinkError: EBUSY for other classes; EINVAL if it does not exist
   */
  async update(
    helper: Pick<HelperSpecification, 'name' | 'l3proto' | 'l4proto'> &
      Partial<Pick<HelperSpecification, 'queueNumber' | 'classes' | 'enabled'>>,
  ): Promise<void> {
    await this.#request(HelperCommand.New, { ...identityOf(helper), ...changesOf(helper) }, `change helper "${helper.name}"`);
  }

  /** All user-space helpers. */
  async *list(): AsyncIterableIterator<HelperSpecification> {
    const request = {
      type: messageType(Subsystem.Cthelper, HelperCommand.Get),
      attributes: HelperMessage,
      value: {},
      what: 'list helpers',
    };
    for await (const message of this.#client.dump(request)) yield readHelper(message);
  }

  /** The first match. @throws NetlinkError: ENOENT */
  async get(selection: HelperSelection): Promise<HelperSpecification> {
    const what = `get helper "${selection.name ?? ''}"`;
    const [answer] = await this.#request(HelperCommand.Get, selectionOf(selection), what);
    if (answer === undefined) throw new NetlinkError(2, what); // a tuple without a match is acknowledged
    return readHelper(answer);
  }

  /** Deletes the matching helpers that no rule uses. @throws NetlinkError: ENOENT, EBUSY */
  async delete(selection: HelperSelection): Promise<void> {
    await this.#request(HelperCommand.Delete, selectionOf(selection), `delete helper "${selection.name ?? ''}"`);
  }

  /** Deletes all helpers that no rule uses. @throws NetlinkError: EBUSY if all are in use */
  async flush(): Promise<void> {
    await this.#request(HelperCommand.Delete, {}, 'flush helpers');
  }

  /** Closes the link. */
  close(): void {
    this.#client.close();
  }

  #request(command: number, value: AttrsInput<typeof HelperMessage.table>, what: string, flags = 0): Promise<Message[]> {
    return this.#client.request({ type: messageType(Subsystem.Cthelper, command), flags, attributes: HelperMessage, value, what });
  }
}

type Value = AttrsInput<typeof HelperMessage.table>;

const identityOf = ({ name, l3proto, l4proto }: { name: string; l3proto: number; l4proto: number }): Value => ({
  name,
  tuple: { l3proto, l4proto },
});

function selectionOf({ name, l3proto, l4proto }: HelperSelection): Value {
  const tuple = l3proto === undefined && l4proto === undefined ? undefined : { l3proto, l4proto };
  return { name, tuple };
}

function changesOf({ queueNumber, classes, enabled }: Partial<HelperSpecification>): Value {
  const rows = classes?.map(({ name, max, timeoutSeconds }) => ({ name, expectMax: max, expectTimeout: timeoutSeconds }));
  const [class1, class2, class3, class4] = rows ?? [];
  return {
    queueNumber,
    policy: rows === undefined ? undefined : { count: rows.length, class1, class2, class3, class4 },
    status: enabled === undefined ? undefined : enabled ? HelperStatusCode.Enabled : HelperStatusCode.Disabled,
  };
}

/** Reads a NEW message of subsystem 9 as the kernel sends it. @throws DecodeError */
export function readHelper({ header, frame, at }: Message): HelperSpecification {
  const first = at + headerLength + FamilyHeader.byteLength;
  const length = at + header.length - first;
  if (length < 0) throw new DecodeError('NFCTH', 'nfgenmsg', at, `${header.length} bytes are not a message`);
  const { name = '', tuple, queueNumber = 0, policy, privateLength = 0, status } = HelperMessage.read(frame, first, length);
  const classes = helperClassFields
    .map((field) => policy?.[field])
    .filter((row) => row !== undefined)
    .map((row) => ({ name: row.name ?? '', max: row.expectMax ?? 0, timeoutSeconds: row.expectTimeout ?? 0 }));
  return {
    name,
    l3proto: tuple?.l3proto ?? 0,
    l4proto: tuple?.l4proto ?? 0,
    queueNumber,
    classes,
    privateLength,
    enabled: status === HelperStatusCode.Enabled,
  };
}
