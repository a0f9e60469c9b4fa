import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { defaultSettings, type Settings } from '../settings.ts';
import { Packet, PacketClass } from './packet.ts';
import { Atomic, readPacket } from './read.ts';
import { type Reassembled, Reassembly } from './reassembly.ts';

const settings: Settings = { ...defaultSettings(), ipChecksum: 0 };

/** A fragment of a datagram with this payload. */
function piece(payload: Uint8Array, from: number, to: number, id = 9): Uint8Array {
  const bytes = new Uint8Array(20 + to - from);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x4500);
  view.setUint16(2, bytes.length);
  view.setUint16(4, id);
  view.setUint16(6, (from / 8) | (to < payload.length ? 0x2000 : 0));
  view.setUint8(8, 64);
  view.setUint8(9, 17);
  view.setUint32(12, 0x0a000102);
  view.setUint32(16, 0x0a000202);
  bytes.set(payload.subarray(from, to), 20);
  return bytes;
}

function add(reassembly: Reassembly, bytes: Uint8Array, now: number): Reassembled | undefined {
  const packet = new Packet();
  assert.equal(readPacket(packet, new DataView(bytes.buffer), 0, bytes.length, settings), PacketClass.Fragment);
  const added = reassembly.add(packet, now);
  assert.notEqual(added, 'refused');
  return added as Reassembled | undefined;
}

test('fragments in any order, with duplicates, give the datagram once (RFC 791 section 3.2)', () => {
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(cuts, fc.array(fc.nat(1000), { minLength: 12, maxLength: 12 }), (places, order) => {
      const payload = Uint8Array.from({ length: 256 }, (_, i) => i);
      const edges = [0, ...places.map((one) => one * 8).sort((a, b) => a - b), payload.length];
      const pieces = edges.slice(1).map((to, i) => piece(payload, edges[i]!, to));
      const shuffled = pieces.map((one, i) => ({ one, key: order[i]! })).sort((a, b) => a.key - b.key);
      const reassembly = new Reassembly(settings);
      const whole = shuffled.flatMap(({ one }, i) => [
        add(reassembly, one, i),
        i < pieces.length - 1 ? add(reassembly, one, i) : undefined,
      ]);
      const made = whole.filter((one) => one !== undefined);
      assert.equal(made.length, 1);
      assert.deepEqual(made[0]!.bytes.subarray(20), payload);
      assert.equal(made[0]!.fragments.length, pieces.length);
      assert.equal(reassembly.bytes, 0);
    }),
  );
});

test('overlapping fragments discard the whole set (RFC 5722)', () => {
  const payload = new Uint8Array(64);
  const reassembly = new Reassembly(settings);
  add(reassembly, piece(payload, 0, 24), 0);
  add(reassembly, piece(payload, 16, 40), 0);
  assert.equal(add(reassembly, piece(payload, 24, 64), 0), undefined);
});

test('an incomplete set is dropped after 30 seconds', () => {
  const payload = new Uint8Array(64);
  const reassembly = new Reassembly(settings);
  add(reassembly, piece(payload, 0, 32), 0);
  assert.ok(reassembly.bytes > 0);
  assert.equal(add(reassembly, piece(payload, 32, 64), 30_000), undefined);
  reassembly.expire(60_000);
  assert.equal(reassembly.bytes, 0);
});

test('at most 4 MiB are held, whatever the number of fragments', () => {
  const payload = new Uint8Array(2048);
  const reassembly = new Reassembly(settings);
  for (let id = 0; id < 5000; id++) {
    add(reassembly, piece(payload, 0, 1480, id), id / 1000);
    assert.ok(reassembly.bytes <= settings.fragHighThreshold);
  }
});

test('an IPv4 set begins again if its source has sent more than 64 other fragments in between (ipfrag_max_dist, as Linux 6.18)', () => {
  const payload = new Uint8Array(64);
  for (const [others, completes] of [
    [63, true],
    [64, false],
  ] as const) {
    const reassembly = new Reassembly(settings);
    add(reassembly, piece(payload, 0, 32), 0);
    for (let id = 100; id < 100 + others; id++) add(reassembly, piece(payload, 0, 32, id), 0);
    assert.equal(add(reassembly, piece(payload, 32, 64), 0) !== undefined, completes);
    assert.equal(add(reassembly, piece(payload, 0, 32), 0) !== undefined, !completes, 'the later fragment began the set again');
  }
});

test('a set that begins again has 30 seconds from then on', () => {
  const payload = new Uint8Array(64);
  const reassembly = new Reassembly({ ...settings, fragMaxDistance: 1 });
  add(reassembly, piece(payload, 0, 32), 0);
  add(reassembly, piece(payload, 0, 32, 10), 0);
  add(reassembly, piece(payload, 32, 64), 20_000);
  assert.ok(add(reassembly, piece(payload, 0, 32), 49_000) !== undefined);
});

test('a fragment within a run is a repetition; one that extends over two runs ends the set, though it has no new bytes (Linux 6.18)', () => {
  const payload = new Uint8Array(64);
  for (const [first, second, completes] of [
    [piece(payload, 0, 16), piece(payload, 16, 32), true],
    [piece(payload, 16, 32), piece(payload, 0, 16), false],
  ] as const) {
    const reassembly = new Reassembly(settings);
    add(reassembly, first, 0);
    add(reassembly, second, 0);
    add(reassembly, piece(payload, 8, 24), 0);
    assert.equal(add(reassembly, piece(payload, 32, 64), 0) !== undefined, completes);
  }
});

/** An IPv6 fragment; one with offset 0 that is the last is atomic. */
function piece6(payload: Uint8Array, from: number, to: number, next = 17, last = to === payload.length): Uint8Array {
  const bytes = new Uint8Array(48 + to - from);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x6000);
  view.setUint16(4, 8 + to - from);
  view.setUint16(6, 0x2c40);
  view.setUint32(8, 0xfd000001);
  view.setUint32(24, 0xfd000002);
  view.setUint8(40, next);
  view.setUint16(42, from | (last ? 0 : 1));
  view.setUint32(44, 9);
  bytes.set(payload.subarray(from, to), 48);
  return bytes;
}

test('an IPv6 atomic fragment with the identification of an incomplete set is part of it, as in Linux (RFC 6946 has it another way)', () => {
  const payload = new Uint8Array(64);
  const read = (bytes: Uint8Array): Packet => {
    const packet = new Packet();
    readPacket(packet, new DataView(bytes.buffer), 0, bytes.length, settings);
    return packet;
  };
  const atomic = piece6(payload, 0, 32, 17, true);
  assert.equal(readPacket(new Packet(), new DataView(atomic.buffer), 0, atomic.length, settings), Atomic);
  const reassembly = new Reassembly(settings);
  assert.equal(reassembly.collects(read(atomic)), false);
  assert.equal(reassembly.add(read(piece6(payload, 32, 64)), 0), undefined);
  assert.equal(reassembly.collects(read(atomic)), true);
  assert.equal(reassembly.add(read(atomic), 0), undefined, 'the datagram cannot end before a fragment that was there');
  assert.notEqual(reassembly.add(read(piece6(payload, 0, 32)), 0), undefined);
});

test('sets without any payload count against the limit, too', () => {
  const reassembly = new Reassembly({ ...settings, fragHighThreshold: 65_536 });
  const empty = piece6(new Uint8Array(0), 0, 0, 60, true);
  const view = new DataView(empty.buffer);
  for (let id = 0; id < 5000; id++) {
    view.setUint32(44, id);
    const packet = new Packet();
    assert.equal(readPacket(packet, view, 0, empty.length, settings), Atomic);
    assert.equal(reassembly.collects(packet), true);
    assert.equal(reassembly.add(packet, 0), undefined);
    assert.ok(reassembly.bytes > 0 && reassembly.bytes <= 65_536);
  }
});
