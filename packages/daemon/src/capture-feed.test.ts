import { deepStrictEqual, match, strictEqual, throws } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LinkType, type PacketToWrite, pcapOf } from '@ring3/capture';
import { readFlow } from '@ring3/conntrack';
import { FakeClock, type FakeLog, fakeLog, fakeRandom, silentLog } from '@ring3/kit';
import type { CaptureOptions } from './capture-feed.ts';
import { Captures } from './captures.ts';
import { Namespaces } from './namespaces.ts';

const second = 1_000_000_000n;

/** A UDP packet from or to a client of its own port, with a wrong checksum. */
function udp(timeNs: bigint, port: number, back = false): PacketToWrite {
  const bytes = Uint8Array.from([0x45, 0, 0, 32, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 0, 0, 53, 0, 12, 9, 9, 1, 2, 3, 4]);
  const view = new DataView(bytes.buffer);
  view.setUint8(back ? 19 : 15, 1);
  view.setUint8(back ? 15 : 19, 2);
  view.setUint16(back ? 22 : 20, port);
  view.setUint16(back ? 20 : 22, 53);
  return { timeNs, bytes };
}

function feed(t: TestContext, file: Uint8Array, options: Omit<CaptureOptions, 'path'> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-feed-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'a.pcap');
  writeFileSync(path, file);
  const clock = new FakeClock();
  const namespaces = new Namespaces({ clock, random: fakeRandom(), log: silentLog });
  t.after(() => namespaces.close());
  const log = fakeLog();
  const captures = new Captures({ namespaces, clock, log, made: () => {} });
  const made = captures.open({ path, ...options });
  made.start();
  return { feed: made, clock, namespaces, log };
}

test('as fast as possible: the table has the state of the time of the last packet', async (t) => {
  const packets = [udp(100n * second, 1000), udp(100n * second + 1n, 1001), udp(120n * second, 1001, true), udp(135n * second, 1002)];
  const { feed: played } = feed(t, pcapOf(packets, { linkType: LinkType.Raw }));
  await played.ended;
  strictEqual(played.namespace.flowCount, 2); // the first was unreplied for 30 s
  deepStrictEqual({ ...played.status(), path: '' }, { path: '', packets: 4, notIp: 0, time: 135_000, ended: true });
  strictEqual(played.namespace.clock.wall(), 135_000);
});

/** A TCP segment from or to a client of port 1000, whose IP header says how long it is, or 0. */
function tcp(timeNs: bigint, back: boolean, flags: number, sequence: number, ack: number, payload: number, sized = true): PacketToWrite {
  const bytes = new Uint8Array(44 + payload);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x4500);
  view.setUint16(2, sized ? bytes.length : 0);
  view.setUint16(8, (64 << 8) | 6);
  view.setUint32(12, back ? 0x0a000002 : 0x0a000001);
  view.setUint32(16, back ? 0x0a000001 : 0x0a000002);
  view.setUint16(20, back ? 80 : 1000);
  view.setUint16(22, back ? 1000 : 80);
  view.setUint32(24, sequence);
  view.setUint32(28, ack);
  view.setUint16(32, (6 << 12) | flags);
  view.setUint16(34, 65535);
  view.setUint32(40, (flags & 2) !== 0 ? 0x01030307 : 0x01010101); // window scale 7, or nothing
  return { timeNs, bytes };
}

for (const speed of [undefined, 1e9])
  test(`a packet whose IP header says length 0 (segmentation offload, BIG TCP) counts as long as it was, ${speed === undefined ? 'as fast as possible' : 'paced'}`, async (t) => {
    const at = (i: number): bigint => second + BigInt(i) * 1_000_000n;
    const packets = [
      tcp(at(0), false, 2, 1000, 0, 0),
      tcp(at(1), true, 18, 5000, 1001, 0),
      tcp(at(2), false, 16, 1001, 5001, 0),
      tcp(at(3), false, 24, 1001, 5001, 100_000, false),
      tcp(at(4), true, 16, 5001, 101_001, 0),
    ];
    const { feed: played, clock } = feed(t, pcapOf(packets, { linkType: LinkType.Raw }), { speed });
    if (speed !== undefined) clock.advance(100);
    await played.ended;
    const { tracker } = played.namespace;
    deepStrictEqual(readFlow(tracker.flows, 0).counters, [
      { packets: 3, bytes: 44 + 44 + 100_044 },
      { packets: 2, bytes: 88 },
    ]);
    strictEqual(tracker.flows.statistics.invalid, 0);
  });

test('paced: packets come when they are due, and time passes between them', async (t) => {
  const packets = [udp(100n * second, 1000), udp(110n * second, 1001), udp(150n * second, 1002)];
  const { feed: played, clock } = feed(t, pcapOf(packets, { linkType: LinkType.Raw }), { speed: 2 });
  strictEqual(played.namespace.flowCount, 1);
  clock.advance(4_900);
  strictEqual(played.namespace.flowCount, 1);
  clock.advance(200);
  strictEqual(played.namespace.flowCount, 2);
  clock.advance(10_400); // 31 s behind the first packet
  strictEqual(played.namespace.flowCount, 1);
  strictEqual(played.status().ended, false);
  clock.advance(20_000);
  await played.ended;
  strictEqual(played.namespace.clock.now(), 150_000);
});

test('checksums count only where that is asked for', async (t) => {
  const file = pcapOf([udp(second, 1000)], { linkType: LinkType.Raw });
  const asked = feed(t, file, { checksums: true }).feed;
  await asked.ended;
  strictEqual(asked.namespace.flowCount, 0);
  const { feed: played } = feed(t, file);
  await played.ended;
  strictEqual(played.namespace.flowCount, 1);
});

test('the packets before the damage of a capture are played; time never decreases', async (t) => {
  const packets = [udp(50n * second, 1000), udp(40n * second, 1001), udp(60n * second, 1002)];
  const file = pcapOf(packets, { linkType: LinkType.Raw });
  const { feed: played } = feed(t, file.subarray(0, file.length - 3));
  await played.ended;
  strictEqual(played.namespace.flowCount, 2);
  strictEqual(played.status().time, 50_000);
  match(played.status().damage ?? '', /cut short/);
  throws(() => feed(t, Buffer.from('no capture at all')), /a\.pcap: capture\.magic at byte 0: neither pcap nor pcapng/);
});

test('a link type that is not known is named in a warning, once', async (t) => {
  const packets = [udp(second, 1), udp(2n * second, 2)];
  const { feed: played, log } = feed(t, pcapOf(packets, { linkType: 999 }));
  await played.ended;
  const warned = ({ lines }: FakeLog) => lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields['linkType']);
  deepStrictEqual(warned(log), [999]);
  strictEqual(played.status().notIp, 2);
  const known = feed(t, pcapOf(packets, { linkType: LinkType.Raw }));
  await known.feed.ended;
  deepStrictEqual(warned(known.log), []);
});

test('a feed that is closed leaves the namespace as it is', async (t) => {
  const { feed: played, clock } = feed(t, pcapOf([udp(second, 1), udp(9n * second, 2)], { linkType: LinkType.Raw }), { speed: 1 });
  played.close();
  await played.ended;
  strictEqual(clock.pending, 0);
  strictEqual(played.namespace.flowCount, 1);
});
