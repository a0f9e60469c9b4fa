import { deepStrictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { createFlow, createNamespace, invert, Status, type Tuple } from '@ring3/conntrack';
import { udpDatagram } from '@ring3/conntrack/testing';
import { FakeClock, fakeLog, fakeRandom } from '@ring3/kit';
import { logFullTable } from './full-table.ts';

const tuple = (sourcePort: number): Tuple => ({
  family: 2,
  protocol: 17,
  source: Uint8Array.of(10, 0, 0, 1),
  destination: Uint8Array.of(10, 0, 0, 2),
  sourcePort,
  destinationPort: 53,
});

const datagram = (sourcePort: number): DataView => udpDatagram({ sourcePort });

test('a full table is logged in the kernel’s words, at once and then every five seconds at most', () => {
  const clock = new FakeClock();
  const log = fakeLog();
  const namespace = createNamespace({ clock, random: fakeRandom(), flows: 8 });
  Object.assign(namespace.settings, { checksum: 0, ipChecksum: 0, max: 2 });
  logFullTable(namespace, clock, log);
  const { tracker } = namespace;
  const send = (port: number) => tracker.track(datagram(port), 0, 28, clock.now());
  for (const port of [1, 2, 3, 4]) send(port);
  const said = () => log.lines.map(({ what, fields }) => [what, fields['times'], fields['flows'], fields['max']]);
  const early = 'nf_conntrack: table full, deleting flows that are not assured for new ones';
  deepStrictEqual(said(), [[early, 1, 1, 2]]);
  clock.advance(5000);
  send(5);
  deepStrictEqual(said().slice(1), [[early, 2, 1, 2]]);
  tracker.flows.forEachFlow((flow) => tracker.flows.destroy(flow));
  for (const port of [1, 2])
    createFlow(tracker.flows, {
      orig: tuple(port),
      reply: invert(tuple(port)),
      timeoutSeconds: 100,
      status: Status.SeenReply | Status.Assured,
    });
  for (const port of [6, 7, 8]) send(port);
  clock.advance(5000);
  send(9);
  const full = 'nf_conntrack: table full, dropping packet';
  deepStrictEqual(said().slice(2), [
    [full, 1, 2, 2],
    [full, 3, 2, 2],
  ]);
  namespace.close();
});
