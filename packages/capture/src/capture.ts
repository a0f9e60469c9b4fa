import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { DecodeError } from '@ring3/wire';
import { type CaptureFormat, type CaptureInterface, Found, PacketRecord } from './format/capture-format.ts';
import { Pcap, PcapHeader, PcapMagic } from './format/pcap.ts';
import { BlockType, Pcapng } from './format/pcapng.ts';
import { ipOffset } from './link-type.ts';
import { type ByteSource, Window } from './window.ts';

/** One packet of a capture. */
export interface CapturedPacket {
  /** Nanoseconds since 1970. */
  readonly timeNs: bigint;
  /** The same in milliseconds, rounded. */
  readonly timeMs: number;
  /** What was captured: a view, which stays valid. */
  readonly bytes: Uint8Array;
  /** Bytes that the packet had; more than `bytes` where the capture cut it short. */
  readonly originalLength: number;
  readonly interface: CaptureInterface;
}

/** Some IP packets of one buffer: what `Batch` of @ring3/conntrack is. */
export interface IpBatch {
  view: DataView;
  /** Where each IP header starts. */
  readonly offsets: Float64Array;
  /** Bytes from there on. */
  readonly lengths: Int32Array;
  /** Milliseconds since 1970. */
  readonly times: Float64Array;
  count: number;
  /** The interface of all of them, '' where the file names none. */
  ingress: string;
}

/** A capture that is read once, from its start to its end. */
export class Capture implements Iterable<CapturedPacket>, Disposable {
  /** Packets that were read, and those among them without IP: frames of other protocols, or of an unknown link layer. */
  packets = 0;
  notIp = 0;
  readonly #window: Window;
  readonly #format: CaptureFormat;
  readonly #record = new PacketRecord();
  /** A packet was read that the batch before could not take. */
  #kept = false;
  /** Damage that is told when everything before it was given. */
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

  /** The interfaces that have been described so far. */
  get interfaces(): readonly CaptureInterface[] {
    return this.#format.interfaces;
  }

  /** Bytes of the file that were read. */
  get offset(): number {
    return this.#window.offset;
  }

  /** The packets, as objects. @throws DecodeError where the file is damaged or ends within a packet, behind all packets before that place */
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
   * Fills a batch with the next IP packets; others are counted and passed over. The batch's view is valid until the next call.
   * @returns false at the end, with an empty batch
   * @throws DecodeError where the file is damaged or ends within a packet, when everything before that place was given
   */
  fill(batch: IpBatch): boolean {
    const { offsets, lengths, times } = batch;
    const record = this.#record;
    const room = offsets.length;
    let count = 0;
    while (count < room && this.#advanceOrKeep(count === 0)) {
      const { at, captured } = record;
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
        continue;
      }
      offsets[count] = at + skip;
      lengths[count] = captured - skip;
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
   * @param mayMove whether the window may move on, and damage be told: not while packets of it have not been given
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
 * @throws DecodeError: neither pcap nor pcapng @throws Error: no such file, no regular file, no right to read it
 */
export function openCapture(from: string | Uint8Array): Capture {
  if (typeof from !== 'string') return new Capture(from);
  if (!statSync(from).isFile()) throw new Error(`${from} is no regular file`); // opening a FIFO would stop the process
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

/** The first bytes of other files that people take for captures. */
const otherFiles: readonly (readonly [number, string])[] = [
  [0x1f8b0000, 'gzip: decompress it first'],
  [0x28b50000, 'zstd: decompress it first'],
];

/** Finds out what kind of file it is. */
function openFormat(window: Window): CaptureFormat {
  const there = window.fill(PcapHeader.byteLength);
  if (there >= 4) {
    const magic = window.view.getUint32(0, false);
    if (magic === BlockType.SectionHeader) return new Pcapng();
    if (isPcapMagic(magic)) {
      if (there >= PcapHeader.byteLength) return new Pcap(window, magic);
      throw new DecodeError('pcap', 'file header', 0, `the file is cut short: ${there} of ${PcapHeader.byteLength} bytes are there`);
    }
    const other = otherFiles.find(([start]) => (magic & 0xffff0000) >>> 0 === start);
    if (other !== undefined) throw new DecodeError('capture', 'magic', 0, `neither pcap nor pcapng, but ${other[1]}`);
  }
  throw new DecodeError('capture', 'magic', 0, 'neither pcap nor pcapng');
}

const isPcapMagic = (magic: number): boolean => Object.values<number>(PcapMagic).includes(magic);
