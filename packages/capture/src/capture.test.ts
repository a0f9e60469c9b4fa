import { deepStrictEqual, match, ok, strictEqual, throws } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DecodeError } from '@ring3/wire';
import { checkDeclaration } from '@ring3/wire/testing';
import fc from 'fast-check';
import { type Capture, type CapturedPacket, type IpBatch, openCapture } from './capture.ts';
import * as pcap from './format/pcap.ts';
import * as pcapng from './format/pcapng.ts';
import { LinkType } from './link-type.ts';
import { pcapOf } from './pcap-writer.ts';
import { PcapngBlocks, pcapFile } from './testing.ts';

const text = (words: string): Uint8Array => new TextEncoder().encode(words);
const batch = (): IpBatch => ({
  view: new DataView(new ArrayBuffer(0)),
  offsets: new Float64Array(32),
  lengths: new Int32Array(32),
  wholes: new Int32Array(32),
  times: new Float64Array(32),
  count: 0,
  ingress: '',
});
/** The packets of a capture, and its end. */
function readAll(from: string | Uint8Array): { packets: CapturedPacket[]; damage: unknown } {
  const packets: CapturedPacket[] = [];
  try {
    using capture = openCapture(from);
    for (const packet of capture) packets.push(packet);
    return { packets, damage: undefined };
  } catch (damage) {
    return { packets, damage };
  }
}
const bytesOf = (capture: Capture, into = batch()): { bytes: string; time: number }[] => {
  const found: { bytes: string; time: number }[] = [];
  while (capture.fill(into))
    for (let i = 0; i < into.count; i++)
      found.push({
        bytes: Buffer.from(into.view.buffer, into.view.byteOffset + into.offsets[i]!, into.lengths[i]).toString('hex'),
        time: into.times[i]!,
      });
  return found;
};

const samples = fc.array(
  fc.record({
    seconds: fc.nat(0xffffffff),
    nanoseconds: fc.nat(999_999_999),
    bytes: fc.uint8Array({ maxLength: 60 }),
    original: fc.nat(70_000),
  }),
  { maxLength: 50 },
);

test('the declarations of both formats: round trip and truncation', () => {
  for (const declared of [
    pcap.PcapHeader,
    pcap.PcapHeaderBig,
    pcap.PcapRecord,
    pcap.PcapRecordBig,
    pcapng.SectionHeader,
    pcapng.SectionHeaderBig,
    pcapng.InterfaceDescription,
    pcapng.InterfaceDescriptionBig,
  ])
    checkDeclaration(declared as never, 10);
});

test('pcap is read in either byte order, with microseconds and nanoseconds (draft-ietf-opsawg-pcap 4)', () => {
  fc.assert(
    fc.property(samples, fc.boolean(), fc.boolean(), (wanted, little, nano) => {
      const { packets, damage } = readAll(pcapFile(wanted, little, nano, LinkType.Raw));
      strictEqual(damage, undefined);
      deepStrictEqual(
        packets.map(({ timeNs, bytes, originalLength }) => ({ timeNs, bytes: [...bytes], originalLength })),
        wanted.map(({ seconds, nanoseconds, bytes, original }) => ({
          timeNs: BigInt(seconds) * 1_000_000_000n + BigInt(nano ? nanoseconds : nanoseconds - (nanoseconds % 1000)),
          bytes: [...bytes],
          originalLength: original,
        })),
      );
    }),
    { numRuns: 60 },
  );
});

test('a written capture is read back', () => {
  fc.assert(
    fc.property(samples, (wanted) => {
      const packets = wanted.map(({ seconds, nanoseconds, bytes }) => ({
        timeNs: BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds),
        bytes,
      }));
      const found = readAll(pcapOf(packets, { snapLength: 40 })).packets;
      deepStrictEqual(
        found.map(({ timeNs, bytes, originalLength }) => [timeNs, [...bytes], originalLength]),
        packets.map(({ timeNs, bytes }) => [timeNs, [...bytes.subarray(0, 40)], bytes.length]),
      );
    }),
    { numRuns: 30 },
  );
  throws(() => pcapOf([{ timeNs: -1n, bytes: text('x') }]), RangeError);
});

test('pcapng: sections of either byte order, interfaces with names and resolutions, all kinds of packet blocks (draft-ietf-opsawg-pcapng 4)', () => {
  for (const little of [true, false]) {
    const blocks = new PcapngBlocks(little);
    const name = blocks.option(2, text('eth0'));
    const nano = blocks.option(9, Uint8Array.of(9));
    const binary = blocks.option(9, Uint8Array.of(0x80 | 10));
    const hour = new Uint8Array(8);
    new DataView(hour.buffer).setBigInt64(0, -3600n, little);
    blocks
      .section(blocks.option(4, text('a comment that is passed over')))
      .interface(LinkType.Ethernet, 0)
      .interface(LinkType.Raw, 8, name, nano, blocks.option(14, hour), blocks.option(0, new Uint8Array()))
      .interface(LinkType.Raw, 0, binary)
      .block(0x0bad, text('unknown blocks pass.'))
      .enhanced(0, 1_700_000_000_123_456n, text('micro'))
      .enhanced(1, 1_700_000_000_123_456_789n, text('nanosecs'), 9000, blocks.option(2, text('flags')))
      .enhanced(2, 5n * 1024n + 512n, text('binary'))
      .simple(text('simple'), 6)
      .block(2, blocks.words(little ? 0x0002_0001 : 0x0001_0002, 0, 7, 3, 3), text('old\0'));
    const all = Buffer.concat([
      blocks.file(),
      new PcapngBlocks(!little).section().interface(LinkType.Raw, 0).enhanced(0, 9n, text('next')).file(),
    ]);
    const { packets, damage } = readAll(all);
    strictEqual(damage, undefined);
    deepStrictEqual(
      packets.map(({ timeNs, bytes, originalLength, interface: { name, linkType } }) => [
        timeNs,
        Buffer.from(bytes).toString(),
        originalLength,
        name,
        linkType,
      ]),
      [
        [1_700_000_000_123_456_000n, 'micro', 5, '', LinkType.Ethernet],
        [1_699_996_400_123_456_789n, 'nanosecs', 9000, 'eth0', LinkType.Raw],
        [5_500_000_000n, 'binary', 6, '', LinkType.Raw],
        [5_500_000_000n, 'simple', 6, '', LinkType.Ethernet],
        [-3_599_999_999_993n, 'old', 3, 'eth0', LinkType.Raw],
        [9_000n, 'next', 4, '', LinkType.Raw],
      ],
    );
  }
});

test('times of every resolution are exact to the nanosecond', () => {
  const resolutions = fc.oneof(
    fc.nat(19),
    fc.nat(63).map((n) => n | 0x80),
  );
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), resolutions, (time, resolution) => {
      const units = resolution & 0x80 ? 1n << BigInt(resolution & 0x7f) : 10n ** BigInt(resolution);
      const blocks = new PcapngBlocks(true);
      const file = blocks
        .section()
        .interface(LinkType.Raw, 0, blocks.option(9, Uint8Array.of(resolution)))
        .enhanced(0, time, text('x'))
        .file();
      const [packet] = readAll(file).packets;
      if (time / units < 1n << 53n) strictEqual(packet?.timeNs, (time * 1_000_000_000n) / units);
    }),
  );
});

test('a file truncated anywhere gives the packets before that position, then an error with the position', () => {
  const wanted = [1, 2, 3].map((n) => ({ seconds: n, nanoseconds: 0, bytes: text(`packet ${n}`), original: 8 }));
  const blocks = new PcapngBlocks(true).section().interface(LinkType.Raw, 0);
  for (const { bytes } of wanted) blocks.enhanced(0, 1n, bytes);
  blocks.block(5, new Uint8Array(40));
  for (const file of [pcapFile(wanted, true, true, LinkType.Raw), blocks.file()]) {
    const whole = readAll(file).packets.length;
    strictEqual(whole, 3);
    let clean = 0;
    for (let length = 0; length < file.length; length++) {
      const { packets, damage } = readAll(file.subarray(0, length));
      ok(packets.length <= whole);
      if (damage === undefined) clean++;
      else {
        ok(damage instanceof DecodeError);
        match(damage.message, /at byte \d+: (the file is cut short: \d+ of \d+ bytes are there|neither pcap)/);
      }
    }
    ok(clean <= 6, 'only between two records'); // after the headers, and after each packet
  }
});

test('a damaged file gives only packets and a DecodeError', () => {
  const wanted = [1, 2, 3, 4].map((n) => ({ seconds: n, nanoseconds: 0, bytes: text(`packet ${n}`), original: 8 }));
  const blocks = new PcapngBlocks(false).section();
  blocks.interface(LinkType.Raw, 0, blocks.option(2, text('eth0')), blocks.option(9, Uint8Array.of(9)));
  for (const { bytes } of wanted) blocks.enhanced(0, 1n, bytes).simple(bytes);
  const files = [pcapFile(wanted, true, true, LinkType.Ethernet), blocks.file()];
  const change = fc.tuple(fc.nat(), fc.nat(255));
  fc.assert(
    fc.property(fc.constantFrom(...files), fc.array(change, { minLength: 1, maxLength: 6 }), (file, changes) => {
      const damaged = Uint8Array.from(file);
      for (const [at, byte] of changes) damaged[at % damaged.length] = byte;
      for (const read of [() => [...openCapture(damaged)], () => bytesOf(openCapture(damaged))]) {
        try {
          read();
        } catch (error) {
          ok(error instanceof DecodeError, String(error));
        }
      }
    }),
    { numRuns: 500 },
  );
  throws(() => openCapture(Uint8Array.of(0x1f, 0x8b, 8, 0)), /gzip: decompress it first/);
  throws(() => openCapture(text('hello')), /neither pcap nor pcapng$/);
  for (const [bytes, hint] of [
    [[0x28, 0xb5, 0x2f, 0xfd], /zstd: decompress it first/],
    [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], /xz: decompress it first/],
    [[0x04, 0x22, 0x4d, 0x18], /lz4: decompress it first/],
    [[...text('BZh9')], /bzip2: decompress it first/],
    [[...text('snoop'), 0, 0, 0], /snoop: convert it with "editcap -F pcap FILE NEW-FILE"/],
    [[0xa1, 0xb2, 0xcd, 0x34], /modified pcap: convert it/],
    [[0x34, 0xcd, 0xb2, 0xa1], /modified pcap: convert it/],
  ] as const)
    throws(() => openCapture(Uint8Array.from(bytes)), hint);
  throws(() => openCapture(tmpdir()), /is not a regular file/);
});

test('a file larger than one read gives the same as memory, in batches and one by one', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-capture-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'big.pcap');
  const packets = Array.from({ length: 4000 }, (_, i) => ({
    timeNs: BigInt(i) * 1000n,
    bytes: new Uint8Array(200 + ((i * 7919) % 1300)).fill(i),
  }));
  packets.push({ timeNs: 5_000_000n, bytes: new Uint8Array(3 << 20).fill(9) }, { timeNs: 6_000_000n, bytes: new Uint8Array(20).fill(7) });
  const file = pcapOf(packets, { linkType: LinkType.Raw, snapLength: 4 << 20 });
  writeFileSync(path, file);
  const { packets: found, damage } = readAll(path);
  strictEqual(damage, undefined);
  strictEqual(found.length, packets.length);
  ok(found.every(({ bytes, timeNs }, i) => timeNs === packets[i]!.timeNs && Buffer.compare(bytes, packets[i]!.bytes) === 0));
  using capture = openCapture(path);
  const batched = bytesOf(capture);
  deepStrictEqual(
    batched,
    packets.map(({ bytes, timeNs }) => ({ bytes: Buffer.from(bytes).toString('hex'), time: Number(timeNs) / 1e6 })),
  );
  strictEqual(capture.offset, file.length);
});

test('a batch contains packets of one interface without other protocols, and is returned before an error after it', () => {
  const ethernet = (type: number): Uint8Array => Uint8Array.of(...new Array(12).fill(0), type >>> 8, type & 255, 0x45, 1, 2);
  const blocks = new PcapngBlocks(true).section();
  blocks
    .interface(LinkType.Ethernet, 0, blocks.option(2, text('lan')))
    .interface(LinkType.Ethernet, 0, blocks.option(2, text('wan')))
    .enhanced(0, 1n, ethernet(0x0806))
    .enhanced(0, 1n, ethernet(0x0800))
    .enhanced(0, 2n, ethernet(0x86dd))
    .enhanced(1, 3n, ethernet(0x0800))
    .enhanced(7, 4n, ethernet(0x0800));
  const capture = openCapture(blocks.file());
  const into = batch();
  deepStrictEqual([capture.fill(into), into.count, into.ingress], [true, 2, 'lan']);
  deepStrictEqual([capture.fill(into), into.count, into.ingress], [true, 1, 'wan']);
  throws(() => capture.fill(into), /interface 7 was not described/);
  deepStrictEqual([capture.packets, capture.notIp], [4, 1]);
});
