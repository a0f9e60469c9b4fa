import { Frame } from '@ring3/wire';
import { PcapHeader, PcapMagic, PcapRecord } from './format/pcap.ts';
import { LinkType } from './link-type.ts';

/** Options of a written capture. */
export interface PcapOptions {
  /** Default: Ethernet. */
  readonly linkType?: number;
  /** Snap length in bytes; default: 262,144. */
  readonly snapLength?: number;
}

/** A packet to write. */
export interface PacketToWrite {
  /** Nanoseconds since 1970, until the year 2106. */
  readonly timeNs: bigint;
  readonly bytes: Uint8Array;
  /** Original length, if `bytes` is shorter. */
  readonly originalLength?: number;
}

/** The number of bytes collected before a write. */
const blockBytes = 64 << 10;

/** Writes a pcap file with times in nanoseconds (draft-ietf-opsawg-pcap), little-endian. */
export class PcapWriter {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #snapLength: number;
  #block = new Frame(new Uint8Array(blockBytes));
  #used = 0;

  /** @param write receives the blocks in order and then owns them */
  constructor(write: (bytes: Uint8Array) => void, { linkType = LinkType.Ethernet, snapLength = 262_144 }: PcapOptions = {}) {
    this.#write = write;
    this.#snapLength = snapLength;
    const header = { magic: PcapMagic.Nano, major: 2, minor: 4, thisZone: 0, significantFigures: 0, snapLength, linkType };
    PcapHeader.write(this.#block, 0, header);
    this.#used = PcapHeader.byteLength;
  }

  /** @throws RangeError for a time beyond 32 bits of seconds */
  add({ timeNs, bytes, originalLength = bytes.length }: PacketToWrite): void {
    const seconds = Number(timeNs / 1_000_000_000n);
    if (timeNs < 0n || seconds > 0xffffffff) throw new RangeError(`invalid time ${timeNs} ns: a pcap file has 1970 to 2106`);
    const kept = bytes.subarray(0, this.#snapLength);
    const wanted = PcapRecord.byteLength + kept.length;
    if (this.#used + wanted > this.#block.length) this.#next(wanted);
    const record = { seconds, fraction: Number(timeNs % 1_000_000_000n), captured: kept.length, original: originalLength };
    PcapRecord.write(this.#block, this.#used, record);
    this.#block.bytes.set(kept, this.#used + PcapRecord.byteLength);
    this.#used += wanted;
  }

  /** Writes the collected bytes. */
  flush(): void {
    if (this.#used === 0) return;
    this.#write(this.#block.bytes.subarray(0, this.#used));
    this.#block = new Frame(new Uint8Array(blockBytes));
    this.#used = 0;
  }

  #next(wanted: number): void {
    this.flush();
    if (wanted > this.#block.length) this.#block = new Frame(new Uint8Array(wanted));
  }
}

/** A whole pcap file in memory. */
export function pcapOf(packets: Iterable<PacketToWrite>, options: PcapOptions = {}): Uint8Array {
  const blocks: Uint8Array[] = [];
  const writer = new PcapWriter((block) => blocks.push(block), options);
  for (const packet of packets) writer.add(packet);
  writer.flush();
  return Buffer.concat(blocks);
}
