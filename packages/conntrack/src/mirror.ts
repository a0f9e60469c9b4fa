import { classOf, flowOf } from './answer.ts';
import { Protocol } from './engine.ts';
import type { FlowEnd, FlowOwner } from './flow-owners.ts';
import { fold, sumWords } from './packet/checksum.ts';
import { PacketClass } from './packet/packet.ts';
import type { Tracker } from './tracker.ts';
import { readTuple } from './tuple.ts';

/** One end of a connection. */
export interface Endpoint {
  /** Four or sixteen bytes. */
  readonly address: Uint8Array;
  readonly port: number;
}

/** The callbacks of the code that carries a mirrored connection. They must not change the table. */
export interface MirrorOwner {
  /** The flow has expired; it can still be read. @returns whether it is kept, with its timer restarted */
  keeps(flow: number): boolean;
  /** The flow has ended; it can still be read. Not called after `end`. */
  ended(flow: number, how: FlowEnd): void;
}

const Flag = { Fin: 1, Syn: 2, Rst: 4, Ack: 16 } as const;
/** The initial sequence number of both sides; it is not visible outside. */
const firstNumber = 1000;
/** Assumed payload of a full segment; the headers of each segment are counted. */
const segmentBytes = 1460;
const window = 65535;

/**
 * A TCP connection that this program carries itself, as a flow. Its opening and its end pass the tracker as segments, so rules, policies,
 * states and events apply as to any other connection. The bytes in between are only counted, whatever the setting `acct`, and restart the
 * timer. If the tracker creates no flow (table full, notrack rule, a helper dropped it), `flow` is -1 and all other methods do nothing.
 */
export class MirroredConnection implements FlowOwner {
  readonly #tracker: Tracker;
  readonly #owner: MirrorOwner | undefined;
  readonly #ingress: string;
  /** Bytes of the headers of a segment. */
  readonly #header: number;
  #flow = -1;

  /**
   * @param now milliseconds in the tracker's time
   * @param ingress name of the interface that receives the client's segments
   */
  constructor(tracker: Tracker, client: Endpoint, server: Endpoint, now: number, owner?: MirrorOwner, ingress = '') {
    this.#tracker = tracker;
    this.#owner = owner;
    this.#ingress = ingress;
    this.#header = client.address.byteLength === 4 ? 40 : 60;
    const opening = counted(tracker, () => tracker.track(segment(client, server, Flag.Syn, 0, 0), 0, this.#header, now, ingress));
    if (classOf(opening) === PacketClass.Untracked || classOf(opening) === PacketClass.Dropped) return;
    tracker.track(segment(server, client, Flag.Syn | Flag.Ack, 0, 1), 0, this.#header, now, '', true);
    const opened = tracker.track(segment(client, server, Flag.Ack, 1, 1), 0, this.#header, now, ingress);
    const flow = flowOf(opened);
    if (flow < 0 || classOf(opened) !== PacketClass.Established || !tracker.flows.isConfirmed(flow)) return;
    tracker.flows.owners.own(flow, this);
    this.#flow = flow;
  }

  /** The flow's index, or -1: it is not tracked, or it ended. */
  get flow(): number {
    return this.#flow;
  }

  /** The client sent this many bytes of payload. */
  received(bytes: number, now: number): void {
    this.#carried(0, bytes, now);
  }

  /** The server sent this many bytes of payload. */
  sent(bytes: number, now: number): void {
    this.#carried(1, bytes, now);
  }

  /** The connection ends. @param how `close`: both sides closed it; `reset`: it was aborted @param by the side that began */
  end(how: 'close' | 'reset', by: 'client' | 'server', now: number): void {
    const flow = this.#flow;
    if (flow < 0) return;
    const tracker = this.#tracker;
    this.#flow = -1;
    tracker.flows.owners.disown(flow);
    tracker.flows.advance(now);
    if (!tracker.flows.isAlive(flow)) return;
    const { source, sourcePort, destination, destinationPort } = readTuple(tracker.flows.table, flow, 0);
    const client = { address: source, port: sourcePort };
    const server = { address: destination, port: destinationPort };
    const [first, second] = by === 'client' ? [client, server] : [server, client];
    const say = (from: Endpoint, to: Endpoint, flags: number, sequence: number, acknowledged: number): void => {
      const view = segment(from, to, flags, sequence, acknowledged);
      tracker.track(view, 0, this.#header, now, from === client ? this.#ingress : '', from === server);
    };
    if (how === 'reset') {
      say(first, second, Flag.Rst, 1, 0);
      return;
    }
    say(first, second, Flag.Fin | Flag.Ack, 1, 1);
    say(second, first, Flag.Fin | Flag.Ack, 1, 2);
    say(first, second, Flag.Ack, 2, 2);
  }

  /** @internal */
  keeps(flow: number): boolean {
    return this.#owner?.keeps(flow) === true;
  }

  /** @internal */
  ended(flow: number, how: FlowEnd): void {
    this.#flow = -1;
    this.#owner?.ended(flow, how);
  }

  #carried(direction: 0 | 1, bytes: number, now: number): void {
    if (this.#flow < 0) return;
    const packets = Math.max(1, Math.ceil(bytes / segmentBytes));
    this.#tracker.flows.account(this.#flow, direction, packets, bytes + packets * this.#header, now);
  }
}

/** Runs `begin` with accounting enabled, so that a flow it creates is counted. */
function counted<T>({ flows: { settings } }: Tracker, begin: () => T): T {
  const { acct } = settings;
  settings.acct = 1;
  try {
    return begin();
  } finally {
    settings.acct = acct;
  }
}

/** A segment without payload, from its IP header on. */
function segment(from: Endpoint, to: Endpoint, flags: number, sequence: number, acknowledged: number): DataView {
  const ipv4 = from.address.byteLength === 4;
  const header = ipv4 ? 20 : 40;
  const bytes = new Uint8Array(header + 20);
  const view = new DataView(bytes.buffer);
  if (ipv4) {
    view.setUint16(0, 0x4500);
    view.setUint16(2, bytes.length);
    view.setUint16(8, (64 << 8) | Protocol.Tcp);
  } else {
    view.setUint8(0, 0x60);
    view.setUint16(4, 20);
    view.setUint16(6, (Protocol.Tcp << 8) | 64);
  }
  const addressesAt = ipv4 ? 12 : 8;
  bytes.set(from.address, addressesAt);
  bytes.set(to.address, addressesAt + from.address.byteLength);
  if (ipv4) view.setUint16(10, ~fold(sumWords(view, 0, 20)) & 0xffff);
  view.setUint16(header, from.port);
  view.setUint16(header + 2, to.port);
  view.setUint32(header + 4, firstNumber + sequence);
  view.setUint32(header + 8, (flags & Flag.Ack) === 0 ? 0 : firstNumber + acknowledged);
  view.setUint16(header + 12, (5 << 12) | flags);
  view.setUint16(header + 14, window);
  const sum = sumWords(view, addressesAt, header - addressesAt) + Protocol.Tcp + 20 + sumWords(view, header, 20);
  view.setUint16(header + 16, ~fold(sum) & 0xffff);
  return view;
}
