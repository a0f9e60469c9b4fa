import { be16, be32, be64, constant, DecodeError, Frame, struct, u16, u32, u64 } from '@ring3/wire';
import type { Window } from '../window.ts';
import { type CaptureFormat, type CaptureInterface, Found, longestPacket, type PacketRecord, Passed } from './capture-format.ts';
import { type Resolution, Timestamp, unitsPerSecond } from './timestamp.ts';

/** Block types, draft-ietf-opsawg-pcapng section 11.1. */
export const BlockType = { SectionHeader: 0x0a0d0d0a, InterfaceDescription: 1, Packet: 2, SimplePacket: 3, EnhancedPacket: 6 } as const;

/** The byte-order magic of a section. */
export const byteOrderMagic = 0x1a2b3c4d;

const sectionHeader = (half: typeof u16, word: typeof u32, wide: typeof u64) =>
  struct('Section Header Block', {
    type: word,
    length: word,
    magic: constant(word, byteOrderMagic),
    major: half,
    minor: half,
    sectionLength: wide,
  });

/** Section Header Block, section 4.1, without options: 24 bytes. */
export const SectionHeader = sectionHeader(u16, u32, u64);
export const SectionHeaderBig = sectionHeader(be16, be32, be64);

const interfaceDescription = (half: typeof u16, word: typeof u32) =>
  struct('Interface Description Block', { type: word, length: word, linkType: half, reserved: half, snapLength: word });

/** Interface Description Block, section 4.2, without options: 16 bytes. */
export const InterfaceDescription = interfaceDescription(u16, u32);
export const InterfaceDescriptionBig = interfaceDescription(be16, be32);

/** The interface options that are read. */
const InterfaceOption = { End: 0, Name: 2, Resolution: 9, Offset: 14 } as const;

/** Size of the fields before a packet's bytes, by block type. */
const enhancedHead = 28;
const simpleHead = 12;
/** Type and length, and the trailing length. */
const frameBytes = 12;

/** The state of an interface while packets are read. */
class Interface implements CaptureInterface {
  readonly linkType: number;
  readonly name: string;
  readonly snapLength: number;
  readonly resolution: Resolution;

  constructor(linkType: number, name: string, snapLength: number, resolution: Resolution) {
    this.linkType = linkType;
    this.name = name;
    this.snapLength = snapLength;
    this.resolution = resolution;
  }
}

/** A pcapng file: sections, each with its own byte order and interfaces. */
export class Pcapng implements CaptureFormat {
  readonly name = 'pcapng';
  interfaces: Interface[] = [];
  #little = true;
  readonly #timestamp = new Timestamp();
  /** The rest of a block whose content is skipped; its trailing length follows. */
  #passing = 0;

  get midway(): boolean {
    return this.#passing !== 0;
  }

  next(window: Window, record: PacketRecord): number {
    if (this.#passing !== 0) return this.#passTrailer(window);
    const { at, view } = window;
    const there = window.end - at;
    if (there < 12) return 12;
    if (view.getUint32(at, true) === BlockType.SectionHeader) return this.#openSection(window, there);
    const little = this.#little;
    const type = view.getUint32(at, little);
    const length = this.#lengthAt(window, view.getUint32(at + 4, little));
    switch (type) {
      case BlockType.EnhancedPacket:
      case BlockType.Packet:
        if (there < enhancedHead) return length < enhancedHead + 4 ? this.#tooShort(window, length) : enhancedHead;
        return this.#readEnhanced(window, record, length, type);
      case BlockType.SimplePacket:
        if (length < simpleHead + 4) return this.#tooShort(window, length);
        return this.#readSimple(window, record, length);
      case BlockType.InterfaceDescription:
        if (length < InterfaceDescription.byteLength + 4) return this.#tooShort(window, length);
        return there < length ? this.#whole(window, length) : this.#readInterface(window, length);
      default:
        window.at = at + length - 4;
        this.#passing = length;
        return Passed;
    }
  }

  /** Checks a block's length. */
  #lengthAt(window: Window, length: number): number {
    if (length < frameBytes || length % 4 !== 0) {
      throw new DecodeError('pcapng block', 'length', window.offset + 4, `${length} is not a valid block length: the file is damaged`);
    }
    return length;
  }

  #tooShort(window: Window, length: number): never {
    throw new DecodeError('pcapng block', 'length', window.offset + 4, `${length} bytes are too few for this block: the file is damaged`);
  }

  /** The bytes of a block that must be complete. */
  #whole(window: Window, length: number): number {
    if (length > longestPacket) {
      throw new DecodeError('pcapng block', 'length', window.offset + 4, `a block of ${length} bytes: the file is damaged`);
    }
    return length;
  }

  #openSection(window: Window, there: number): number {
    const { at, view } = window;
    const bytes = SectionHeader.byteLength;
    if (there < bytes) return bytes;
    this.#little = view.getUint32(at + 8, true) === byteOrderMagic;
    const frame = new Frame(window.bytes);
    const declared = this.#little ? SectionHeader : SectionHeaderBig;
    if (view.getUint32(at + 8, this.#little) !== byteOrderMagic) {
      throw new DecodeError('Section Header Block', 'magic', window.offset + 8, 'no byte-order magic');
    }
    const { length, major, minor } = declared.read(frame, at);
    if (major !== 1)
      throw new DecodeError('Section Header Block', 'major', window.offset + 12, `version ${major}.${minor}: only 1 is known`);
    if (this.#lengthAt(window, length) < bytes + 4) this.#tooShort(window, length);
    this.interfaces = [];
    window.at = at + length - 4;
    this.#passing = length;
    return Passed;
  }

  #passTrailer(window: Window): number {
    if (window.end - window.at < 4) return 4;
    this.#checkTrailer(window, window.at, this.#passing);
    this.#passing = 0;
    window.at += 4;
    return Passed;
  }

  #checkTrailer(window: Window, at: number, length: number): void {
    const again = window.view.getUint32(at, this.#little);
    if (again === length) return;
    const offset = window.offset - window.at + at;
    throw new DecodeError('pcapng block', 'length', offset, `the block ends with length ${again}, it began with ${length}`);
  }

  #readInterface(window: Window, length: number): number {
    const { at } = window;
    const declared = this.#little ? InterfaceDescription : InterfaceDescriptionBig;
    const { linkType, snapLength } = declared.read(new Frame(window.bytes), at);
    this.#checkTrailer(window, at + length - 4, length);
    const options = this.#readOptions(window, at + InterfaceDescription.byteLength, at + length - 4);
    this.interfaces.push(new Interface(linkType, options.name, snapLength, options));
    window.at = at + length;
    return Passed;
  }

  #readOptions({ view, bytes }: Window, at: number, end: number): Resolution & { name: string } {
    const found = { name: '', unitsPerSecond: 1e6, offsetSeconds: 0 };
    const little = this.#little;
    while (at + 4 <= end) {
      const code = view.getUint16(at, little);
      const length = view.getUint16(at + 2, little);
      at += 4;
      if (code === InterfaceOption.End || at + length > end) break;
      if (code === InterfaceOption.Name)
        found.name = Buffer.from(bytes.subarray(at, at + length))
          .toString('utf8')
          .replace(/\0.*$/s, '');
      if (code === InterfaceOption.Resolution && length === 1) found.unitsPerSecond = unitsPerSecond(view.getUint8(at));
      if (code === InterfaceOption.Offset && length === 8) found.offsetSeconds = Number(view.getBigInt64(at, little));
      at += (length + 3) & ~3;
    }
    return found;
  }

  #interfaceAt(window: Window, index: number): Interface {
    const found = this.interfaces[index];
    if (found !== undefined) return found;
    throw new DecodeError('pcapng block', 'interface', window.offset + 8, `interface ${index} was not described`);
  }

  /** An Enhanced Packet Block (4.3), or the older Packet Block (appendix A), whose header differs only in the interface's number. */
  #readEnhanced(window: Window, record: PacketRecord, length: number, type: number): number {
    const { at, view } = window;
    const little = this.#little;
    if (length < enhancedHead + 4) return this.#tooShort(window, length);
    if (window.end - at < length) return this.#whole(window, length);
    const captured = view.getUint32(at + 20, little);
    if (captured > length - enhancedHead - 4) {
      throw new DecodeError('pcapng block', 'captured', window.offset + 20, `${captured} bytes of a packet in a block of ${length}`);
    }
    this.#checkTrailer(window, at + length - 4, length);
    const from = this.#interfaceAt(window, type === BlockType.Packet ? view.getUint16(at + 8, little) : view.getUint32(at + 8, little));
    const timestamp = this.#timestamp;
    timestamp.set(view.getUint32(at + 12, little), view.getUint32(at + 16, little), from.resolution);
    record.at = at + enhancedHead;
    record.captured = captured;
    record.original = view.getUint32(at + 24, little);
    record.seconds = timestamp.seconds;
    record.nanoseconds = timestamp.nanoseconds;
    record.interface = from;
    window.at = at + length;
    return Found;
  }

  /** A Simple Packet Block (4.4): of the first interface, and without a time: it gets the time of the previous packet. */
  #readSimple(window: Window, record: PacketRecord, length: number): number {
    const { at, view } = window;
    if (window.end - at < length) return this.#whole(window, length);
    this.#checkTrailer(window, at + length - 4, length);
    const from = this.#interfaceAt(window, 0);
    const original = view.getUint32(at + 8, this.#little);
    const limit = from.snapLength === 0 ? original : from.snapLength;
    record.at = at + simpleHead;
    record.captured = Math.min(original, limit, length - simpleHead - 4);
    record.original = original;
    record.interface = from;
    window.at = at + length;
    return Found;
  }
}
