import { Family } from '../engine.ts';
import type { Settings } from '../settings.ts';
import { sumWords } from './checksum.ts';
import type { Packet } from './packet.ts';
import { transportCut } from './read.ts';

/** A reassembled datagram and its fragments. */
export interface Reassembled {
  readonly bytes: Uint8Array;
  /** The fragments in order of their offsets. */
  readonly fragments: readonly Uint8Array[];
  /** The settings with which it is read: the header checksum was verified for each fragment. */
  readonly settings: Settings;
}

interface Piece {
  readonly offset: number;
  readonly end: number;
  readonly packet: Uint8Array;
  /** Offset of its payload in `packet`. */
  readonly payloadAt: number;
}

/** Contiguous fragments. A fragment joins a run only if it arrives after it, at its end, and no run follows. */
interface Run {
  readonly offset: number;
  end: number;
  readonly pieces: Piece[];
}

interface Pending {
  readonly key: string;
  /** When the set is dropped; a set that begins again gets a new deadline. */
  deadline: number;
  /** In order of their offsets, without overlaps. */
  runs: Run[];
  /** IPv4: what its source has sent; undefined for IPv6. */
  readonly sender: Sender | undefined;
  /** The number of the set's last fragment among all fragments of its source. */
  heard: number;
  /** Length of the complete payload; known once the last fragment has arrived. */
  total: number;
  bytes: number;
}

/** An IPv4 source with incomplete sets. */
interface Sender {
  readonly address: number;
  /** Number of fragments that it has sent. */
  sent: number;
  /** Number of its incomplete sets. */
  sets: number;
}

/** Assumed overhead of a fragment and of a set, in bytes. */
const pieceOverhead = 64;
const setOverhead = 256;

/**
 * Collects fragments until a datagram is complete: RFC 791 section 3.2, RFC 8200 section 4.5. Time and memory are limited: an incomplete
 * set is dropped after 30 s, and the oldest sets are dropped if more than 4 MiB are held. A set with overlapping fragments is dropped (RFC
 * 5722). As in Linux, a fragment within one run of contiguous fragments is a repetition, and ignored; one that extends over two runs
 * overlaps, even if it has no new bytes. An IPv4 set begins again if its source has sent too many other fragments in between
 * (ipfrag_max_dist, Documentation/networking/ip-sysctl).
 */
export class Reassembly {
  readonly #settings: Settings;
  /** In order of their deadlines. */
  readonly #pending = new Map<string, Pending>();
  /** The sources of the incomplete IPv4 sets, by address. */
  readonly #senders = new Map<number, Sender>();
  #bytes = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Infinity: a set that is dropped late holds memory, within its limit, and no packet shows a difference. */
  readonly nextExpiry: number = Number.POSITIVE_INFINITY;

  /** Number of held bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Drops the expired sets. */
  expire(now: number): void {
    for (const set of this.#pending.values()) {
      if (set.deadline > now) break;
      this.#drop(set);
    }
  }

  /**
   * Whether an IPv6 atomic fragment is collected, as in Linux: an incomplete datagram has its identification (RFC 6946 has it another way),
   * or it has no payload. Any other one is a complete packet.
   */
  collects(packet: Packet): boolean {
    const isEmpty = packet.fragmentAt + 8 >= packet.at + packet.length;
    return isEmpty || (this.#pending.size !== 0 && this.#pending.has(keyOf(packet)));
  }

  /**
   * Adds a fragment.
   * @returns the datagram that it completes; `'refused'`: an IPv6 fragment that must not be reassembled and continues as a packet of its
   *   own
   */
  add(packet: Packet, now: number): Reassembled | 'refused' | undefined {
    this.expire(now);
    const piece = packet.family === Family.Ipv4 ? ipv4Piece(packet) : ipv6Piece(packet);
    if (piece === undefined) return undefined;
    if (piece === 'headerCut') return 'refused';
    const set = this.#setOf(packet, now);
    if (piece === 'odd') {
      this.#drop(set);
      return 'refused';
    }
    const added = this.#take(set, piece, packet.family);
    if (added === undefined) this.#bound();
    return added;
  }

  #take(set: Pending, { piece, last }: { piece: Piece; last: boolean }, family: number): Reassembled | undefined {
    if (piece.end === piece.offset) {
      // without payload: in IPv4 it discards the set, in IPv6 it may determine the end of the datagram
      if (family === Family.Ipv4) this.#drop(set);
      else if (last && fits(set, piece.end, true)) set.total = piece.end;
      return undefined;
    }
    if (!fits(set, piece.end, last)) {
      // IPv4 discards the set, IPv6 only the fragment
      if (family === Family.Ipv4) this.#drop(set);
      return undefined;
    }
    if (last) set.total = piece.end;
    if (!this.#insert(set, piece) || set.total < 0 || !complete(set)) return undefined;
    this.#drop(set);
    return family === Family.Ipv4 ? this.#joinIpv4(set) : this.#joinIpv6(set);
  }

  /** The set of a fragment, empty if it is new or begins again. */
  #setOf(packet: Packet, now: number): Pending {
    const key = keyOf(packet);
    const deadline = now + this.#settings.fragTimeoutMs;
    let set = this.#pending.get(key);
    if (set === undefined) {
      const sender = packet.family === Family.Ipv4 ? this.#senderOf(packet.source0) : undefined;
      if (sender !== undefined) sender.sets++;
      set = { key, deadline, runs: [], sender, heard: 0, total: -1, bytes: setOverhead };
      this.#pending.set(key, set);
      this.#bytes += setOverhead;
    }
    const { sender } = set;
    if (sender === undefined) return set;
    const before = set.heard;
    set.heard = ++sender.sent;
    const limit = this.#settings.fragMaxDistance;
    if (limit === 0 || set.runs.length === 0 || set.heard - before <= limit) return set;
    this.#bytes -= set.bytes - setOverhead;
    Object.assign(set, { deadline, runs: [], total: -1, bytes: setOverhead });
    this.#pending.delete(key);
    this.#pending.set(key, set);
    return set;
  }

  #senderOf(address: number): Sender {
    let sender = this.#senders.get(address);
    if (sender === undefined) {
      sender = { address, sent: 0, sets: 0 };
      this.#senders.set(address, sender);
    }
    return sender;
  }

  /** @returns false if the fragment is a repetition, or the set was dropped because of it */
  #insert(set: Pending, piece: Piece): boolean {
    const { runs } = set;
    let at = runs.length;
    while (at > 0 && runs[at - 1]!.offset > piece.offset) at--;
    const before = runs[at - 1];
    if (before !== undefined && piece.end <= before.end) return false;
    if (before !== undefined && before.end > piece.offset) return this.#drop(set);
    const next = runs[at];
    if (next !== undefined && next.offset < piece.end) return this.#drop(set);
    if (next === undefined && before?.end === piece.offset) {
      before.pieces.push(piece);
      before.end = piece.end;
    } else runs.splice(at, 0, { offset: piece.offset, end: piece.end, pieces: [piece] });
    set.bytes += piece.packet.byteLength + pieceOverhead;
    this.#bytes += piece.packet.byteLength + pieceOverhead;
    return true;
  }

  #drop(set: Pending): false {
    if (!this.#pending.delete(set.key)) return false;
    this.#bytes -= set.bytes;
    const { sender } = set;
    if (sender !== undefined && --sender.sets === 0) this.#senders.delete(sender.address);
    return false;
  }

  #bound(): void {
    for (const set of this.#pending.values()) {
      if (this.#bytes <= this.#settings.fragHighThreshold) return;
      this.#drop(set);
    }
  }

  #joinIpv4(set: Pending): Reassembled | undefined {
    const pieces = piecesOf(set);
    const first = pieces[0]!;
    const header = first.payloadAt;
    const length = header + set.total;
    if (length > 0xffff) return undefined;
    const bytes = new Uint8Array(length);
    bytes.set(first.packet.subarray(0, header));
    const view = new DataView(bytes.buffer);
    view.setUint16(2, length);
    view.setUint16(6, 0);
    view.setUint16(10, 0);
    view.setUint16(10, ~sumWords(view, 0, header) & 0xffff);
    fill(bytes, header, pieces);
    return { bytes, fragments: pieces.map((piece) => piece.packet), settings: this.#settings };
  }

  /** Removes the fragment header; the header before it gets the fragment header's next header. */
  #joinIpv6(set: Pending): Reassembled | undefined {
    const pieces = piecesOf(set);
    const first = pieces[0]!;
    const unfragmentable = first.payloadAt - 8;
    const length = unfragmentable + set.total;
    if (length - 40 > 0xffff) return undefined;
    const bytes = new Uint8Array(length);
    bytes.set(first.packet.subarray(0, unfragmentable));
    const view = new DataView(bytes.buffer);
    view.setUint16(4, length - 40);
    bytes[lastNextHeader(bytes, unfragmentable)] = first.packet[unfragmentable]!;
    fill(bytes, unfragmentable, pieces);
    return { bytes, fragments: pieces.map((piece) => piece.packet), settings: this.#settings };
  }
}

function fill(bytes: Uint8Array, header: number, pieces: readonly Piece[]): void {
  for (const piece of pieces) bytes.set(piece.packet.subarray(piece.payloadAt), header + piece.offset);
}

/** Whether `end` is consistent with the known length of the datagram. */
function fits(set: Pending, end: number, last: boolean): boolean {
  if (!last) return set.total < 0 || end <= set.total;
  return (set.total < 0 || set.total === end) && (set.runs.at(-1)?.end ?? 0) <= end;
}

/** The fragments of a set in order of their offsets. */
const piecesOf = (set: Pending): Piece[] => set.runs.flatMap((run) => run.pieces);

function complete(set: Pending): boolean {
  let reached = 0;
  for (const run of set.runs) {
    if (run.offset !== reached) return false;
    reached = run.end;
  }
  return reached === set.total;
}

/** Offset of the next header field that refers to the header at `end`. */
function lastNextHeader(bytes: Uint8Array, end: number): number {
  let field = 6;
  let next = bytes[6]!;
  for (let at = 40; at < end; ) {
    field = at;
    const length = next === 51 ? (bytes[at + 1]! + 2) * 4 : (bytes[at + 1]! + 1) * 8;
    next = bytes[at]!;
    at += length;
  }
  return field;
}

/** The key of a datagram: source, destination, identification and protocol. */
function keyOf(packet: Packet): string {
  if (packet.family === Family.Ipv4) {
    return `${packet.source0} ${packet.destination0} ${packet.view.getUint16(packet.at + 4)} ${packet.protocol} ${packet.meta >>> 16}`;
  }
  const { source0, source1, source2, source3, destination0, destination1, destination2, destination3 } = packet;
  const id = packet.view.getInt32(packet.fragmentAt + 4);
  return `${source0} ${source1} ${source2} ${source3} ${destination0} ${destination1} ${destination2} ${destination3} ${id}`;
}

/** A fragment other than the last one is truncated to a multiple of eight bytes. */
function ipv4Piece(packet: Packet): { piece: Piece; last: boolean } | undefined {
  const { view, at } = packet;
  const field = view.getUint16(at + 6);
  const offset = (field & 0x1fff) * 8;
  const last = (field & 0x2000) === 0;
  const header = packet.l4At - at;
  const length = (packet.length - header) & (last ? ~0 : ~7);
  if (packet.l4There < length || offset + length + header > 0xffff) return undefined;
  return { piece: { offset, end: offset + length, packet: copy(view, at, header + length), payloadAt: header }, last };
}

/**
 * @returns `odd`: not the last one, and not a multiple of eight bytes; `headerCut`: the first one, with an incomplete transport header (RFC
 *   8200 section 4.5)
 */
function ipv6Piece(packet: Packet): { piece: Piece; last: boolean } | 'odd' | 'headerCut' | undefined {
  const { view, at, fragmentAt } = packet;
  const field = view.getUint16(fragmentAt + 2);
  const offset = field & 0xfff8;
  const last = (field & 1) === 0;
  const payloadAt = fragmentAt + 8 - at;
  const length = packet.length - payloadAt;
  if (at + packet.length > packet.l4At + packet.l4There || length < 0 || offset + length > 0xffff) return undefined;
  if (offset === 0 && transportCut(view, view.getUint8(fragmentAt), fragmentAt + 8, at + packet.length)) return 'headerCut';
  if (!last && length % 8 !== 0) return 'odd';
  return { piece: { offset, end: offset + length, packet: copy(view, at, packet.length), payloadAt }, last };
}

const copy = (view: DataView, at: number, length: number): Uint8Array => new Uint8Array(view.buffer, view.byteOffset + at, length).slice();
