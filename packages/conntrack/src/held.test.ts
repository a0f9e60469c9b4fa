import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, fakeRandom } from '@ring3/kit';
import { classOf } from './answer.ts';
import type { FlowEvent } from './event-sink.ts';
import type { HeldPacket } from './held.ts';
import { createNamespace, type Namespace } from './namespace.ts';
import { PacketClass } from './packet/packet.ts';
import { udpDatagram } from './testing.ts';

function make(profile: 'current' | 'v4.8' = 'current'): { namespace: Namespace; waiting: HeldPacket[]; emitted: FlowEvent[] } {
  const namespace = createNamespace({ clock: new FakeClock(), random: fakeRandom(1), flows: 64, profile });
  Object.assign(namespace.settings, { checksum: 0, ipChecksum: 0 });
  const classes = [{ name: 'c', max: 1, timeoutSeconds: 30 }];
  const request = { name: 'uh', l3num: 2, l4: 17, classes, privateLength: 0, queueNumber: 65543, status: 1 };
  assert.ok(typeof namespace.host.helpers.set(request, true, namespace.profile) !== 'string');
  assert.ok(typeof namespace.rules.add({ family: 2, protocol: 17 }, { helper: 'uh' }) !== 'string');
  const waiting: HeldPacket[] = [];
  const emitted: FlowEvent[] = [];
  namespace.flows.events.sink = { flow: (event) => emitted.push(event), expectation: () => {} };
  namespace.tracker.held.outlet = {
    listens: (queue) => queue === 7,
    offer: (packet) => {
      waiting.push(packet);
      return true;
    },
  };
  return { namespace, waiting, emitted };
}

const udp = (sourcePort = 1000, destinationPort = 5000): DataView => udpDatagram({ sourcePort, destinationPort });

test('a new flow is in the table only after the verdict; the low 16 bits of the number select the queue', () => {
  const { namespace, waiting, emitted } = make();
  const { tracker } = namespace;
  tracker.track(udp(), 0, 28, 0);
  assert.equal(tracker.decision, 'held');
  assert.deepEqual([tracker.flows.table.confirmed, waiting[0]?.queue, emitted], [0, 7, []]);
  assert.equal(tracker.held.verdict(waiting[0]!.id, true)?.accepted, true);
  assert.deepEqual([tracker.flows.table.confirmed, emitted], [1, ['new']]);
});

test('DROP discards the packet, and its flow if it is new', () => {
  const { namespace, waiting } = make();
  const { tracker } = namespace;
  tracker.track(udp(), 0, 28, 0);
  assert.equal(tracker.held.verdict(waiting[0]!.id, false)?.accepted, false);
  assert.deepEqual([tracker.flows.table.used, tracker.held.size, tracker.held.bytes], [0, 0, 0]);
  assert.equal(tracker.held.verdict(waiting[0]!.id, true), undefined);
});

test('without a listener the packet passes and its flow is not confirmed', () => {
  const { namespace } = make();
  const { tracker } = namespace;
  tracker.held.outlet = undefined;
  assert.equal(classOf(tracker.track(udp(), 0, 28, 0)), PacketClass.New);
  assert.equal(tracker.decision, 'passUnconfirmed');
  assert.equal(tracker.flows.table.used, 0);
});

test('of two first packets of one flow that wait at the same time, the second joins the flow of the first', () => {
  const { namespace, waiting } = make();
  const { tracker } = namespace;
  tracker.track(udp(), 0, 28, 0);
  tracker.track(udp(), 0, 28, 1);
  assert.equal(waiting.length, 2);
  assert.equal(tracker.held.verdict(waiting[0]!.id, true)?.accepted, true);
  assert.equal(tracker.held.verdict(waiting[1]!.id, true)?.accepted, true);
  assert.deepEqual([tracker.flows.table.used, tracker.flows.table.confirmed, tracker.flows.statistics.clashResolve], [1, 1, 1]);
});

test('the number and bytes of held packets are limited; closing a queue drops its packets', () => {
  const { namespace } = make();
  const { tracker } = namespace;
  for (let i = 0; i < 100; i++) tracker.track(udp(1000 + i), 0, 28, 0);
  assert.equal(tracker.held.size, 64);
  tracker.held.dropQueue(7);
  assert.deepEqual([tracker.held.size, tracker.flows.table.used], [0, 0]);
});

test('packets of a flow whose helper was deleted pass; in profile v4.8 they are dropped', () => {
  for (const profile of ['current', 'v4.8'] as const) {
    const { namespace, waiting } = make(profile);
    const { tracker, rules, host } = namespace;
    tracker.track(udp(), 0, 28, 0);
    tracker.held.verdict(waiting[0]!.id, true);
    rules.flush();
    assert.equal(host.helpers.delete('uh', undefined, namespace.profile), undefined);
    tracker.track(udp(), 0, 28, 10);
    assert.equal(tracker.decision, profile === 'current' ? 'pass' : 'dropped');
  }
});
