import { createClient, headerLength, lost, type Message, type NetlinkClient, type NetlinkLink } from '@ring3/netlink';
import { type AttrsOf, DecodeError } from '@ring3/wire';
import { FamilyHeader } from '../family-header.ts';
import { Group, messageType, Subsystem } from '../subsystem.ts';
import { ExpectCommand, ExpectMessage } from './attributes.ts';

/** An expectation as the kernel tells it: the attributes by their names. */
export type ExpectEntry = AttrsOf<(typeof ExpectMessage)['table']> & {
  /** AF_INET 2 or AF_INET6 10. */
  readonly family: number;
};

/** What happened to an expectation. */
export interface ExpectChange {
  readonly event: 'new' | 'destroy';
  readonly entry: ExpectEntry;
  /** The port id of the program that caused it; 0 where packets or time did. */
  readonly portId: number;
}

/** `conntrack … expect` as calls: works over every link. */
export class CtnetlinkExpClient {
  readonly #client: NetlinkClient;

  /** @param over a link, which is the client's own from then on, or a netlink client that others use too */
  constructor(over: NetlinkLink | NetlinkClient) {
    this.#client = 'request' in over ? over : createClient(over);
  }

  /** The expectations. @param family AF_INET 2 or AF_INET6 10; both unless given */
  async *list(family = 0): AsyncIterableIterator<ExpectEntry> {
    const type = messageType(Subsystem.CtnetlinkExp, ExpectCommand.Get);
    for await (const message of this.#client.dump({ type, family, attributes: ExpectMessage, value: {}, what: 'list expectations' }))
      yield readExpect(message);
  }

  /** What happens, as it does, until the iteration is left; `lost` where something could not be told. @throws NetlinkError */
  async *events(): AsyncIterableIterator<ExpectChange | typeof lost> {
    const told = messageType(Subsystem.CtnetlinkExp, ExpectCommand.New);
    const gone = messageType(Subsystem.CtnetlinkExp, ExpectCommand.Delete);
    for await (const message of this.#client.events([Group.ConntrackExpNew, Group.ConntrackExpDestroy])) {
      if (message === lost) yield lost;
      else if (message.header.type === told || message.header.type === gone)
        yield { event: message.header.type === gone ? 'destroy' : 'new', entry: readExpect(message), portId: message.header.portId };
    }
  }

  /** Ends the link. */
  close(): void {
    this.#client.close();
  }
}

/** Reads a NEW or DELETE message of subsystem 2 as the kernel sends it. @throws DecodeError */
export function readExpect({ header, frame, at }: Message): ExpectEntry {
  const first = at + headerLength + FamilyHeader.byteLength;
  const length = at + header.length - first;
  if (length < 0) throw new DecodeError('CTA_EXPECT', 'nfgenmsg', at, `${header.length} bytes are no message`);
  const { family } = FamilyHeader.read(frame, at + headerLength);
  return { ...ExpectMessage.read(frame, first, length), family };
}
