import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { defaultSettings } from '../settings.ts';
import { Packet, PacketClass } from './packet.ts';
import { Atomic, Complete, readAtomic, readPacket } from './read.ts';

const settings = defaultSettings();
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const read = (hex: string, packet = new Packet()): number => {
  const bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
  return readPacket(packet, viewOf(bytes), 0, bytes.byteLength, settings);
};

const syn = '4500002800010000400663cc0a0001020a00020203e80050000003e8000000005002ffff90bf0000';
const addresses6 = 'fd000001000000000000000000000002fd000002000000000000000000000002';

test('an IPv4 header gives protocol, addresses and the offset of the transport header (RFC 791)', () => {
  const packet = new Packet();
  assert.equal(read(syn, packet), Complete);
  assert.deepEqual([packet.protocol, packet.l4At, packet.l4Length, packet.length, packet.hopLimit], [6, 20, 20, 40, 64]);
  assert.deepEqual([packet.source0 >>> 0, packet.destination0 >>> 0], [0x0a000102, 0x0a000202]);
});

test('a packet with an invalid header checksum, a header of less than 20 bytes or a length beyond the packet is dropped before the tracker', () => {
  assert.equal(read(syn.replace('63cc', '63cd')), PacketClass.Dropped);
  assert.equal(read(`44${syn.slice(2)}`), PacketClass.Dropped);
  assert.equal(read(syn.replace('45000028', '45000029')), PacketClass.Dropped);
  assert.equal(read(syn.slice(0, 38)), PacketClass.Dropped);
});

test('hop-by-hop, destination options, routing and authentication headers are skipped (RFC 8200 section 4)', () => {
  const packet = new Packet();
  const options = '3c00010400000000';
  const routing = '3300fd0000000000';
  const authentication = '110100000000000000000000';
  const udp = '03e800350008ffff';
  assert.equal(read(`60000000002c0040${addresses6}${options}2b00010400000000${routing}${authentication}${udp}`, packet), Complete);
  assert.deepEqual([packet.protocol, packet.l4At, packet.l4Length], [17, 40 + 8 + 8 + 8 + 12, 8]);
});

test('a header chain beyond the packet and next header 59 are invalid; hop-by-hop options beyond the packet are dropped', () => {
  assert.equal(read(`6000000000083c40${addresses6}1105010400000000`), PacketClass.Invalid);
  assert.equal(read(`6000000000003b40${addresses6}`), PacketClass.Invalid);
  assert.equal(read(`6000000000080040${addresses6}1105010400000000`), PacketClass.Dropped);
});

test('an atomic fragment is a whole packet, counted without its fragment header (RFC 6946)', () => {
  const packet = new Packet();
  assert.equal(read(`6000000000102c40${addresses6}110000000000000903e800350008ffff`, packet), Atomic);
  assert.equal(packet.fragmentAt, 40);
  assert.equal(readAtomic(packet), Complete);
  assert.deepEqual([packet.protocol, packet.l4At, packet.length], [17, 48, 48]);
});

test('a packet with length 0 in its header has its captured length, and is dropped if that is not known (RFC 2675 section 4, Linux BIG TCP)', () => {
  const packet = new Packet();
  const bytes = Uint8Array.from(Buffer.from(syn.replace('45000028', '45000000'), 'hex'));
  const relaxed = { ...settings, ipChecksum: 0, snapped: 1 };
  assert.equal(readPacket(packet, viewOf(bytes), 0, bytes.length, relaxed), PacketClass.Dropped);
  assert.equal(readPacket(packet, viewOf(bytes), 0, bytes.length, relaxed, 100_000), Complete);
  assert.deepEqual([packet.length, packet.l4Length, packet.l4There], [100_000, 99_980, 20]);
  const bytes6 = Uint8Array.from(Buffer.from(`6000000000000640${addresses6}${syn.slice(40)}`, 'hex'));
  assert.equal(readPacket(packet, viewOf(bytes6), 0, bytes6.length, relaxed, 100_000), Complete);
  assert.deepEqual([packet.length, packet.l4Length, packet.l4There], [100_000, 99_960, 20]);
});

test('a Jumbo Payload option gives the length if the Payload Length is 0 (RFC 2675 sections 2 and 3)', () => {
  const packet = new Packet();
  const jumbo = (payload: string, option: string): number => {
    const bytes = Uint8Array.from(Buffer.from(`60000000${payload}0040${addresses6}0600${option}${syn.slice(40)}`, 'hex'));
    return readPacket(packet, viewOf(bytes), 0, bytes.length, { ...settings, snapped: 1 });
  };
  assert.equal(jumbo('0000', 'c20400020000'), Complete);
  assert.deepEqual([packet.length, packet.l4At, packet.l4Length], [131_072 + 40, 48, 131_072 - 8]);
  for (const [payload, option] of [
    ['001c', 'c20400020000'], // with a Payload Length
    ['0000', 'c2040000ffff'], // of a packet that does not need it
    ['0000', 'c204ffffffff'], // longer than the limit
    ['0000', 'c20300020000'],
  ] as const)
    assert.equal(jumbo(payload, option), PacketClass.Dropped, `${payload} ${option}`);
});

test('for arbitrary bytes the reader neither throws nor reads beyond them', () => {
  const first = fc.constantFrom(0x45, 0x46, 0x4f, 0x60, 0x61, 0x00);
  fc.assert(
    fc.property(first, fc.uint8Array({ maxLength: 120 }), fc.nat(20), (version, bytes, cut) => {
      if (bytes.length > 0) bytes[0] = version;
      const there = Math.max(0, bytes.length - cut);
      const packet = new Packet();
      const relaxed = { ...settings, ipChecksum: 0, snapped: cut & 1 };
      const found = readPacket(packet, viewOf(bytes.subarray(0, there)), 0, there, relaxed, (cut & 2) * 40_000);
      if (found === Complete) assert.ok(packet.l4At + packet.l4There <= there && packet.l4There >= 0);
    }),
  );
});
