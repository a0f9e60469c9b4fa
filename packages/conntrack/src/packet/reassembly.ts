import { Family, Protocol } from '../engine.ts';
import type { Settings } from '../settings.ts';
import { sumWords } from './checksum.ts';
import type { Packet } from './packet.ts';

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

interface Pending {
  readonly key: string;
  readonly deadline: number;
  readonly pieces: Piece[];
  /** Length of the complete payload; known once the last fragment has arrived. */
  total: number;
  bytes: number;
}

/** Assumed overhead of a fragment in bytes. */
const pieceOverhead = 64;

/**
 * Collects fragments until a datagram is complete: RFC 791 section 3.2, RFC 8200 section 4.5. Time and memory are limited: an incomplete
 * set is dropped after 30 s, and the oldest sets are dropped if more than 4 MiB are held. A set with overlapping fragments is dropped (RFC
 * 5722); a fragment without new bytes does not overlap.
 */
export class Reassembly {
  readonly #settings: Settings;
  /** In order of the arrival of their first fragments, and so of their deadlines. */
  readonly #pending = new Map<string, Pending>();
  #bytes = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

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
   * Adds a fragment.
   * @returns the datagram that it completes; `'refused'`: an IPv6 fragment that must not be reassembled and continues as a packet of its
   *   own
   */
  add(packet: Packet, now: number): Reassembled | 'refused' | undefined {
    this.expire(now);
    const piece = packet.family === Family.Ipv4 ? ipv4Piece(packet) : ipv6Piece(packet);
    if (piece === undefined) return undefined;
    if (piece === 'headerCut') return 'refused';
    const set = this.#setOf(keyOf(packet), now);
    if (piece === 'odd') {
      this.#drop(set);
      return 'refused';
    }
    if (piece.piece.end === piece.piece.offset) {
      // without payload: in IPv4 it discards the set, in IPv6 it may determine the end of the datagram
      if (packet.family === Family.Ipv4) this.#drop(set);
      else if (piece.last && fits(set, piece.piece.end, true)) set.total = piece.piece.end;
      return undefined;
    }
    if (!fits(set, piece.piece.end, piece.last)) {
      // IPv4 discards the set, IPv6 only the fragment
      if (packet.family === Family.Ipv4) this.#drop(set);
      return undefined;
    }
    if (piece.last) set.total = piece.piece.end;
    if (!this.#insert(set, piece.piece)) return undefined;
    if (set.total < 0 || !complete(set)) {
      this.#bound();
      return undefined;
    }
    this.#drop(set);
    return packet.family === Family.Ipv4 ? this.#joinIpv4(set) : this.#joinIpv6(set);
  }

  #setOf(key: string, now: number): Pending {
    let set = this.#pending.get(key);
    if (set === undefined) {
      set = { key, deadline: now + this.#settings.fragTimeoutMs, pieces: [], total: -1, bytes: 0 };
      this.#pending.set(key, set);
    }
    return set;
  }

  /** @returns false if the fragment adds no bytes, or the set was dropped because of it */
  #insert(set: Pending, piece: Piece): boolean {
    let at = set.pieces.length;
    while (at > 0 && set.pieces[at - 1]!.offset > piece.offset) at--;
    const before = set.pieces[at - 1];
    if (before !== undefined && piece.end <= runEnd(set.pieces, at - 1)) return false;
    if (before !== undefined && before.end > piece.offset) return this.#drop(set);
    const next = set.pieces[at];
    if (next !== undefined && next.offset < piece.end) return this.#drop(set);
    set.pieces.splice(at, 0, piece);
    set.bytes += piece.packet.byteLength + pieceOverhead;
    this.#bytes += piece.packet.byteLength + pieceOverhead;
    return true;
  }

  #drop(set: Pending): false {
    if (this.#pending.delete(set.key)) this.#bytes -= set.bytes;
    return false;
  }

  #bound(): void {
    for (const set of this.#pending.values()) {
      if (this.#bytes <= this.#settings.fragHighThreshold) return;
      this.#drop(set);
    }
  }

  #joinIpv4(set: Pending): Reassembled | undefined {
    const first = set.pieces[0]!;
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
    fill(bytes, header, set.pieces);
    return { bytes, fragments: set.pieces.map((piece) => piece.packet), settings: this.#settings };
  }

  /** Removes the fragment header; the header before it gets the fragment header's next header. */
  #joinIpv6(set: Pending): Reassembled | undefined {
    const first = set.pieces[0]!;
    const unfragmentable = first.payloadAt - 8;
    const length = unfragmentable + set.total;
    if (length - 40 > 0xffff) return undefined;
    const bytes = new Uint8Array(length);
    bytes.set(first.packet.subarray(0, unfragmentable));
    const view = new DataView(bytes.buffer);
    view.setUint16(4, length - 40);
    bytes[lastNextHeader(bytes, unfragmentable)] = first.packet[unfragmentable]!;
    fill(bytes, unfragmentable, set.pieces);
    return { bytes, fragments: set.pieces.map((piece) => piece.packet), settings: this.#settings };
  }
}

function fill(bytes: Uint8Array, header: number, pieces: readonly Piece[]): void {
  for (const piece of pieces) bytes.set(piece.packet.subarray(piece.payloadAt), header + piece.offset);
}

/** Whether `end` is consistent with the known length of the datagram. */
function fits(set: Pending, end: number, last: boolean): boolean {
  if (!last) return set.total < 0 || end <= set.total;
  return (set.total < 0 || set.total === end) && !set.pieces.some((other) => other.end > end);
}

/** The end of the contiguous fragments from `at` on. */
function runEnd(pieces: readonly Piece[], at: number): number {
  let end = pieces[at]!.end;
  while (pieces[at + 1]?.offset === end) end = pieces[++at]!.end;
  return end;
}

function complete(set: Pending): boolean {
  let reached = 0;
  for (const piece of set.pieces) {
    if (piece.offset !== reached) return false;
    reached = piece.end;
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
  if (at + packet.length > view.byteLength || length < 0 || offset + length > 0xffff) return undefined;
  if (length > 0 && offset === 0 && length < smallestHeader(view.getUint8(fragmentAt))) return 'headerCut';
  if (!last && length % 8 !== 0) return 'odd';
  return { piece: { offset, end: offset + length, packet: copy(view, at, packet.length), payloadAt }, last };
}

/** Number of bytes of the transport header that the first fragment must contain. */
function smallestHeader(protocol: number): number {
  if (protocol === Protocol.Tcp) return 20;
  return protocol === Protocol.Udp || protocol === Protocol.Icmpv6 ? 8 : 1;
}

const copy = (view: DataView, at: number, length: number): Uint8Array => new Uint8Array(view.buffer, view.byteOffset + at, length).slice();
