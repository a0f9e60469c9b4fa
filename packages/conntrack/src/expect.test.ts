import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, fakeRandom } from '@ring3/kit';
import { classOf, flowOf } from './answer.ts';
import { ExpectFlag } from './expectation.ts';
import { readFlow } from './flow.ts';
import { createFlow } from './manage.ts';
import { createNamespace, type Namespace } from './namespace.ts';
import { PacketClass } from './packet/packet.ts';
import { Status } from './table/layout.ts';
import { udpDatagram } from './testing.ts';
import { invert, type Tuple } from './tuple.ts';

const address = (last: number): Uint8Array => Uint8Array.of(10, 0, 0, last);
const control: Tuple = { family: 2, protocol: 17, source: address(1), destination: address(2), sourcePort: 1000, destinationPort: 5000 };
const wanted = (port: number): Tuple => ({ ...control, source: address(2), destination: address(1), sourcePort: 0, destinationPort: port });
const mask = { source: new Uint8Array(4).fill(0xff), sourcePort: 0 };

function make(max = 2): { namespace: Namespace; master: number; emitted: string[] } {
  const namespace = createNamespace({ clock: new FakeClock(), random: fakeRandom(1), flows: 64 });
  // the master begins before the sink is attached
  Object.assign(namespace.settings, { checksum: 0, ipChecksum: 0, events: 1 });
  const classes = [{ name: 'c', max, timeoutSeconds: 30 }];
  const helper = namespace.host.helpers.set({ name: 'uh', l3num: 2, l4: 17, classes, privateLength: 0 }, true, namespace.profile);
  assert.ok(typeof helper !== 'string');
  const master = createFlow(namespace.flows, { orig: control, reply: invert(control), timeoutSeconds: 1000, mark: 7, helper });
  assert.ok(typeof master === 'number');
  const emitted: string[] = [];
  namespace.flows.events.sink = { flow: () => {}, expectation: (event, one) => emitted.push(`${event} ${one.tuple.destinationPort}`) };
  return { namespace, master, emitted };
}

const packet = (from: number, sourcePort: number, destinationPort: number): DataView =>
  udpDatagram({ from, to: 1, sourcePort, destinationPort });

test('a packet that is expected begins a RELATED flow with its master’s mark, and uses up the expectation', () => {
  const { namespace, master, emitted } = make();
  const { tracker } = namespace;
  tracker.expectations.add({ master, tuple: wanted(6000), mask });
  assert.equal(classOf(tracker.track(packet(3, 9, 6000), 0, 28, 0)), PacketClass.New);
  const answer = tracker.track(packet(2, 9, 6000), 0, 28, 0);
  assert.equal(classOf(answer), PacketClass.Related);
  const child = readFlow(tracker.flows, flowOf(answer));
  assert.ok((child.status & Status.Expected) !== 0);
  assert.deepEqual([child.mark, child.master?.destinationPort], [7, 5000]);
  assert.equal(tracker.expectations.size, 0);
  assert.deepEqual(emitted, ['new 6000', 'destroy 6000']);
});

test('a permanent expectation stays, an inactive one does not match', () => {
  const { namespace, master } = make();
  const { tracker } = namespace;
  tracker.expectations.add({ master, tuple: wanted(6000), mask, flags: ExpectFlag.Permanent });
  tracker.expectations.add({ master, tuple: wanted(6001), mask, flags: ExpectFlag.Inactive });
  assert.equal(classOf(tracker.track(packet(2, 9, 6000), 0, 28, 0)), PacketClass.Related);
  assert.equal(classOf(tracker.track(packet(2, 10, 6000), 0, 28, 0)), PacketClass.Related);
  assert.equal(classOf(tracker.track(packet(2, 9, 6001), 0, 28, 0)), PacketClass.New);
});

test('a new expectation of a full class evicts the oldest; a class with maximum 0 has no limit', () => {
  const { namespace, master, emitted } = make(2);
  for (const port of [6000, 6001, 6002]) namespace.tracker.expectations.add({ master, tuple: wanted(port), mask });
  assert.deepEqual(emitted, ['new 6000', 'new 6001', 'destroy 6000', 'new 6002']);
  const free = make(0);
  for (const port of [6000, 6001, 6002]) free.namespace.tracker.expectations.add({ master: free.master, tuple: wanted(port), mask });
  assert.equal(free.namespace.tracker.expectations.size, 3);
});

test('an expectation is added once; one that overlaps another master’s is rejected; an unknown class is invalid', () => {
  const { namespace, master } = make(0);
  const { expectations } = namespace.tracker;
  assert.equal(typeof expectations.add({ master, tuple: wanted(6000), mask }), 'object');
  assert.equal(expectations.add({ master, tuple: wanted(6000), mask }), 'same');
  assert.equal(expectations.add({ master, tuple: wanted(6000), mask: { ...mask, source: new Uint8Array(4) } }), 'EBUSY');
  assert.equal(expectations.add({ master, tuple: wanted(6001), mask, classIndex: 5 }), 'EINVAL');
});

test('an expectation expires after the timeout of its class, and ends with its master', () => {
  const { namespace, master } = make();
  const { tracker } = namespace;
  tracker.expectations.add({ master, tuple: wanted(6000), mask, timeoutSeconds: 5 });
  tracker.flows.advance(29_000);
  assert.equal(tracker.expectations.size, 1);
  tracker.flows.advance(31_000);
  assert.equal(tracker.expectations.size, 0);
  tracker.expectations.add({ master, tuple: wanted(6000), mask });
  tracker.flows.destroy(master);
  assert.equal(tracker.expectations.size, 0);
});

test('a flow without a helper cannot have expectations', () => {
  const { namespace } = make();
  const other: Tuple = { ...control, sourcePort: 2000 };
  const master = createFlow(namespace.flows, { orig: other, reply: invert(other), timeoutSeconds: 1000 });
  assert.ok(typeof master === 'number');
  assert.equal(namespace.tracker.expectations.add({ master, tuple: wanted(6000), mask }), 'EOPNOTSUPP');
});
