import { be16, be32, DecodeError, Frame, struct, u16, u32 } from '@ring3/wire';
import type { Window } from '../window.ts';
import { type CaptureFormat, type CaptureInterface, Found, longestPacket, type PacketRecord } from './capture-format.ts';

/** The magic numbers, read big-endian: fraction of a second in microseconds or nanoseconds, in either byte order. */
export const PcapMagic = { Micro: 0xa1b2c3d4, Nano: 0xa1b23c4d, MicroSwapped: 0xd4c3b2a1, NanoSwapped: 0x4d3cb2a1 } as const;

const fileHeader = (half: typeof u16, word: typeof u32) =>
  struct('pcap file header', {
    magic: word,
    major: half,
    minor: half,
    /** Seconds east of UTC; zero in practice. */
    thisZone: word,
    significantFigures: word,
    snapLength: word,
    /** The link type in the lower half; information about frame check sequences in the upper half. */
    linkType: word,
  });

/** The file's header, draft-ietf-opsawg-pcap section 4, little-endian and big-endian: 24 bytes. */
export const PcapHeader = fileHeader(u16, u32);
export const PcapHeaderBig = fileHeader(be16, be32);

const recordHeader = (word: typeof u32) => struct('pcap packet record', { seconds: word, fraction: word, captured: word, original: word });

/** The header of each packet, section 5: 16 bytes. */
export const PcapRecord = recordHeader(u32);
export const PcapRecordBig = recordHeader(be32);

/** A pcap file after its header. */
export class Pcap implements CaptureFormat {
  readonly name = 'pcap';
  readonly midway = false;
  readonly interfaces: readonly CaptureInterface[];
  readonly #interface: CaptureInterface;
  readonly #little: boolean;
  /** Nanoseconds in one unit of the fraction. */
  readonly #unit: number;

  /** Reads the file's header, which must be complete. @throws DecodeError */
  constructor(window: Window, magic: number) {
    this.#little = magic === PcapMagic.MicroSwapped || magic === PcapMagic.NanoSwapped;
    this.#unit = magic === PcapMagic.Nano || magic === PcapMagic.NanoSwapped ? 1 : 1000;
    const declared = this.#little ? PcapHeader : PcapHeaderBig;
    const { major, minor, linkType, snapLength } = declared.read(new Frame(window.bytes), window.at);
    if (major !== 2) throw new DecodeError('pcap file header', 'major', 4, `version ${major}.${minor}: only 2 is known`);
    window.at += PcapHeader.byteLength;
    this.#interface = { linkType: linkType & 0xffff, name: '', snapLength };
    this.interfaces = [this.#interface];
  }

  next(window: Window, record: PacketRecord): number {
    const { at, view } = window;
    const there = window.end - at;
    if (there < 16) return 16;
    const little = this.#little;
    const captured = view.getUint32(at + 8, little);
    if (captured > longestPacket) {
      throw new DecodeError('pcap packet record', 'captured', window.offset + 8, `a packet of ${captured} bytes: the file is damaged`);
    }
    if (there < 16 + captured) return 16 + captured;
    const nanoseconds = view.getUint32(at + 4, little) * this.#unit;
    record.at = at + 16;
    record.captured = captured;
    record.original = view.getUint32(at + 12, little);
    record.seconds = view.getUint32(at, little);
    record.nanoseconds = nanoseconds;
    if (nanoseconds >= 1e9) {
      record.seconds += Math.floor(nanoseconds / 1e9);
      record.nanoseconds = nanoseconds % 1e9;
    }
    record.interface = this.#interface;
    window.at = at + 16 + captured;
    return Found;
  }
}
