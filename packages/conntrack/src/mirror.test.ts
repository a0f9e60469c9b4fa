import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, fakeRandom } from '@ring3/kit';
import { readFlow } from './flow.ts';
import { MirroredConnection } from './mirror.ts';
import { createNamespace, type Namespace } from './namespace.ts';
import { Status } from './table/layout.ts';
import type { FlowEvent } from './tracker.ts';

const make = (): Namespace => {
  const namespace = createNamespace({ clock: new FakeClock(), random: fakeRandom(1), flows: 64 });
  namespace.settings.acct = 1;
  return namespace;
};
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

test('its end is a FIN exchange, or a reset', () => {
  for (const [how, state, left] of [
    ['close', 7, 120_000],
    ['reset', 8, 10_000],
  ] as const) {
    const { tracker } = make();
    const connection = new MirroredConnection(tracker, client, server, 0);
    connection.end(how, 1000);
    connection.end(how, 2000);
    assert.deepEqual([readFlow(tracker, connection.flow).tcp?.state, tracker.leftOf(connection.flow)], [state, left]);
  }
});

test('a flow that is deleted is told by its event, and the connection has none from then on', () => {
  const { tracker } = make();
  const told: FlowEvent[] = [];
  const connection = new MirroredConnection(tracker, client, server, 0);
  tracker.sink = { flow: (event) => told.push(event), expectation: () => {} };
  tracker.destroy(connection.flow);
  assert.deepEqual([told, connection.flow], [['destroy'], -1]);
});
