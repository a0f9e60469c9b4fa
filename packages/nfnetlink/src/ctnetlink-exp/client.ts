import { headerLength, lost, type Message, type NetlinkClient, type NetlinkLink } from '@ring3/netlink';
import { type AttrsOf, DecodeError } from '@ring3/wire';
import { clientOver } from '../client-over.ts';
import { FamilyHeader } from '../family-header.ts';
import { Group, messageType, Subsystem } from '../subsystem.ts';
import { ExpectCommand, ExpectMessage } from './attributes.ts';

/** An expectation as the kernel reports it: the attributes by name. */
export type ExpectEntry = AttrsOf<(typeof ExpectMessage)['table']> & {
  /** AF_INET 2 or AF_INET6 10. */
  readonly family: number;
};

/** An event of an expectation. */
export interface ExpectChange {
  readonly event: 'new' | 'destroy';
  readonly entry: ExpectEntry;
  /** The port id of the program that caused it; 0 for packets and time-outs. */
  readonly portId: number;
}

/** `conntrack … expect` as calls, over any link. */
export class CtnetlinkExpClient {
  readonly #client: NetlinkClient;

  /** @param over a link, which the client then owns, or a shared netlink client */
  constructor(over: NetlinkLink | NetlinkClient) {
    this.#client = clientOver(over);
  }

  /** Dumps the expectations. @param family AF_INET 2 or AF_INET6 10; default: both */
  async *list(family = 0): AsyncIterableIterator<ExpectEntry> {
    const type = messageType(Subsystem.CtnetlinkExp, ExpectCommand.Get);
    for await (const message of this.#client.dump({ type, family, attributes: ExpectMessage, value: {}, what: 'list expectations' }))
      yield readExpect(message);
  }

  /** Events as they occur, until the iteration ends; `lost` if events were lost. @throws NetlinkError */
  async *events(): AsyncIterableIterator<ExpectChange | typeof lost> {
    const told = messageType(Subsystem.CtnetlinkExp, ExpectCommand.New);
    const gone = messageType(Subsystem.CtnetlinkExp, ExpectCommand.Delete);
    for await (const message of this.#client.events([Group.ConntrackExpNew, Group.ConntrackExpDestroy])) {
      if (message === lost) yield lost;
      else if (message.header.type === told || message.header.type === gone)
        yield { event: message.header.type === gone ? 'destroy' : 'new', entry: readExpect(message), portId: message.header.portId };
    }
  }

  /** Closes the link. */
  close(): void {
    this.#client.close();
  }
}

/** Reads a NEW or DELETE message of subsystem 2 as the kernel sends it. @throws DecodeError */
export function readExpect({ header, frame, at }: Message): ExpectEntry {
  const first = at + headerLength + FamilyHeader.byteLength;
  const length = at + header.length - first;
  if (length < 0) throw new DecodeError('CTA_EXPECT', 'nfgenmsg', at, `${header.length} bytes are not a message`);
  const { family } = FamilyHeader.read(frame, at + headerLength);
  return { ...ExpectMessage.read(frame, first, length), family };
}
