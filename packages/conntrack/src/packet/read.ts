import { Family, Protocol } from '../engine.ts';
import type { Settings } from '../settings.ts';
import { fold, sumWords } from './checksum.ts';
import { type Packet, PacketClass } from './packet.ts';

/** Result of `readPacket` for a packet that is not a fragment and whose transport header was found. */
export const Complete = 0;
/** Result of `readPacket` for an IPv6 packet with an atomic fragment: offset 0, and no more fragments (RFC 6946). */
export const Atomic = 8;

/**
 * Reads the IP headers of the packet at `at` into `packet`: RFC 791, RFC 8200. The bytes are untrusted: no byte beyond `there` is read.
 * @param there available bytes from `at` on
 * @param unsized the packet's length if its header has length 0, as before segmentation offload; 0: such a packet is dropped
 * @returns `Complete`; Dropped if a router would discard it, Invalid if the transport header was not found, Fragment for a fragment,
 *   `Atomic` for an atomic fragment, which is read up to its fragment header
 */
export function readPacket(packet: Packet, view: DataView, at: number, there: number, settings: Settings, unsized = 0): number {
  if (there < 20 || at < 0 || at + there > view.byteLength) return PacketClass.Dropped;
  packet.view = view;
  packet.at = at;
  const version = view.getUint8(at) >>> 4;
  if (version === 4) return readIpv4(packet, view, at, there, settings, unsized);
  if (version === 6) return readIpv6(packet, view, at, there, settings, unsized);
  return PacketClass.Dropped;
}

function readIpv4(packet: Packet, view: DataView, at: number, there: number, settings: Settings, unsized: number): number {
  const first = view.getInt32(at, false);
  const header = ((first >>> 24) & 15) * 4;
  const length = first & 0xffff || unsized;
  if (header < 20 || length < header || header > there) return PacketClass.Dropped;
  if (length > there && settings.snapped === 0) return PacketClass.Dropped;
  if (settings.ipChecksum !== 0 && sumWords(view, at, header) !== 0xffff) return PacketClass.Dropped;
  const third = view.getInt32(at + 8, false);
  packet.family = Family.Ipv4;
  packet.length = length;
  packet.hopLimit = third >>> 24;
  packet.protocol = (third >>> 16) & 255;
  packet.source0 = view.getInt32(at + 12, false);
  packet.destination0 = view.getInt32(at + 16, false);
  packet.l4At = at + header;
  packet.l4Length = length - header;
  packet.l4There = (length < there ? length : there) - header;
  if ((view.getUint16(at + 6, false) & 0x3fff) !== 0) {
    packet.fragmentAt = at;
    return PacketClass.Fragment;
  }
  return Complete;
}

function readIpv6(packet: Packet, view: DataView, at: number, there: number, settings: Settings, unsized: number): number {
  if (there < 40) return PacketClass.Dropped;
  const second = view.getInt32(at + 4, false);
  const payload = second >>> 16;
  const next = (second >>> 8) & 255;
  let length = 40 + payload;
  if (next === hopByHop) {
    // a router discards a truncated header
    if (there < 48 || at + 48 + view.getUint8(at + 41) * 8 > at + there) return PacketClass.Dropped;
    length = lengthByOptions(view, at, payload, unsized || there);
    if (length === 0) return PacketClass.Dropped;
  } else if (payload === 0 && next !== noNextHeader && unsized > 40) length = unsized;
  if (length > there && settings.snapped === 0) return PacketClass.Dropped;
  packet.family = Family.Ipv6;
  packet.length = length;
  packet.hopLimit = second & 255;
  packet.source0 = view.getInt32(at + 8, false);
  packet.source1 = view.getInt32(at + 12, false);
  packet.source2 = view.getInt32(at + 16, false);
  packet.source3 = view.getInt32(at + 20, false);
  packet.destination0 = view.getInt32(at + 24, false);
  packet.destination1 = view.getInt32(at + 28, false);
  packet.destination2 = view.getInt32(at + 32, false);
  packet.destination3 = view.getInt32(at + 36, false);
  const end = at + (length < there ? length : there);
  if (next === hopByHop && at + 48 + view.getUint8(at + 41) * 8 > end) return PacketClass.Dropped;
  return skipExtensions(packet, view, next, at + 40, end, at + length);
}

/**
 * The length of an IPv6 packet that starts with a hop-by-hop options header, whose options every router processes (RFC 8200 section 4.3):
 * an unknown option discards the packet if its type says so (section 4.2), a Jumbo Payload option contains the length (RFC 2675 section 3).
 * The limits on options and padding are the kernel's, measured.
 * @param payload the Payload Length of the header
 * @param whole bytes of the packet if no header contains its length
 * @returns bytes, header included; 0: a router discards it
 */
function lengthByOptions(view: DataView, at: number, payload: number, whole: number): number {
  const end = at + 48 + view.getUint8(at + 41) * 8;
  let jumbo = 0;
  let padding = 0;
  let count = 0;
  for (let option = at + 42; option < end; ) {
    const type = view.getUint8(option);
    const size = type === Option.Pad1 ? 1 : option + 1 < end ? view.getUint8(option + 1) + 2 : Number.POSITIVE_INFINITY;
    if (option + size > end) return 0;
    if (type <= Option.PadN) {
      padding += size;
      if (padding > maxPadding || !isZero(view, option + 2, option + size)) return 0;
    } else {
      padding = 0;
      if (++count > maxOptions) return 0;
      if (type === Option.JumboPayload) {
        if (payload !== 0 || size !== 6 || ((option - at) & 3) !== 2) return 0;
        jumbo = view.getUint32(option + 2, false);
        if (jumbo <= 0xffff || jumbo > largestJumbo) return 0;
      } else if (type === Option.RouterAlert ? size !== 4 : (type & discards) !== 0) return 0;
    }
    option += size;
  }
  if (jumbo !== 0) return jumbo + 40;
  return payload === 0 ? whole : payload + 40;
}

/**
 * Reads an IPv6 packet with an atomic fragment as a complete packet, which it is (RFC 6946).
 * @param packet filled by `readPacket`, which returned `Atomic`
 * @returns as `readPacket`, but not `Atomic`
 */
export function readAtomic(packet: Packet): number {
  const { view, at, length } = packet;
  return skipExtensions(packet, view, view.getUint8(at + 6), at + 40, packet.l4At + packet.l4There, at + length, 'atomic');
}

/**
 * Whether the transport header at the end of a chain of extension headers is incomplete, as Linux has it (RFC 8200 section 4.5).
 * @param end end of the available bytes
 * @returns undefined if the chain ends before a transport header, or is itself incomplete
 */
export function transportCut(view: DataView, next: number, at: number, end: number): boolean | undefined {
  for (let l4At = at; ; ) {
    if (next === noNextHeader) return undefined;
    if (next !== 0 && next !== 43 && next !== 44 && next !== 51 && next !== 60) return l4At + smallestHeader(next) > end;
    if (l4At + (next === 44 ? 4 : 2) > end) return undefined;
    if (next === 44 && (view.getUint16(l4At + 2, false) & 0xfff8) !== 0) return undefined;
    const words = view.getUint8(l4At + 1);
    const length = next === 44 ? 8 : next === 51 ? (words + 2) * 4 : (words + 1) * 8;
    next = view.getUint8(l4At);
    l4At += length;
  }
}

/** Number of bytes of the transport header that a first fragment must contain. */
function smallestHeader(protocol: number): number {
  if (protocol === Protocol.Tcp) return 20;
  return protocol === Protocol.Udp || protocol === Protocol.Icmpv6 ? 8 : 1;
}

/**
 * Reads an IPv6 fragment that is not reassembled, as a packet of its own: the transport header is where a first fragment has it.
 * @param packet filled by `readPacket`
 * @returns `Complete`, or Invalid for another fragment
 */
export function readUncollected(packet: Packet): number {
  const { view, at, length } = packet;
  const end = packet.l4At + packet.l4There;
  const found = skipExtensions(packet, view, view.getUint8(at + 6), at + 40, end, at + length, 'first');
  packet.length = length; // with its fragment header
  return found === Complete ? Complete : PacketClass.Invalid;
}

const hopByHop = 0;
const noNextHeader = 59;
/** Hop-by-hop options: RFC 8200 section 4.2, RFC 2711, RFC 2675. */
const Option = { Pad1: 0, PadN: 1, RouterAlert: 5, JumboPayload: 0xc2 } as const;
/** The bits of an option's type by which a router that does not know it discards the packet. */
const discards = 0xc0;
/** Maximum bytes of consecutive padding, and maximum number of other options. */
const maxPadding = 7;
const maxOptions = 8;

function isZero(view: DataView, from: number, end: number): boolean {
  for (let at = from; at < end; at++) if (view.getUint8(at) !== 0) return false;
  return true;
}
/** Lengths are signed 32-bit numbers here. */
const largestJumbo = 0x7fffffff - 40;

/**
 * Walks the chain of extension headers, RFC 8200 section 4.
 * @param end end of the available bytes
 * @param whole end of the packet according to its header
 * @param accept the fragments that are read like complete packets: none, atomic ones, or all first ones (that is what identifies a flow
 *   whose packet an ICMP error quotes)
 * @returns `Complete`, Invalid, Dropped; Fragment or `Atomic` for a fragment that is not accepted, whose header is at `fragmentAt` and `l4At`
 */
export function skipExtensions(
  packet: Packet,
  view: DataView,
  next: number,
  at: number,
  end: number,
  whole: number,
  accept: 'none' | 'atomic' | 'first' = 'none',
): number {
  let l4At = at;
  let atomic = false;
  for (;;) {
    if (next === 0 || next === 43 || next === 60) {
      if (l4At + 8 > end) return PacketClass.Invalid;
      next = view.getUint8(l4At);
      l4At += (view.getUint8(l4At + 1) + 1) * 8;
      if (l4At > end) return PacketClass.Invalid;
    } else if (next === 51) {
      if (l4At + 8 > end) return PacketClass.Invalid;
      next = view.getUint8(l4At);
      l4At += (view.getUint8(l4At + 1) + 2) * 4;
      if (l4At > end) return PacketClass.Invalid;
    } else if (next === 44) {
      if (l4At + 8 > end) {
        // truncated: Linux discards it if it can read no transport header after it (measured)
        const isBare = l4At === end && l4At === at;
        return accept !== 'none' || isBare || transportCut(view, 44, l4At, end) !== undefined ? PacketClass.Invalid : PacketClass.Dropped;
      }
      const isFragment = (view.getUint16(l4At + 2, false) & (accept === 'first' ? 0xfff8 : 0xfff9)) !== 0;
      if (isFragment || accept === 'none') {
        if (atomic) return PacketClass.Invalid;
        packet.fragmentAt = packet.l4At = l4At;
        packet.l4There = end - l4At;
        return isFragment ? PacketClass.Fragment : Atomic;
      }
      // an atomic fragment is a complete packet, RFC 6946; it continues without its fragment header
      next = view.getUint8(l4At);
      l4At += 8;
      if (!atomic) packet.length -= 8;
      atomic = true;
    } else if (next === 59) {
      return PacketClass.Invalid;
    } else break;
  }
  if (l4At > end) return PacketClass.Invalid;
  packet.protocol = next;
  packet.l4At = l4At;
  packet.l4Length = whole - l4At;
  packet.l4There = end - l4At;
  return Complete;
}

/** The sum of the pseudo header with `protocol`, RFC 9293 section 3.1 and RFC 8200 section 8.1. */
export function pseudoSum(packet: Packet, protocol: number): number {
  let sum = halves(packet.source0) + halves(packet.destination0) + protocol + (packet.l4Length & 0xffff) + (packet.l4Length >>> 16);
  if (packet.family === Family.Ipv6) {
    sum += halves(packet.source1) + halves(packet.source2) + halves(packet.source3);
    sum += halves(packet.destination1) + halves(packet.destination2) + halves(packet.destination3);
  }
  return sum;
}

const halves = (word: number): number => (word & 0xffff) + (word >>> 16);

/**
 * Whether the transport checksum over payload and pseudo header is correct; true for a truncated packet, whose checksum cannot be verified.
 */
export function checksumRight(packet: Packet, protocol: number, length: number): boolean {
  if (packet.l4There < packet.l4Length) return true;
  return fold(pseudoSum(packet, protocol) + sumWords(packet.view, packet.l4At, length)) === 0xffff;
}

/**
 * Reads the available headers of the packet that an ICMP error quotes: RFC 792, RFC 4443 section 3.
 * @returns false if its IP header is incomplete or it is not the first fragment
 */
export function readInner(inner: Packet, outer: Packet): boolean {
  const view = outer.view;
  const at = outer.l4At + 8;
  const there = outer.l4There - 8;
  inner.view = view;
  inner.at = at;
  return outer.family === Family.Ipv4 ? readInnerIpv4(inner, view, at, there) : readInnerIpv6(inner, view, at, there);
}

function readInnerIpv4(inner: Packet, view: DataView, at: number, there: number): boolean {
  if (there < 20) return false;
  const first = view.getInt32(at, false);
  const header = ((first >>> 24) & 15) * 4;
  if (first >>> 28 !== 4 || header < 20 || header > there) return false;
  if ((view.getUint16(at + 6, false) & 0x1fff) !== 0) return false;
  inner.family = Family.Ipv4;
  inner.protocol = view.getUint8(at + 9);
  inner.source0 = view.getInt32(at + 12, false);
  inner.destination0 = view.getInt32(at + 16, false);
  inner.l4At = at + header;
  inner.l4There = there - header;
  inner.l4Length = inner.l4There;
  return true;
}

function readInnerIpv6(inner: Packet, view: DataView, at: number, there: number): boolean {
  if (there < 40 || view.getUint8(at) >>> 4 !== 6) return false;
  inner.family = Family.Ipv6;
  inner.source0 = view.getInt32(at + 8, false);
  inner.source1 = view.getInt32(at + 12, false);
  inner.source2 = view.getInt32(at + 16, false);
  inner.source3 = view.getInt32(at + 20, false);
  inner.destination0 = view.getInt32(at + 24, false);
  inner.destination1 = view.getInt32(at + 28, false);
  inner.destination2 = view.getInt32(at + 32, false);
  inner.destination3 = view.getInt32(at + 36, false);
  return skipExtensions(inner, view, view.getUint8(at + 6), at + 40, at + there, at + there, 'first') === Complete;
}
