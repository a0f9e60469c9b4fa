import { deepStrictEqual, match, strictEqual, throws } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LinkType, type PacketToWrite, pcapOf } from '@ring3/capture';
import { udpDatagram } from '@ring3/conntrack/testing';
import { FakeClock, fakeRandom, silentLog } from '@ring3/kit';
import type { CaptureOptions } from './capture-feed.ts';
import { Captures } from './captures.ts';
import { Namespaces } from './namespaces.ts';

const second = 1_000_000_000n;
const packet = (timeNs: bigint, sourcePort: number): PacketToWrite => ({
  timeNs,
  bytes: new Uint8Array(udpDatagram({ sourcePort, destinationPort: 53 }).buffer),
});
const fileOf = (...packets: readonly PacketToWrite[]): Uint8Array => pcapOf(packets, { linkType: LinkType.Raw });

function make(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-captures-'));
  const clock = new FakeClock();
  const namespaces = new Namespaces({ clock, random: fakeRandom(), log: silentLog });
  const made: object[] = [];
  const captures = new Captures({ namespaces, clock, log: silentLog, made: (namespace) => made.push(namespace) });
  t.after(() => {
    captures.close();
    namespaces.close();
    rmSync(folder, { recursive: true });
  });
  let files = 0;
  const play = (file: Uint8Array, name?: string, options: Omit<CaptureOptions, 'path'> = {}) => {
    const path = join(folder, `${files++}.pcap`);
    writeFileSync(path, file);
    const feed = captures.open({ path, ...options }, name);
    feed.start();
    return feed;
  };
  return { clock, namespaces, captures, made, play, folder };
}

test('a namespace is created for a capture, and a second capture continues in it, shifted to its time', async (t) => {
  const { namespaces, captures, made, play } = make(t);
  const first = play(fileOf(packet(1000n * second, 1)), 'office');
  await first.ended;
  strictEqual(namespaces.get('office').namespace.clock.wall(), 1_000_000);
  strictEqual(made.length, 1);
  const second_ = play(fileOf(packet(500n * second, 2), packet(510n * second, 3)), 'office');
  await second_.ended;
  strictEqual(namespaces.get('office').namespace.clock.wall(), 1_010_000);
  deepStrictEqual(second_.counts(), { flows: 3, inserted: 2, invalid: 0, dropped: 0 });
  strictEqual(captures.statusOf('office')?.time, 510_000, 'the status has the time of the capture');
  strictEqual(made.length, 1);
});

test('in a namespace that exists already, packets arrive at the time of the daemon', async (t) => {
  const { clock, namespaces, play } = make(t);
  Object.assign(namespaces.add('lab').settings, { checksum: 0, ipChecksum: 0 });
  const file = fileOf(packet(1000n * second, 1), packet(1010n * second, 2));
  const paced = play(file, 'lab', { speed: 1 });
  strictEqual(paced.namespace.flowCount, 1);
  clock.advance(9_000);
  strictEqual(paced.namespace.flowCount, 1);
  clock.advance(1_100);
  await paced.ended;
  strictEqual(paced.namespace.flowCount, 2);
  strictEqual(paced.status().time >= 1_010_000 && paced.status().time < 1_010_200, true);
  clock.advance(25_000); // the first was unreplied for 30 s
  strictEqual(paced.namespace.flowCount, 1);
  const fast = play(fileOf(packet(1000n * second, 4), packet(9000n * second, 5)), 'lab');
  await fast.ended;
  strictEqual(fast.namespace.flowCount, 3);
  strictEqual(fast.status().time, 9_000_000);
});

test('one capture at a time is played into a namespace; deleting the namespace ends it', async (t) => {
  const { clock, namespaces, captures, play } = make(t);
  const file = fileOf(packet(second, 1), packet(100n * second, 2));
  const feed = play(file, 'office', { speed: 1 });
  throws(() => play(file, 'office'), /^Error: a capture is being played into the namespace office: name another one$/);
  namespaces.delete('office');
  await feed.ended;
  strictEqual(captures.statusOf('office'), undefined);
  strictEqual(clock.pending, 0);
  await play(file, 'office').ended;
});

test('captures that are played at a time are limited', (t) => {
  const { play } = make(t);
  const file = fileOf(packet(second, 1), packet(100n * second, 2));
  for (let i = 0; i < 16; i++) play(file, `n${i}`, { speed: 1 });
  throws(() => play(file, 'one-more', { speed: 1 }), /^Error: 16 captures are being played/);
});

test('a file that is missing or no capture creates no namespace', (t) => {
  const { namespaces, captures, play, folder } = make(t);
  throws(() => captures.open({ path: join(folder, 'none') }, 'office'), { message: `${join(folder, 'none')} does not exist` });
  throws(() => captures.open({ path: folder }, 'office'), /is not a regular file$/);
  throws(() => play(Buffer.from('no capture at all'), 'office'), /neither pcap nor pcapng/);
  throws(() => play(fileOf(packet(second, 1)), 'a b'), /invalid namespace name/);
  strictEqual(namespaces.find('office'), undefined);
});

test('a hostile file is bounded: a time in the far future, lengths beyond the file, a full table', async (t) => {
  const { namespaces, play } = make(t);
  const far = play(fileOf(packet(second, 1), packet(4_000_000_000n * second, 2)), 'far');
  await far.ended;
  strictEqual(far.namespace.flowCount, 1);
  const long = new Uint8Array(fileOf(packet(second, 1), packet(2n * second, 2)));
  new DataView(long.buffer).setUint32(24 + 8, 0x7fffffff, true);
  const damaged = play(long, 'long');
  await damaged.ended;
  match(damaged.status().damage ?? '', /./);
  Object.assign(namespaces.add('small').settings, { checksum: 0, ipChecksum: 0, max: 10 });
  const full = play(fileOf(...Array.from({ length: 1000 }, (_, i) => packet(second, i + 1))), 'small');
  await full.ended;
  deepStrictEqual([full.namespace.flowCount <= 10, full.counts().inserted + full.counts().dropped >= 1000], [true, true]);
});
