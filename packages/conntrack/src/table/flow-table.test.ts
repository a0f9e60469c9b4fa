import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Family } from '../engine.ts';
import { Packet } from '../packet/packet.ts';
import { invert, metaOf, readTuple, sameTuple, type Tuple, writeTuple } from '../tuple.ts';
import { FlowTable } from './flow-table.ts';

const random32 = (): number => 0x9e3779b9;

const tuples = fc
  .record({
    wide: fc.boolean(),
    a: fc.nat(3),
    b: fc.nat(3),
    sourcePort: fc.nat(3),
    destinationPort: fc.nat(3),
    zone: fc.nat(1),
  })
  .map(({ wide, a, b, ...rest }): Tuple => {
    const address = (last: number): Uint8Array => {
      const bytes = new Uint8Array(wide ? 16 : 4).fill(10);
      bytes[bytes.length - 1] = last;
      return bytes;
    };
    return { family: wide ? Family.Ipv6 : Family.Ipv4, protocol: 17, source: address(a), destination: address(b), ...rest };
  });

function packetOf(tuple: Tuple): Packet {
  const packet = new Packet();
  const word = (bytes: Uint8Array, i: number): number => new DataView(bytes.buffer).getInt32(i * 4);
  packet.family = tuple.family;
  packet.source0 = word(tuple.source, 0);
  packet.destination0 = word(tuple.destination, 0);
  if (tuple.family === Family.Ipv6) {
    packet.source1 = packet.source2 = word(tuple.source, 1);
    packet.destination1 = packet.destination2 = word(tuple.destination, 1);
    packet.source3 = word(tuple.source, 3);
    packet.destination3 = word(tuple.destination, 3);
  }
  packet.ports = (tuple.sourcePort << 16) | tuple.destinationPort;
  packet.meta = metaOf(tuple.family, tuple.protocol, tuple.zone ?? 0);
  return packet;
}

const find = (table: FlowTable, tuple: Tuple): number => {
  const packet = packetOf(tuple);
  return table.find(packet, table.hashPacket(packet));
};

test('the fields of a flow read back as written', () => {
  fc.assert(
    fc.property(tuples, (tuple) => {
      const table = new FlowTable(1, random32);
      const flow = table.allocate();
      writeTuple(table, flow, 0, tuple);
      writeTuple(table, flow, 1, invert(tuple));
      assert.ok(sameTuple(readTuple(table, flow, 0), tuple));
      assert.ok(sameTuple(readTuple(table, flow, 1), invert(tuple)));
      assert.ok(sameTuple(invert(invert(tuple)), tuple));
    }),
  );
});

test('the table finds exactly what was inserted and not removed, in both directions', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), tuples), { maxLength: 60 }), (steps) => {
      const table = new FlowTable(64, random32);
      const model: { tuple: Tuple; flow: number }[] = [];
      for (const [insert, tuple] of steps) {
        const held = model.find((one) => sameTuple(one.tuple, tuple) || sameTuple(invert(one.tuple), tuple));
        assert.equal(find(table, tuple) >> 1, held?.flow ?? -1);
        if (insert && held === undefined) {
          const flow = table.allocate();
          writeTuple(table, flow, 0, tuple);
          writeTuple(table, flow, 1, invert(tuple));
          table.insert(flow);
          model.push({ tuple, flow });
        } else if (!insert && held !== undefined) {
          table.remove(held.flow);
          table.free(held.flow);
          model.splice(model.indexOf(held), 1);
        }
      }
      assert.equal(table.confirmed, model.length);
      assert.equal(table.used, model.length);
      // if both tuples are equal, the reply: measured
      for (const { tuple, flow } of model) assert.equal(find(table, tuple), sameTuple(tuple, invert(tuple)) ? flow * 2 + 1 : flow * 2);
    }),
  );
});

test('a full arena returns -1, and a freed index is reused', () => {
  const table = new FlowTable(2, random32);
  assert.deepEqual([table.allocate(), table.allocate(), table.allocate()], [0, 1, -1]);
  table.free(0);
  assert.equal(table.allocate(), 0);
});
