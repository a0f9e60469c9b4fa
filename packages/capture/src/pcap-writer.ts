import { Frame } from '@ring3/wire';
import { PcapHeader, PcapMagic, PcapRecord } from './format/pcap.ts';
import { LinkType } from './link-type.ts';

/** How a capture is written. */
export interface PcapOptions {
  /** Ethernet unless given. */
  readonly linkType?: number;
  /** Bytes that are kept of each packet: 262,144 unless given. */
  readonly snapLength?: number;
}

/** A packet to be written. */
export interface PacketToWrite {
  /** Nanoseconds since 1970, until the year 2106. */
  readonly timeNs: bigint;
  readonly bytes: Uint8Array;
  /** Bytes that the packet had, where `bytes` are fewer. */
  readonly originalLength?: number;
}

/** What is collected before it is handed on. */
const blockBytes = 64 << 10;

/** Writes a pcap file with times in nanoseconds (draft-ietf-opsawg-pcap), little-endian. */
export class PcapWriter {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #snapLength: number;
  #block = new Frame(new Uint8Array(blockBytes));
  #used = 0;

  /** @param write takes blocks in order; each is its own from then on */
  constructor(write: (bytes: Uint8Array) => void, { linkType = LinkType.Ethernet, snapLength = 262_144 }: PcapOptions = {}) {
    this.#write = write;
    this.#snapLength = snapLength;
    const header = { magic: PcapMagic.Nano, major: 2, minor: 4, thisZone: 0, significantFigures: 0, snapLength, linkType };
    PcapHeader.write(this.#block, 0, header);
    this.#used = PcapHeader.byteLength;
  }

  /** @throws RangeError for a time that 32 bits of seconds do not hold */
  add({ timeNs, bytes, originalLength = bytes.length }: PacketToWrite): void {
    const seconds = Number(timeNs / 1_000_000_000n);
    if (timeNs < 0n || seconds > 0xffffffff) throw new RangeError(`${timeNs} ns is no time that a pcap file holds`);
    const kept = bytes.subarray(0, this.#snapLength);
    const wanted = PcapRecord.byteLength + kept.length;
    if (this.#used + wanted > this.#block.length) this.#next(wanted);
    const record = { seconds, fraction: Number(timeNs % 1_000_000_000n), captured: kept.length, original: originalLength };
    PcapRecord.write(this.#block, this.#used, record);
    this.#block.bytes.set(kept, this.#used + PcapRecord.byteLength);
    this.#used += wanted;
  }

  /** Hands on what was collected. */
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
