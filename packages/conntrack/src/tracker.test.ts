import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FakeClock, fakeRandom } from '@ring3/kit';
import fc from 'fast-check';
import { classOf, directionOf, flowOf } from './answer.ts';
import { Batch, batchSize } from './batch.ts';
import type { FlowEvent } from './event-sink.ts';
import { readFlow } from './flow.ts';
import { createFlow, deleteFlows, findFlow, nextFlow } from './manage.ts';
import { createNamespace, type Namespace } from './namespace.ts';
import { PacketClass } from './packet/packet.ts';
import { udpDatagram } from './testing.ts';
import { invert, type Tuple } from './tuple.ts';

const make = (flows = 64): Namespace => {
  const namespace = createNamespace({ clock: new FakeClock(), random: fakeRandom(1), flows });
  Object.assign(namespace.settings, { acct: 1, checksum: 0, ipChecksum: 0 });
  return namespace;
};

const udp = (from: number, to: number, sourcePort: number, destinationPort: number): DataView =>
  udpDatagram({ from, to, sourcePort, destinationPort, payload: 4 });

const tuple: Tuple = {
  family: 2,
  protocol: 17,
  source: Uint8Array.of(10, 0, 0, 1),
  destination: Uint8Array.of(10, 0, 0, 2),
  sourcePort: 1000,
  destinationPort: 53,
};

test('a result contains class, direction and flow', () => {
  const { tracker } = make();
  const first = tracker.track(udp(1, 2, 1000, 53), 0, 32, 0);
  assert.deepEqual([classOf(first), directionOf(first), flowOf(first)], [PacketClass.New, 0, 0]);
  const second = tracker.track(udp(2, 1, 53, 1000), 0, 32, 1);
  assert.deepEqual([classOf(second), directionOf(second), flowOf(second)], [PacketClass.Established, 1, 0]);
  assert.deepEqual(readFlow(tracker.flows, 0).counters, [
    { packets: 1, bytes: 32 },
    { packets: 1, bytes: 32 },
  ]);
});

test('an expired flow is invisible, and is destroyed by the next lookup', () => {
  const { tracker } = make();
  const events: FlowEvent[] = [];
  tracker.flows.events.sink = { flow: (event) => events.push(event), expectation: () => {} };
  tracker.track(udp(1, 2, 1000, 53), 0, 32, 0);
  assert.equal(findFlow(tracker.flows, tuple)?.direction, 0);
  assert.equal(findFlow(tracker.flows, invert(tuple))?.direction, 1);
  tracker.flows.advance(29_999);
  assert.notEqual(findFlow(tracker.flows, tuple), undefined);
  const answer = tracker.track(udp(2, 1, 53, 1000), 0, 32, 30_000);
  assert.equal(classOf(answer), PacketClass.New);
  assert.deepEqual(events, ['new', 'destroy', 'new']);
});

test('a week without packets ends all flows', () => {
  const { tracker } = make();
  for (let i = 0; i < 50; i++) tracker.track(udp(1, 2, 1000 + i, 53), 0, 32, i);
  tracker.flows.advance(7 * 86_400_000);
  assert.equal(tracker.flows.table.used, 0);
});

test('a full table evicts a flow that is not assured, and drops the packet if there is none', () => {
  const { tracker, settings } = make(8);
  settings.max = 8;
  for (let i = 0; i < 20; i++) assert.equal(classOf(tracker.track(udp(1, 2, 1000 + i, 53), 0, 32, 0)), PacketClass.New);
  assert.equal(tracker.flows.table.confirmed, 8);
  assert.equal(tracker.flows.statistics.earlyDrop, 12);
  const ports: number[] = [];
  for (let flow = nextFlow(tracker.flows, 0); flow >= 0; flow = nextFlow(tracker.flows, flow + 1))
    ports.push(readFlow(tracker.flows, flow).orig.sourcePort);
  for (const port of ports) {
    tracker.track(udp(2, 1, 53, port), 0, 32, 100);
    tracker.track(udp(1, 2, port, 53), 0, 32, 2200);
  }
  assert.equal(classOf(tracker.track(udp(1, 2, 5000, 53), 0, 32, 2300)), PacketClass.Dropped);
  assert.equal(tracker.flows.statistics.drop, 1);
});

test('a batch gives the same results and the same table as its packets one by one', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.nat(40_000)), { maxLength: batchSize }), (packets) => {
      const single = make().tracker;
      const batched = make().tracker;
      const view = new DataView(new ArrayBuffer(32 * batchSize));
      const batch = new Batch(view);
      let now = 0;
      const answers = packets.map(([from, to, port, gap], i) => {
        now += gap;
        const bytes = udp(from, to, port, 3 - port);
        new Uint8Array(view.buffer, i * 32, 32).set(new Uint8Array(bytes.buffer));
        batch.offsets[i] = i * 32;
        batch.lengths[i] = 32;
        batch.times[i] = now;
        return single.track(bytes, 0, 32, now);
      });
      batch.count = packets.length;
      batched.trackBatch(batch);
      assert.deepEqual([...batch.answers.subarray(0, packets.length)], answers);
      assert.equal(batched.flows.table.confirmed, single.flows.table.confirmed);
    }),
  );
});

test('a flow created by a request is in the table like any other, once', () => {
  const { tracker } = make();
  const request = { orig: tuple, reply: invert(tuple), timeoutSeconds: 100, mark: 7 };
  assert.equal(createFlow(tracker.flows, request), 0);
  assert.equal(createFlow(tracker.flows, request), 'EEXIST');
  assert.deepEqual([readFlow(tracker.flows, 0).mark, readFlow(tracker.flows, 0).leftMs], [7, 100_000]);
  assert.equal(classOf(tracker.track(udp(2, 1, 53, 1000), 0, 32, 0)), PacketClass.Established);
  assert.equal(deleteFlows(tracker.flows), 1);
  assert.equal(tracker.flows.table.used, 0);
});

test('a flow whose reply is not the mirror of its original is found by both tuples', () => {
  const { tracker } = make();
  const reply: Tuple = { ...invert(tuple), destination: Uint8Array.of(10, 0, 0, 9), destinationPort: 4000 };
  assert.equal(createFlow(tracker.flows, { orig: tuple, reply, timeoutSeconds: 100 }), 0);
  const answer = tracker.track(udp(2, 9, 53, 4000), 0, 32, 0);
  assert.deepEqual([classOf(answer), directionOf(answer), flowOf(answer)], [PacketClass.Established, 1, 0]);
});

/** All packets of the recorded scenarios. */
const recorded: Uint8Array[] = readdirSync(join(import.meta.dirname, '../../../test/golden/conntrack')).flatMap((name) => {
  const text = readFileSync(join(import.meta.dirname, '../../../test/golden/conntrack', name), 'utf8');
  return [...text.matchAll(/"packet": "([0-9a-f]+)"/g)].map((found) => Uint8Array.from(Buffer.from(found[1]!, 'hex')));
});

test('packets truncated at any byte, or with any byte changed, get a result and leave the table consistent', () => {
  const { tracker, settings } = make(256);
  settings.max = 256;
  const random = fakeRandom(7);
  let now = 0;
  const track = (bytes: Uint8Array): void => {
    settings.snapped = random.u32() & 1;
    const answer = tracker.track(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.byteLength, (now += 3));
    assert.ok(classOf(answer) >= PacketClass.New && classOf(answer) <= PacketClass.Fragment);
  };
  for (const [i, packet] of recorded.entries()) {
    if (i % 7 === 0) for (let length = 0; length < packet.length; length++) track(packet.subarray(0, length));
    for (let k = 0; k < 10; k++) {
      const changed = packet.slice();
      changed[random.u32() % changed.length] = random.u32();
      track(changed);
    }
    track(packet);
  }
  let alive = 0;
  tracker.flows.forEachFlow(() => alive++);
  assert.equal(alive, tracker.flows.table.confirmed);
  tracker.flows.advance(now + 100 * 86_400_000);
  assert.equal(tracker.flows.table.used, 0);
});
