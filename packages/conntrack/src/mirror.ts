import { flowOf } from './answer.ts';
import { Protocol } from './engine.ts';
import { fold, sumWords } from './packet/checksum.ts';
import { FlowWords, Serial } from './table/layout.ts';
import type { Tracker } from './tracker.ts';

/** One end of a connection. */
export interface Endpoint {
  /** Four or sixteen bytes. */
  readonly address: Uint8Array;
  readonly port: number;
}

const Flag = { Fin: 1, Syn: 2, Rst: 4, Ack: 16 } as const;
/** Sequence numbers that both sides start with; nobody else sees them. */
const firstNumber = 1000;
/** What a segment of a connection in full flight carries; headers are counted with each. */
const segmentBytes = 1460;
const window = 65535;

/**
 * A TCP connection that this program carries itself, as a flow: its opening and its end pass the tracker as segments, so that rules, policies,
 * states and events are those of any other; what it carries between is only counted, and restarts its timer.
 */
export class MirroredConnection {
  readonly #tracker: Tracker;
  readonly #client: Endpoint;
  readonly #server: Endpoint;
  readonly #flow: number;
  readonly #serial: number;
  #ended = false;

  /** @param now milliseconds in the tracker's time */
  constructor(tracker: Tracker, client: Endpoint, server: Endpoint, now: number) {
    this.#tracker = tracker;
    this.#client = client;
    this.#server = server;
    this.#segment(true, Flag.Syn, 0, 0, now);
    this.#segment(false, Flag.Syn | Flag.Ack, 0, 1, now);
    this.#flow = flowOf(this.#segment(true, Flag.Ack, 1, 1, now));
    this.#serial = this.#flow < 0 ? 0 : tracker.table.word(this.#flow, Serial);
  }

  /** The flow's index, or -1: it is not tracked, or it ended. */
  get flow(): number {
    return this.#flow >= 0 &&
      this.#tracker.isAlive(this.#flow) &&
      this.#tracker.table.words[this.#flow * FlowWords + Serial] === this.#serial
      ? this.#flow
      : -1;
  }

  /** The client sent this many bytes of payload. */
  received(bytes: number, now: number): void {
    this.#carried(0, bytes, now);
  }

  /** The server sent this many bytes of payload. */
  sent(bytes: number, now: number): void {
    this.#carried(1, bytes, now);
  }

  /** The connection ends. @param how `close`: both sides said so in turn; `reset`: it broke */
  end(how: 'close' | 'reset', now: number): void {
    if (this.#ended || this.flow < 0) return;
    this.#ended = true;
    if (how === 'reset') {
      this.#segment(true, Flag.Rst, 1, 0, now);
      return;
    }
    this.#segment(true, Flag.Fin | Flag.Ack, 1, 1, now);
    this.#segment(false, Flag.Fin | Flag.Ack, 1, 2, now);
    this.#segment(true, Flag.Ack, 2, 2, now);
  }

  #carried(direction: 0 | 1, bytes: number, now: number): void {
    const flow = this.flow;
    if (flow < 0 || this.#ended) return;
    const packets = Math.max(1, Math.ceil(bytes / segmentBytes));
    const header = this.#client.address.byteLength === 4 ? 40 : 60;
    this.#tracker.account(flow, direction, packets, bytes + packets * header, now);
  }

  /** Passes one segment without payload through the tracker. @returns the tracker's answer */
  #segment(fromClient: boolean, flags: number, sequence: number, acknowledged: number, now: number): number {
    const [source, destination] = fromClient ? [this.#client, this.#server] : [this.#server, this.#client];
    const ipv4 = source.address.byteLength === 4;
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
    bytes.set(source.address, addressesAt);
    bytes.set(destination.address, addressesAt + source.address.byteLength);
    if (ipv4) view.setUint16(10, ~fold(sumWords(view, 0, 20)) & 0xffff);
    view.setUint16(header, source.port);
    view.setUint16(header + 2, destination.port);
    view.setUint32(header + 4, firstNumber + sequence);
    view.setUint32(header + 8, (flags & Flag.Ack) === 0 ? 0 : firstNumber + acknowledged);
    view.setUint16(header + 12, (5 << 12) | flags);
    view.setUint16(header + 14, window);
    const sum = sumWords(view, addressesAt, header - addressesAt) + Protocol.Tcp + 20 + sumWords(view, header, 20);
    view.setUint16(header + 16, ~fold(sum) & 0xffff);
    return this.#tracker.track(view, 0, bytes.length, now, '', !fromClient);
  }
}
