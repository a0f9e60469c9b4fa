import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, fakeRandom } from '@ring3/kit';
import type { FlowEvent } from './event-sink.ts';
import { createFlow } from './manage.ts';
import { createNamespace } from './namespace.ts';
import { invert, type Tuple } from './tuple.ts';

const tuple: Tuple = {
  family: 2,
  protocol: 17,
  source: Uint8Array.of(10, 0, 0, 1),
  destination: Uint8Array.of(10, 0, 0, 2),
  sourcePort: 1000,
  destinationPort: 53,
};

test('a helper of the kernel that ring3 does not have is a name for ctnetlink, not for rules, and a user-space helper of that name is preferred', () => {
  const namespace = createNamespace();
  assert.equal(namespace.findHelper('tftp', 2, 17), undefined);
  const named = namespace.findNamedHelper('tftp', 10, 17);
  assert.deepEqual(named?.classes, [{ name: 'tftp', max: 1, timeoutSeconds: 300 }]);
  assert.equal(namespace.findNamedHelper('tftp', 2, 6), undefined, 'another protocol');
  assert.equal(namespace.findNamedHelper('irc', 10, 6), undefined, 'another family');
  const request = { name: 'tftp', l3num: 2, l4: 17, classes: [{ name: 'x', max: 1, timeoutSeconds: 9 }], privateLength: 0 };
  const made = namespace.host.helpers.set(request, true, namespace.profile);
  assert.equal(namespace.findHelper('tftp', 2, 17), made);
  assert.equal(namespace.findNamedHelper('tftp', 2, 17), made);
  assert.equal(namespace.findNamedHelper('tftp', 10, 17), named);
});

test('with a listener, the end of a flow is reported without a packet; a closed namespace has no timer left', () => {
  const clock = new FakeClock();
  const namespace = createNamespace({ clock, random: fakeRandom(1), flows: 16 });
  const emitted: FlowEvent[] = [];
  namespace.addSink({ flow: (event) => emitted.push(event), expectation: () => {} });
  createFlow(namespace.flows, { orig: tuple, reply: invert(tuple), timeoutSeconds: 10 });
  clock.advance(9000);
  assert.deepEqual(emitted, ['new']);
  clock.advance(3000);
  assert.deepEqual(emitted, ['new', 'destroy']);
  assert.equal(clock.pending, 0, 'nothing is waited for where there is nothing');
  createFlow(namespace.flows, { orig: tuple, reply: invert(tuple), timeoutSeconds: 400_000 });
  clock.advance(200_000_000);
  namespace.flows.setExpiry(0, 3000);
  clock.advance(3000 + 256);
  assert.deepEqual(emitted, ['new', 'destroy', 'new', 'destroy'], 'an earlier end is waited for instead');
  createFlow(namespace.flows, { orig: tuple, reply: invert(tuple), timeoutSeconds: 10 });
  assert.equal(clock.pending, 1);
  namespace.close();
  assert.equal(clock.pending, 0);
});

test('with a listener, the end of an expectation is reported at its time, before any flow ends', () => {
  const clock = new FakeClock();
  const namespace = createNamespace({ clock, random: fakeRandom(1), flows: 16 });
  const emitted: string[] = [];
  namespace.addSink({ flow: () => {}, expectation: (event) => emitted.push(event) });
  const { tracker, host } = namespace;
  const classes = [{ name: 'c', max: 1, timeoutSeconds: 10 }];
  host.helpers.set({ name: 'uh', l3num: 2, l4: 17, classes, privateLength: 0 }, true, namespace.profile);
  const helper = namespace.findHelper('uh', 2, 17)!;
  const master = createFlow(tracker.flows, { orig: tuple, reply: invert(tuple), timeoutSeconds: 1000, helper }) as number;
  tracker.expectations.add({ master, tuple, mask: { source: new Uint8Array(4), sourcePort: 0 } });
  clock.advance(9_900);
  assert.deepEqual(emitted, ['new']);
  clock.advance(100 + 256);
  assert.deepEqual(emitted, ['new', 'destroy']);
});

test('namespaces of one host share only the helpers', () => {
  const one = createNamespace({ clock: new FakeClock(), random: fakeRandom(1), flows: 16 });
  const other = createNamespace({ clock: new FakeClock(), random: fakeRandom(2), flows: 16, host: one.host });
  const stranger = createNamespace({ clock: new FakeClock(), random: fakeRandom(3), flows: 16 });
  const classes = [{ name: 'c', max: 1, timeoutSeconds: 1 }];
  one.host.helpers.set({ name: 'uh', l3num: 2, l4: 17, classes, privateLength: 0 }, true, one.profile);
  assert.notEqual(other.findHelper('uh', 2, 17), undefined);
  assert.equal(stranger.findHelper('uh', 2, 17), undefined);
  createFlow(one.tracker.flows, { orig: tuple, reply: invert(tuple), timeoutSeconds: 10 });
  assert.deepEqual([one.flowCount, other.flowCount], [1, 0]);
});
