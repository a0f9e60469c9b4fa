import { GetFlags, headerLength, lost, type Message, type NetlinkClient, type NetlinkLink } from '@ring3/netlink';
import { type AttrsInput, type AttrsOf, DecodeError } from '@ring3/wire';
import { clientOver } from '../client-over.ts';
import { FamilyHeader } from '../family-header.ts';
import { Group, messageType, Subsystem } from '../subsystem.ts';
import { ConntrackCommand, ConntrackMessage, ConntrackStats, ConntrackStatsCpu, type TupleAttributes } from './attributes.ts';

/** A flow as the kernel reports it: the attributes by name; an attribute that was not sent is undefined. */
export type ConntrackEntry = AttrsOf<(typeof ConntrackMessage)['table']> & {
  /** AF_INET 2 or AF_INET6 10. */
  readonly family: number;
};
/** One direction of a flow. */
export type ConntrackTuple = AttrsOf<(typeof TupleAttributes)['table']>;

/** One direction of a flow in a request. */
export type ConntrackTupleInput = AttrsInput<(typeof TupleAttributes)['table']>;

/** A filter that the kernel or server applies to a dump. */
export interface ConntrackFilter {
  /** AF_INET 2 or AF_INET6 10; default: both. */
  readonly family?: number | undefined;
  readonly mark?: number | undefined;
  /** Mask of the mark; default: all bits. */
  readonly markMask?: number | undefined;
}

/** An event of a flow. */
export interface ConntrackChange {
  readonly event: 'new' | 'update' | 'destroy';
  readonly entry: ConntrackEntry;
  /** The port id of the program that caused it; 0 for packets and time-outs. */
  readonly portId: number;
}

/** Counters of one processor: `conntrack -S`. */
export type ConntrackStatistics = AttrsOf<(typeof ConntrackStatsCpu)['table']> & { readonly cpu: number };

const groups = { new: Group.ConntrackNew, update: Group.ConntrackUpdate, destroy: Group.ConntrackDestroy } as const;
const createdFlags = 0x600; // NLM_F_CREATE | NLM_F_EXCL distinguish a new flow from a changed one

/** `conntrack …` as calls, over any link. A failed request throws NetlinkError with the kernel's errno. */
export class CtnetlinkClient {
  readonly #client: NetlinkClient;

  /** @param over a link, which the client then owns, or a shared netlink client */
  constructor(over: NetlinkLink | NetlinkClient) {
    this.#client = clientOver(over);
  }

  /** Dumps the flows. @param zero true: also reset their counters */
  async *list({ family = 0, mark, markMask }: ConntrackFilter = {}, zero = false): AsyncIterableIterator<ConntrackEntry> {
    const type = messageType(Subsystem.Ctnetlink, zero ? ConntrackCommand.GetCtrZero : ConntrackCommand.Get);
    const value = mark === undefined ? {} : { mark, markMask: markMask ?? 0xffffffff };
    for await (const message of this.#client.dump({ type, family, attributes: ConntrackMessage, value, what: 'list flows' }))
      yield readConntrack(message);
  }

  /** Returns the flow with this tuple. @throws NetlinkError: ENOENT */
  async get(family: number, tupleOrig: ConntrackTupleInput, zone?: number): Promise<ConntrackEntry | undefined> {
    const [answer] = await this.#request(ConntrackCommand.Get, family, { tupleOrig, zone }, 'get flow');
    return answer === undefined ? undefined : readConntrack(answer);
  }

  /** Deletes a flow that was listed: that flow, never a newer one with the same tuple. @throws NetlinkError: ENOENT */
  async delete({ family, tupleOrig, zone, id }: Pick<ConntrackEntry, 'family' | 'tupleOrig' | 'zone' | 'id'>): Promise<void> {
    await this.#request(ConntrackCommand.Delete, family, { tupleOrig, zone, id }, 'delete flow');
  }

  /** Deletes all flows. @param family only flows of this family; 0 for both */
  async flush(family = 0): Promise<void> {
    // the family is honoured from version 1 on; version 0 flushes both
    await this.#request(ConntrackCommand.Delete, family, {}, 'flush flows', family === 0 ? 0 : 1);
  }

  /** Number of flows. */
  async count(): Promise<number> {
    const [answer] = await this.#request(ConntrackCommand.GetStats, 0, {}, 'count flows');
    if (answer === undefined) return 0;
    const { frame, at, length } = payloadOf(answer);
    return ConntrackStats.read(frame, at, length).entries ?? 0;
  }

  /** The counters, by processor. */
  async *stats(): AsyncIterableIterator<ConntrackStatistics> {
    const request = {
      type: messageType(Subsystem.Ctnetlink, ConntrackCommand.GetStatsCpu),
      flags: GetFlags.Dump,
      attributes: ConntrackMessage,
      value: {},
      what: 'statistics',
    };
    for await (const message of this.#client.dump(request)) {
      const { frame, at, length, resourceId } = payloadOf(message);
      yield { ...ConntrackStatsCpu.read(frame, at, length), cpu: resourceId };
    }
  }

  /** Events as they occur, until the iteration ends; `lost` if events were lost. @throws NetlinkError */
  async *events(
    kinds: readonly ('new' | 'update' | 'destroy')[] = ['new', 'update', 'destroy'],
  ): AsyncIterableIterator<ConntrackChange | typeof lost> {
    const destroyed = messageType(Subsystem.Ctnetlink, ConntrackCommand.Delete);
    const told = messageType(Subsystem.Ctnetlink, ConntrackCommand.New);
    for await (const message of this.#client.events(kinds.map((kind) => groups[kind]))) {
      if (message === lost) yield lost;
      else if (message.header.type === destroyed || message.header.type === told) {
        const event = message.header.type === destroyed ? 'destroy' : (message.header.flags & createdFlags) !== 0 ? 'new' : 'update';
        yield { event, entry: readConntrack(message), portId: message.header.portId };
      }
    }
  }

  /** Closes the link. */
  close(): void {
    this.#client.close();
  }

  #request(
    command: number,
    family: number,
    value: AttrsInput<(typeof ConntrackMessage)['table']>,
    what: string,
    version = 0,
  ): Promise<Message[]> {
    const type = messageType(Subsystem.Ctnetlink, command);
    return this.#client.request({ type, family, version, attributes: ConntrackMessage, value, what });
  }
}

/** The position of the attributes of a message. @throws DecodeError */
function payloadOf({ header, frame, at }: Message) {
  const first = at + headerLength + FamilyHeader.byteLength;
  const length = at + header.length - first;
  if (length < 0) throw new DecodeError('CTA', 'nfgenmsg', at, `${header.length} bytes are not a message`);
  const { family, resourceId } = FamilyHeader.read(frame, at + headerLength);
  return { frame, at: first, length, family, resourceId };
}

/** Reads a NEW or DELETE message of subsystem 1 as the kernel sends it. @throws DecodeError */
export function readConntrack(message: Message): ConntrackEntry {
  const { frame, at, length, family } = payloadOf(message);
  return { ...ConntrackMessage.read(frame, at, length), family };
}
