import { Frame } from '@ring3/wire';
import { PcapHeader, PcapHeaderBig, PcapRecord, PcapRecordBig } from './format/pcap.ts';
import { BlockType, InterfaceDescription, InterfaceDescriptionBig, SectionHeader, SectionHeaderBig } from './format/pcapng.ts';

/** A packet of a test file. */
export interface Sample {
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly bytes: Uint8Array;
  readonly original: number;
}

/** A pcap file in either byte order. */
export function pcapFile(samples: readonly Sample[], little: boolean, nano: boolean, linkType: number): Uint8Array {
  const [header, record] = little ? [PcapHeader, PcapRecord] : [PcapHeaderBig, PcapRecordBig];
  const start = Frame.alloc(header.byteLength);
  const magic = nano ? 0xa1b23c4d : 0xa1b2c3d4;
  header.write(start, 0, { magic, major: 2, minor: 4, thisZone: 0, significantFigures: 0, snapLength: 65535, linkType });
  const parts = [start.bytes];
  for (const { seconds, nanoseconds, bytes, original } of samples) {
    const head = Frame.alloc(record.byteLength);
    const fraction = nano ? nanoseconds : Math.floor(nanoseconds / 1000);
    record.write(head, 0, { seconds, fraction, captured: bytes.length, original });
    parts.push(head.bytes, bytes);
  }
  return Buffer.concat(parts);
}

const padded = (bytes: Uint8Array): Uint8Array => Buffer.concat([bytes, new Uint8Array(-bytes.length & 3)]);

/** Blocks of a pcapng file in either byte order. */
export class PcapngBlocks {
  readonly little: boolean;
  readonly parts: Uint8Array[] = [];

  constructor(little: boolean) {
    this.little = little;
  }

  words(...words: number[]): Uint8Array {
    const view = new DataView(new ArrayBuffer(words.length * 4));
    for (const [i, word] of words.entries()) view.setUint32(i * 4, word, this.little);
    return new Uint8Array(view.buffer);
  }

  option(code: number, bytes: Uint8Array): Uint8Array {
    const head = new DataView(new ArrayBuffer(4));
    head.setUint16(0, code, this.little);
    head.setUint16(2, bytes.length, this.little);
    return Buffer.concat([new Uint8Array(head.buffer), padded(bytes)]);
  }

  block(type: number, ...inside: Uint8Array[]): this {
    const body = Buffer.concat(inside);
    const length = body.length + 12;
    this.parts.push(this.words(type, length), body, this.words(length));
    return this;
  }

  section(...options: Uint8Array[]): this {
    const declared = this.little ? SectionHeader : SectionHeaderBig;
    const frame = Frame.alloc(declared.byteLength);
    declared.write(frame, 0, { type: 0, length: 0, major: 1, minor: 0, sectionLength: 0xffff_ffff_ffff_ffffn });
    return this.block(BlockType.SectionHeader, frame.bytes.subarray(8), ...options);
  }

  interface(linkType: number, snapLength: number, ...options: Uint8Array[]): this {
    const declared = this.little ? InterfaceDescription : InterfaceDescriptionBig;
    const frame = Frame.alloc(declared.byteLength);
    declared.write(frame, 0, { type: 0, length: 0, linkType, reserved: 0, snapLength });
    return this.block(BlockType.InterfaceDescription, frame.bytes.subarray(8), ...options);
  }

  enhanced(index: number, time: bigint, bytes: Uint8Array, original = bytes.length, ...options: Uint8Array[]): this {
    const head = this.words(index, Number(time >> 32n), Number(time & 0xffffffffn), bytes.length, original);
    return this.block(BlockType.EnhancedPacket, head, padded(bytes), ...options);
  }

  simple(bytes: Uint8Array, original = bytes.length): this {
    return this.block(BlockType.SimplePacket, this.words(original), padded(bytes));
  }

  file(): Uint8Array {
    return Buffer.concat(this.parts);
  }
}
