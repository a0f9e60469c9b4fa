import { headerLength, lost, type Message, type NetlinkClient, type NetlinkLink } from '@ring3/netlink';
import type { TypeOf } from '@ring3/wire';
import { clientOver } from '../client-over.ts';
import type { ConntrackMessage } from '../ctnetlink/attributes.ts';
import { FamilyHeader } from '../family-header.ts';
import { messageType, Subsystem } from '../subsystem.ts';
import { QueueCommand, QueueConfig, QueueConfigCommand, QueueCopyMode, QueueFlags, QueueMessage, Verdict } from './attributes.ts';

/** Options of a queue listener. */
export interface ListenOptions {
  /** Bytes of each packet that are copied; default: all; 0: none. */
  readonly copyRange?: number;
  /** Maximum number of waiting packets; default: 1024. */
  readonly maxLength?: number;
  /** Accept packets while the queue is full, instead of dropping them. */
  readonly failOpen?: boolean;
  /** Include the flow of each packet. */
  readonly conntrack?: boolean;
}

/** A packet that waits for a verdict. */
export interface QueuedPacket {
  readonly queue: number;
  readonly id: number;
  /** AF_INET or AF_INET6. */
  readonly family: number;
  /** From the IP header on, up to the requested length. */
  readonly payload: Uint8Array;
  /** Length of the whole packet, if the payload is truncated. */
  readonly length: number;
  /** Its flow, if requested. */
  readonly conntrack: TypeOf<typeof ConntrackMessage> | undefined;
  /** `enum ip_conntrack_info`. */
  readonly conntrackInfo: number | undefined;
}

/** NFQUEUE as calls, over any link. A failed request throws NetlinkError with the kernel's errno. */
export class QueueClient {
  readonly #client: NetlinkClient;

  /** @param over a link, which the client then owns, or a shared netlink client */
  constructor(over: NetlinkLink | NetlinkClient) {
    this.#client = clientOver(over);
  }

  /** Binds a queue: its packets then wait for verdicts of this client. @throws NetlinkError: EBUSY, EPERM if another program has it */
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

  /** Unbinds a queue; its waiting packets are dropped. */
  async unbind(queue: number): Promise<void> {
    await this.#config(queue, { command: { command: QueueConfigCommand.Unbind, family: 0 } });
  }

  /** The packets of all queues of this client, and `lost` if some were lost. */
  async *packets(): AsyncIterableIterator<QueuedPacket | typeof lost> {
    for await (const event of this.#client.events([])) {
      if (event === lost) yield lost;
      else if (event.header.type === messageType(Subsystem.Queue, QueueCommand.Packet)) yield readQueuedPacket(event);
    }
  }

  /**
   * Sends the verdict on one packet.
   * @param verdict one of `Verdict`; for another queue `Verdict.Queue` with its number in the upper 16 bits
   * @param payload the packet that replaces the original
   */
  async verdict({ queue, id }: Pick<QueuedPacket, 'queue' | 'id'>, verdict: number = Verdict.Accept, payload?: Uint8Array): Promise<void> {
    await this.#verdict(QueueCommand.Verdict, queue, id, verdict, payload);
  }

  /** Sends the verdict on all packets of a queue up to this one. */
  async verdictBatch({ queue, id }: Pick<QueuedPacket, 'queue' | 'id'>, verdict: number = Verdict.Accept): Promise<void> {
    await this.#verdict(QueueCommand.VerdictBatch, queue, id, verdict);
  }

  /** Closes the link; the queues are unbound. */
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
