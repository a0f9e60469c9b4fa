import { createClient, headerLength, lost, type Message, type NetlinkClient, type NetlinkLink } from '@ring3/netlink';
import type { TypeOf } from '@ring3/wire';
import type { ConntrackMessage } from '../ctnetlink/attributes.ts';
import { FamilyHeader } from '../family-header.ts';
import { messageType, Subsystem } from '../subsystem.ts';
import { QueueCommand, QueueConfig, QueueConfigCommand, QueueCopyMode, QueueFlags, QueueMessage, Verdict } from './attributes.ts';

/** How a queue is listened to. */
export interface ListenOptions {
  /** Bytes of each packet that are told: all unless given; 0: none. */
  readonly copyRange?: number;
  /** Packets that may wait, 1024 unless given. */
  readonly maxLength?: number;
  /** What finds the queue full goes on, rather than being dropped. */
  readonly failOpen?: boolean;
  /** Each packet comes with its flow. */
  readonly conntrack?: boolean;
}

/** A packet that waits for a verdict. */
export interface QueuedPacket {
  readonly queue: number;
  readonly id: number;
  /** AF_INET or AF_INET6. */
  readonly family: number;
  /** From the IP header on, as far as it was asked for. */
  readonly payload: Uint8Array;
  /** Bytes of the whole packet, where the payload is cut. */
  readonly length: number;
  /** Its flow, where it was asked for. */
  readonly conntrack: TypeOf<typeof ConntrackMessage> | undefined;
  /** `enum ip_conntrack_info`. */
  readonly conntrackInfo: number | undefined;
}

/** NFQUEUE as calls: works over every link. All refusals are NetlinkError with the kernel's errno. */
export class QueueClient {
  readonly #client: NetlinkClient;

  /** @param over a link, which is the client's own from then on, or a netlink client that others use too */
  constructor(over: NetlinkLink | NetlinkClient) {
    this.#client = 'request' in over ? over : createClient(over);
  }

  /** Takes a queue: its packets wait for verdicts of this client from then on. @throws NetlinkError: EBUSY, EPERM somebody else has it */
  async bind(queue: number, options: ListenOptions = {}): Promise<void> {
    const { copyRange = 0xffff, maxLength, failOpen, conntrack } = options;
    const wanted = (failOpen === true ? QueueFlags.FailOpen : 0) | (conntrack === true ? QueueFlags.Conntrack : 0);
    await this.#config(queue, {
      command: { command: QueueConfigCommand.Bind, family: 0 },
      parameters: { copyRange, copyMode: copyRange === 0 ? QueueCopyMode.Meta : QueueCopyMode.Packet },
      maxLength,
      ...(wanted === 0 ? {} : { mask: wanted, flags: wanted }),
    });
  }

  /** Gives a queue back; what waits in it is dropped. */
  async unbind(queue: number): Promise<void> {
    await this.#config(queue, { command: { command: QueueConfigCommand.Unbind, family: 0 } });
  }

  /** The packets of all queues that this client took, and `lost` where some were lost on their way. */
  async *packets(): AsyncIterableIterator<QueuedPacket | typeof lost> {
    for await (const event of this.#client.events([])) {
      if (event === lost) yield lost;
      else if (event.header.type === messageType(Subsystem.Queue, QueueCommand.Packet)) yield readQueuedPacket(event);
    }
  }

  /**
   * Decides about one packet.
   * @param verdict one of `Verdict`; for another queue `Verdict.Queue` with its number in the upper 16 bits
   * @param payload the packet as it should go on
   */
  async verdict({ queue, id }: Pick<QueuedPacket, 'queue' | 'id'>, verdict: number = Verdict.Accept, payload?: Uint8Array): Promise<void> {
    await this.#verdict(QueueCommand.Verdict, queue, id, verdict, payload);
  }

  /** Decides about all packets of a queue up to this one. */
  async verdictBatch({ queue, id }: Pick<QueuedPacket, 'queue' | 'id'>, verdict: number = Verdict.Accept): Promise<void> {
    await this.#verdict(QueueCommand.VerdictBatch, queue, id, verdict);
  }

  /** Ends the link: queues go back. */
  close(): void {
    this.#client.close();
  }

  async #config(queue: number, value: Parameters<typeof QueueConfig.size>[0]): Promise<void> {
    const type = messageType(Subsystem.Queue, QueueCommand.Config);
    await this.#client.request({ type, resourceId: queue, attributes: QueueConfig, value, what: `configure queue ${queue}` });
  }

  async #verdict(command: number, queue: number, id: number, verdict: number, payload?: Uint8Array): Promise<void> {
    const type = messageType(Subsystem.Queue, command);
    const value = { verdict: { verdict, id }, payload };
    await this.#client.request({
      type,
      resourceId: queue,
      attributes: QueueMessage,
      value,
      what: `verdict about packet ${id} of queue ${queue}`,
    });
  }
}

/** Reads a PACKET message of subsystem 3. @throws DecodeError */
export function readQueuedPacket({ header, frame, at }: Message): QueuedPacket {
  const { family, resourceId } = FamilyHeader.read(frame, at + headerLength);
  const first = at + headerLength + FamilyHeader.byteLength;
  const {
    packet,
    payload = new Uint8Array(),
    capturedLength,
    conntrack,
    conntrackInfo,
  } = QueueMessage.read(frame, first, at + header.length - first);
  return { queue: resourceId, id: packet?.id ?? 0, family, payload, length: capturedLength ?? payload.length, conntrack, conntrackInfo };
}
