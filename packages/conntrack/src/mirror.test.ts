import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, fakeRandom } from '@ring3/kit';
import fc from 'fast-check';
import { readFlow } from './flow.ts';
import type { FlowEnd } from './flow-owners.ts';
import { addStatus, createFlow } from './manage.ts';
import { MirroredConnection } from './mirror.ts';
import { createNamespace, type Namespace } from './namespace.ts';
import { Status } from './table/layout.ts';
import type { FlowEvent } from './tracker.ts';
import { invert } from './tuple.ts';

const make = (): Namespace => createNamespace({ clock: new FakeClock(), random: fakeRandom(1), flows: 64 });
const client = { address: Uint8Array.of(10, 0, 0, 1), port: 50_000 };
const server = { address: Uint8Array.of(10, 0, 0, 2), port: 445 };
const wide = (last: number): Uint8Array => Uint8Array.of(0xfd, ...new Array<number>(14).fill(0), last);

test('a connection that is carried here is an established, assured flow, of either family, checksums verified', () => {
  for (const [a, b] of [
    [client, server],
    [
      { address: wide(1), port: 50_000 },
      { address: wide(2), port: 445 },
    ],
  ] as const) {
    const { tracker } = make();
    const { flow } = new MirroredConnection(tracker, a, b, 0);
    const { tcp, status, orig } = readFlow(tracker, flow);
    assert.deepEqual([tcp?.state, status & Status.Assured, orig.sourcePort, orig.destinationPort], [3, Status.Assured, 50_000, 445]);
    assert.equal(tracker.leftOf(flow), 432_000_000);
  }
});

test('what it carries is counted with its headers, and keeps it alive by its policy', () => {
  const { tracker, timeoutPolicies, rules } = make();
  timeoutPolicies.set({ name: 'p', l3num: 2, l4: 6, timeouts: () => [undefined, undefined, 100] }, { exclusive: true, replace: false });
  rules.add({ family: 2, protocol: 6 }, { timeout: 'p' });
  const connection = new MirroredConnection(tracker, client, server, 0);
  const opened = readFlow(tracker, connection.flow).counters!;
  connection.received(3000, 50_000);
  connection.sent(10, 99_000);
  const counters = readFlow(tracker, connection.flow).counters!;
  assert.deepEqual(
    counters.map((one, i) => [one.packets - opened[i]!.packets, one.bytes - opened[i]!.bytes]),
    [
      [3, 3120],
      [1, 50],
    ],
  );
  tracker.advance(198_000);
  assert.ok(connection.flow >= 0);
  tracker.advance(200_000);
  assert.equal(connection.flow, -1);
  connection.sent(10, 200_001);
  assert.equal(tracker.table.used, 0);
});

test('its end is a FIN exchange, or a reset, whoever begins it; either way the same ports can be used again', () => {
  for (const [how, by, state, left] of [
    ['close', 'client', 7, 120_000],
    ['close', 'server', 7, 120_000],
    ['reset', 'client', 8, 10_000],
    ['reset', 'server', 8, 10_000],
  ] as const) {
    const { tracker } = make();
    const connection = new MirroredConnection(tracker, client, server, 0);
    const { flow } = connection;
    connection.end(how, by, 1000);
    connection.end(how, by, 2000);
    assert.deepEqual([readFlow(tracker, flow).tcp?.state, tracker.leftOf(flow), connection.flow], [state, left, -1]);
    const again = new MirroredConnection(tracker, client, server, 3000);
    assert.deepEqual([readFlow(tracker, again.flow).tcp?.state, tracker.leftOf(again.flow), tracker.table.confirmed], [3, 432_000_000, 1]);
  }
});

/** Hears of a mirrored connection's end. */
function listener(keeps = false): { told: FlowEnd[]; keeps(): boolean; ended(flow: number, how: FlowEnd): void } {
  const told: FlowEnd[] = [];
  return { told, keeps: () => keeps, ended: (_flow, how) => told.push(how) };
}

test('whoever carries it hears when its flow is deleted or expires, even where events are off or are not its own', () => {
  const { tracker, settings } = make();
  settings.events = 0;
  const deleted = listener();
  const connection = new MirroredConnection(tracker, client, server, 0, deleted);
  tracker.destroy(connection.flow);
  assert.deepEqual([deleted.told, connection.flow], [['deleted'], -1]);
  connection.received(1000, 1);
  connection.end('close', 'client', 2);
  assert.equal(tracker.table.used, 0);

  const expired = listener();
  const other = new MirroredConnection(tracker, client, server, 10, expired);
  tracker.advance(432_001_000);
  assert.deepEqual([expired.told, other.flow], [['expired'], -1]);
});

test('a policy of no time at all ends it when time passes, or when something is carried', () => {
  for (const act of [
    (_: MirroredConnection, { tracker }: Namespace) => tracker.advance(256),
    (connection: MirroredConnection, _: Namespace) => connection.received(1, 0),
  ]) {
    const namespace = make();
    const { tracker, rules, timeoutPolicies } = namespace;
    timeoutPolicies.set({ name: 'p', l3num: 2, l4: 6, timeouts: () => [undefined, undefined, 0] }, { exclusive: true, replace: false });
    rules.add({ family: 2, protocol: 6 }, { timeout: 'p' });
    const heard = listener();
    act(new MirroredConnection(tracker, client, server, 0, heard), namespace);
    assert.deepEqual([heard.told, tracker.table.used], [['expired'], 0]);
  }
});

test('an end of its own is not told', () => {
  const { tracker } = make();
  const heard = listener();
  new MirroredConnection(tracker, client, server, 0, heard).end('reset', 'client', 1);
  tracker.advance(20_000);
  assert.deepEqual([heard.told, tracker.table.used], [[], 0]);
});

test('a flow that is kept when its time is over lives on with its timer started anew, and nobody is told', () => {
  const { tracker, rules, timeoutPolicies } = make();
  timeoutPolicies.set({ name: 'p', l3num: 2, l4: 6, timeouts: () => [undefined, undefined, 5] }, { exclusive: true, replace: false });
  rules.add({ family: 2, protocol: 6 }, { timeout: 'p' });
  const heard = listener(true);
  const connection = new MirroredConnection(tracker, client, server, 0, heard);
  const { flow } = connection;
  const events: FlowEvent[] = [];
  tracker.sink = { flow: (event) => events.push(event), expectation: () => {} };
  tracker.advance(5200);
  assert.deepEqual([connection.flow, tracker.leftOf(flow)], [flow, 5000]);
  // also where something is carried before the wheel comes round, and where a timeout of nought was set by hand on a flow whose timer is fixed
  connection.received(1, 10_201);
  assert.deepEqual([connection.flow, tracker.leftOf(flow)], [flow, 5000]);
  addStatus(tracker, flow, Status.FixedTimeout);
  tracker.setExpiry(flow, 0);
  tracker.advance(11_000);
  assert.deepEqual([connection.flow, tracker.leftOf(flow), events, heard.told], [flow, 5000, [], []]);
});

test('a new connection between the same ports takes the flow over: the old one, whose end was not heard of yet, no longer touches it', () => {
  const { tracker } = make();
  const heard = listener();
  const old = new MirroredConnection(tracker, client, server, 0, heard);
  const next = new MirroredConnection(tracker, client, server, 100);
  assert.deepEqual([heard.told, old.flow, next.flow >= 0], [['taken'], -1, true]);
  old.end('close', 'client', 200);
  old.received(1, 300);
  assert.equal(readFlow(tracker, next.flow).tcp?.state, 3);
});

test('a connection that is not tracked works: no room, a rule without tracking, a zone that the answers are not in', () => {
  const without = (prepare: (namespace: Namespace) => void): void => {
    const namespace = make();
    prepare(namespace);
    const { tracker } = namespace;
    const heard = listener();
    const connection = new MirroredConnection(tracker, client, server, 0, heard);
    assert.equal(connection.flow, -1);
    connection.received(1, 1);
    connection.sent(1, 2);
    connection.end('close', 'server', 3);
    tracker.advance(1_000_000);
    assert.deepEqual([heard.told, tracker.table.used], [[], 0]);
  };
  without(({ settings, tracker }) => {
    settings.max = 1; // and another flow, which is assured, has that place
    const orig = { family: 2, protocol: 17, source: client.address, destination: server.address, sourcePort: 1, destinationPort: 2 };
    createFlow(tracker, { orig, reply: invert(orig), timeoutSeconds: 500, status: Status.SeenReply | Status.Assured });
  });
  without(({ rules }) => void rules.add({ protocol: 6 }, { notrack: true }));
  without(({ rules }) => void rules.add({ protocol: 6, destinationPort: { from: 445, to: 445 } }, { zone: 7 }));
});

test('a rule for an interface holds where the segments come in by it', () => {
  const { tracker, rules } = make();
  rules.add({ protocol: 6, ingress: 'eth+' }, { notrack: true });
  assert.equal(new MirroredConnection(tracker, client, server, 0, undefined, 'eth0').flow, -1);
  assert.ok(new MirroredConnection(tracker, client, server, 0, undefined, 'lo').flow >= 0);
});

test('whatever is carried, deleted, ended and waited for, no flow is left when all have ended and time has passed', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ what: fc.nat(5), port: fc.nat(3), ms: fc.nat(200_000), keeps: fc.boolean() }), { maxLength: 60 }),
      (steps) => {
        const { tracker } = make();
        const alive = new Map<number, MirroredConnection>();
        let now = 0;
        for (const { what, port, ms, keeps } of steps) {
          now += ms;
          const connection = alive.get(port);
          if (what === 0) alive.set(port, new MirroredConnection(tracker, { ...client, port }, server, now, listener(keeps)));
          else if (what === 1) connection?.received(ms, now);
          else if (what === 2) connection?.end('close', 'client', now);
          else if (what === 3) connection?.end('reset', 'server', now);
          else if (what === 4 && connection !== undefined && connection.flow >= 0) tracker.destroy(connection.flow);
          else tracker.advance(now);
          for (const one of alive.values()) if (one.flow >= 0) assert.ok(tracker.table.isUsed(one.flow));
        }
        for (const connection of alive.values()) connection.end('close', 'server', now);
        tracker.advance(now + 500_000_000);
        assert.equal(tracker.table.used, 0);
      },
    ),
    { numRuns: 200 },
  );
});
