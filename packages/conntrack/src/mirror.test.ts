import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, fakeRandom } from '@ring3/kit';
import fc from 'fast-check';
import type { FlowEvent } from './event-sink.ts';
import { readFlow } from './flow.ts';
import type { FlowEnd } from './flow-owners.ts';
import { addStatus, createFlow } from './manage.ts';
import { MirroredConnection } from './mirror.ts';
import { createNamespace, type Namespace } from './namespace.ts';
import { Status } from './table/layout.ts';
import { invert } from './tuple.ts';

const make = (): Namespace => createNamespace({ clock: new FakeClock(), random: fakeRandom(1), flows: 64 });
const client = { address: Uint8Array.of(10, 0, 0, 1), port: 50_000 };
const server = { address: Uint8Array.of(10, 0, 0, 2), port: 445 };
const wide = (last: number): Uint8Array => Uint8Array.of(0xfd, ...new Array<number>(14).fill(0), last);

test('a mirrored connection is an established, assured flow, in both families, with verified checksums', () => {
  for (const [a, b] of [
    [client, server],
    [
      { address: wide(1), port: 50_000 },
      { address: wide(2), port: 445 },
    ],
  ] as const) {
    const { tracker } = make();
    const { flow } = new MirroredConnection(tracker, a, b, 0);
    const { tcp, status, orig } = readFlow(tracker.flows, flow);
    assert.deepEqual([tcp?.state, status & Status.Assured, orig.sourcePort, orig.destinationPort], [3, Status.Assured, 50_000, 445]);
    assert.equal(tracker.flows.leftOf(flow), 432_000_000);
  }
});

test('its payload is counted with headers and restarts the timer of its policy', () => {
  const { tracker, timeoutPolicies, rules } = make();
  timeoutPolicies.set({ name: 'p', l3num: 2, l4: 6, timeouts: () => [undefined, undefined, 100] }, { exclusive: true, replace: false });
  rules.add({ family: 2, protocol: 6 }, { timeout: 'p' });
  const connection = new MirroredConnection(tracker, client, server, 0);
  const opened = readFlow(tracker.flows, connection.flow).counters!;
  connection.received(3000, 50_000);
  connection.sent(10, 99_000);
  const counters = readFlow(tracker.flows, connection.flow).counters!;
  assert.deepEqual(
    counters.map((one, i) => [one.packets - opened[i]!.packets, one.bytes - opened[i]!.bytes]),
    [
      [3, 3120],
      [1, 50],
    ],
  );
  tracker.flows.advance(198_000);
  assert.ok(connection.flow >= 0);
  tracker.flows.advance(200_000);
  assert.equal(connection.flow, -1);
  connection.sent(10, 200_001);
  assert.equal(tracker.flows.table.used, 0);
});

test('it ends with a FIN exchange or a reset from either side, and the same ports can be used again', () => {
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
    assert.deepEqual([readFlow(tracker.flows, flow).tcp?.state, tracker.flows.leftOf(flow), connection.flow], [state, left, -1]);
    const again = new MirroredConnection(tracker, client, server, 3000);
    assert.deepEqual(
      [readFlow(tracker.flows, again.flow).tcp?.state, tracker.flows.leftOf(again.flow), tracker.flows.table.confirmed],
      [3, 432_000_000, 1],
    );
  }
});

/** Records the end of a mirrored connection. */
function listener(keeps = false): { emitted: FlowEnd[]; keeps(): boolean; ended(flow: number, how: FlowEnd): void } {
  const emitted: FlowEnd[] = [];
  return { emitted, keeps: () => keeps, ended: (_flow, how) => emitted.push(how) };
}

test('the owner is notified when the flow is deleted or expires, even if events are disabled or masked', () => {
  const { tracker, settings } = make();
  settings.events = 0;
  const deleted = listener();
  const connection = new MirroredConnection(tracker, client, server, 0, deleted);
  tracker.flows.destroy(connection.flow);
  assert.deepEqual([deleted.emitted, connection.flow], [['deleted'], -1]);
  connection.received(1000, 1);
  connection.end('close', 'client', 2);
  assert.equal(tracker.flows.table.used, 0);

  const expired = listener();
  const other = new MirroredConnection(tracker, client, server, 10, expired);
  tracker.flows.advance(432_001_000);
  assert.deepEqual([expired.emitted, other.flow], [['expired'], -1]);
});

test('a policy with timeout 0 ends it when time passes or bytes are carried', () => {
  for (const act of [
    (_: MirroredConnection, { tracker }: Namespace) => tracker.flows.advance(256),
    (connection: MirroredConnection, _: Namespace) => connection.received(1, 0),
  ]) {
    const namespace = make();
    const { tracker, rules, timeoutPolicies } = namespace;
    timeoutPolicies.set({ name: 'p', l3num: 2, l4: 6, timeouts: () => [undefined, undefined, 0] }, { exclusive: true, replace: false });
    rules.add({ family: 2, protocol: 6 }, { timeout: 'p' });
    const heard = listener();
    act(new MirroredConnection(tracker, client, server, 0, heard), namespace);
    assert.deepEqual([heard.emitted, tracker.flows.table.used], [['expired'], 0]);
  }
});

test('the owner is not notified of an end that it requested', () => {
  const { tracker } = make();
  const heard = listener();
  new MirroredConnection(tracker, client, server, 0, heard).end('reset', 'client', 1);
  tracker.flows.advance(20_000);
  assert.deepEqual([heard.emitted, tracker.flows.table.used], [[], 0]);
});

test('an expired flow that the owner keeps continues with a restarted timer and without an event', () => {
  const { tracker, rules, timeoutPolicies } = make();
  timeoutPolicies.set({ name: 'p', l3num: 2, l4: 6, timeouts: () => [undefined, undefined, 5] }, { exclusive: true, replace: false });
  rules.add({ family: 2, protocol: 6 }, { timeout: 'p' });
  const heard = listener(true);
  const connection = new MirroredConnection(tracker, client, server, 0, heard);
  const { flow } = connection;
  const events: FlowEvent[] = [];
  tracker.flows.events.sink = { flow: (event) => events.push(event), expectation: () => {} };
  tracker.flows.advance(5200);
  assert.deepEqual([connection.flow, tracker.flows.leftOf(flow)], [flow, 5000]);
  // also if bytes are carried before the wheel reaches the flow, and if a timeout of 0 was set on a flow whose timer is fixed
  connection.received(1, 10_201);
  assert.deepEqual([connection.flow, tracker.flows.leftOf(flow)], [flow, 5000]);
  addStatus(tracker.flows, flow, Status.FixedTimeout);
  tracker.flows.setExpiry(flow, 0);
  tracker.flows.advance(11_000);
  assert.deepEqual([connection.flow, tracker.flows.leftOf(flow), events, heard.emitted], [flow, 5000, [], []]);
});

test('a new connection between the same ports takes over the flow; the old one, whose end was not seen yet, no longer changes it', () => {
  const { tracker } = make();
  const heard = listener();
  const old = new MirroredConnection(tracker, client, server, 0, heard);
  const next = new MirroredConnection(tracker, client, server, 100);
  assert.deepEqual([heard.emitted, old.flow, next.flow >= 0], [['taken'], -1, true]);
  old.end('close', 'client', 200);
  old.received(1, 300);
  assert.equal(readFlow(tracker.flows, next.flow).tcp?.state, 3);
});

test('a connection that is not tracked works: full table, notrack rule, a zone that the replies are not in', () => {
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
    tracker.flows.advance(1_000_000);
    assert.deepEqual([heard.emitted, tracker.flows.table.used], [[], 0]);
  };
  without(({ settings, tracker }) => {
    settings.max = 1; // and another flow, which is assured, has its index
    const orig = { family: 2, protocol: 17, source: client.address, destination: server.address, sourcePort: 1, destinationPort: 2 };
    createFlow(tracker.flows, { orig, reply: invert(orig), timeoutSeconds: 500, status: Status.SeenReply | Status.Assured });
  });
  without(({ rules }) => void rules.add({ protocol: 6 }, { notrack: true }));
  without(({ rules }) => void rules.add({ protocol: 6, destinationPort: { from: 445, to: 445 } }, { zone: 7 }));
});

test('a rule for an interface matches segments received by it', () => {
  const { tracker, rules } = make();
  rules.add({ protocol: 6, ingress: 'eth+' }, { notrack: true });
  assert.equal(new MirroredConnection(tracker, client, server, 0, undefined, 'eth0').flow, -1);
  assert.ok(new MirroredConnection(tracker, client, server, 0, undefined, 'lo').flow >= 0);
});

test('after any sequence of transfers, deletions, ends and waits, no flow is left at the end', () => {
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
          else if (what === 4 && connection !== undefined && connection.flow >= 0) tracker.flows.destroy(connection.flow);
          else tracker.flows.advance(now);
          for (const one of alive.values()) if (one.flow >= 0) assert.ok(tracker.flows.table.isUsed(one.flow));
        }
        for (const connection of alive.values()) connection.end('close', 'server', now);
        tracker.flows.advance(now + 500_000_000);
        assert.equal(tracker.flows.table.used, 0);
      },
    ),
    { numRuns: 200 },
  );
});
