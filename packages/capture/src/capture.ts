import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { DecodeError } from '@ring3/wire';
import { type CaptureFormat, type CaptureInterface, Found, PacketRecord } from './format/capture-format.ts';
import { Pcap, PcapHeader, PcapMagic } from './format/pcap.ts';
import { BlockType, Pcapng } from './format/pcapng.ts';
import { ipOffset, isLinkType } from './link-type.ts';
import { type ByteSource, Window } from './window.ts';

/** One packet of a capture. */
export interface CapturedPacket {
  /** Nanoseconds since 1970. */
  readonly timeNs: bigint;
  /** The same in milliseconds, rounded. */
  readonly timeMs: number;
  /** The captured bytes: a view that remains valid. */
  readonly bytes: Uint8Array;
  /** Original length of the packet; more than `bytes` if the capture truncated it. */
  readonly originalLength: number;
  readonly interface: CaptureInterface;
}

/** IP packets in one buffer, as `Batch` of @ring3/conntrack requires. */
export interface IpBatch {
  view: DataView;
  /** The position of each IP header. */
  readonly offsets: Float64Array;
  /** The length from the IP header on. */
  readonly lengths: Int32Array;
  /** The length from the IP header on before the capture truncated the packet. */
  readonly wholes: Int32Array;
  /** Milliseconds since 1970. */
  readonly times: Float64Array;
  count: number;
  /** The interface of all packets, '' if the file names none. */
  ingress: string;
}

/** A capture that is read once, from start to end. */
export class Capture implements Iterable<CapturedPacket>, Disposable {
  /** Number of packets read, and of packets without IP: frames of other protocols, or of an unknown link layer. */
  packets = 0;
  notIp = 0;
  /** Link types of packets that were skipped because ring3 does not know them. */
  readonly unknownLinkTypes: Set<number> = new Set();
  readonly #window: Window;
  readonly #format: CaptureFormat;
  readonly #record = new PacketRecord();
  /** A packet was read that did not fit into the previous batch. */
  #kept = false;
  /** An error that is thrown after all packets before it were returned. */
  #damage: DecodeError | undefined;

  /** @throws DecodeError: neither pcap nor pcapng */
  constructor(source: ByteSource | Uint8Array) {
    this.#window = new Window(source);
    this.#format = openFormat(this.#window);
  }

  /** `pcap` or `pcapng`. */
  get format(): 'pcap' | 'pcapng' {
    return this.#format.name;
  }

  /** The interfaces described so far. */
  get interfaces(): readonly CaptureInterface[] {
    return this.#format.interfaces;
  }

  /** Number of bytes read from the file. */
  get offset(): number {
    return this.#window.offset;
  }

  /** The packets, as objects. @throws DecodeError if the file is damaged or ends within a packet, after all packets before that position */
  *[Symbol.iterator](): Generator<CapturedPacket, void, undefined> {
    const record = this.#record;
    this.#window.lasting = true;
    while (this.#advance(true)) {
      const { at, captured, original, seconds, nanoseconds } = record;
      yield {
        timeNs: BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds),
        timeMs: seconds * 1000 + nanoseconds / 1e6,
        bytes: this.#window.bytes.subarray(at, at + captured),
        originalLength: original,
        interface: record.interface,
      };
    }
  }

  /**
   * Fills a batch with the next IP packets; others are counted and skipped. The batch's view is valid until the next call.
   * @returns false at the end, with an empty batch
   * @throws DecodeError if the file is damaged or ends within a packet, after all packets before that position were returned
   */
  fill(batch: IpBatch): boolean {
    const { offsets, lengths, wholes, times } = batch;
    const record = this.#record;
    const room = offsets.length;
    let count = 0;
    while (count < room && this.#advanceOrKeep(count === 0)) {
      const { at, captured, original } = record;
      const { linkType, name } = record.interface;
      if (count === 0) {
        batch.view = this.#window.view;
        batch.ingress = name;
      } else if (batch.ingress !== name) {
        this.#kept = true;
        break;
      }
      const skip = ipOffset(linkType, batch.view, at, captured);
      if (skip < 0) {
        this.notIp++;
        if (!isLinkType(linkType)) this.unknownLinkTypes.add(linkType);
        continue;
      }
      offsets[count] = at + skip;
      lengths[count] = captured - skip;
      wholes[count] = Math.min(original, maxOriginal) - skip;
      times[count] = record.seconds * 1000 + record.nanoseconds / 1e6;
      count++;
    }
    batch.count = count;
    return count > 0;
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#window.close();
  }

  #advanceOrKeep(mayMove: boolean): boolean {
    if (!this.#kept) return this.#advance(mayMove);
    this.#kept = false;
    return true;
  }

  /**
   * Reads the next packet into the record.
   * @param mayMove whether the window may move and an error may be thrown: not while it holds packets that were not returned
   */
  #advance(mayMove: boolean): boolean {
    if (this.#damage !== undefined) {
      if (mayMove) throw this.#damage;
      return false;
    }
    const window = this.#window;
    try {
      for (;;) {
        const answer = this.#format.next(window, this.#record);
        if (answer === Found) {
          this.packets++;
          return true;
        }
        if (answer < 0) continue;
        if (!mayMove) return false;
        const there = window.fill(answer);
        if (there >= answer) continue;
        if (there === 0 && !this.#format.midway) return false;
        throw new DecodeError(this.format, 'packet', window.offset, `the file is cut short: ${there} of ${answer} bytes are there`);
      }
    } catch (error) {
      if (mayMove || !(error instanceof DecodeError)) throw error;
      this.#damage = error;
      return false;
    }
  }
}

/**
 * Opens a capture: a file, or bytes in memory.
 * @throws DecodeError: neither pcap nor pcapng @throws Error: the file does not exist, is not a regular file, or cannot be read
 */
export function openCapture(from: string | Uint8Array): Capture {
  if (typeof from !== 'string') return new Capture(from);
  if (!statSync(from).isFile()) throw new Error(`${from} is not a regular file`); // opening a FIFO would block the process
  const fd = openSync(from, 'r');
  const source: ByteSource = {
    read: (into, offset) => readSync(fd, into, 0, into.length, offset),
    close: () => closeSync(fd),
  };
  try {
    return new Capture(source);
  } catch (error) {
    source.close();
    throw error;
  }
}

/** The longest packet, whatever a file says. */
const maxOriginal = 0x7fffffff;

/** Converts a file of another format. */
const convert = (name: string): string => `${name}: convert it with "editcap -F pcap FILE NEW-FILE"`;

/** The first bytes, and which bits of them count, of other file types that users may mistake for captures. */
const otherFiles: readonly (readonly [start: number, mask: number, what: string])[] = [
  [0x1f8b0000, 0xffff0000, 'gzip: decompress it first'],
  [0x28b52ffd, 0xffffffff, 'zstd: decompress it first'],
  [0xfd377a58, 0xffffffff, 'xz: decompress it first'],
  [0x04224d18, 0xffffffff, 'lz4: decompress it first'],
  [0x425a6800, 0xffffff00, 'bzip2: decompress it first'],
  [0x736e6f6f, 0xffffffff, convert('snoop')], // RFC 1761
  [0xa1b2cd34, 0xffffffff, convert('modified pcap')],
  [0x34cdb2a1, 0xffffffff, convert('modified pcap')],
];

/** Determines the type of the file. */
function openFormat(window: Window): CaptureFormat {
  const there = window.fill(PcapHeader.byteLength);
  if (there >= 4) {
    const magic = window.view.getUint32(0, false);
    if (magic === BlockType.SectionHeader) return new Pcapng();
    if (isPcapMagic(magic)) {
      if (there >= PcapHeader.byteLength) return new Pcap(window, magic);
      throw new DecodeError('pcap', 'file header', 0, `the file is cut short: ${there} of ${PcapHeader.byteLength} bytes are there`);
    }
    const other = otherFiles.find(([start, mask]) => (magic & mask) >>> 0 === start);
    if (other !== undefined) throw new DecodeError('capture', 'magic', 0, `neither pcap nor pcapng, but ${other[2]}`);
  }
  throw new DecodeError('capture', 'magic', 0, 'neither pcap nor pcapng');
}

const isPcapMagic = (magic: number): boolean => Object.values<number>(PcapMagic).includes(magic);
