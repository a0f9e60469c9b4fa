import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { udpDatagram } from '@ring3/conntrack/testing';
import { FakeClock, fakeMetrics, fakeRandom, silentLog } from '@ring3/kit';
import { allRights } from '@ring3/netlink';
import { Namespaces } from './namespaces.ts';
import { netfilterFamilies } from './netfilter-families.ts';

const datagram = (sourcePort: number): DataView => udpDatagram({ sourcePort });

test('metrics of each namespace are read on request, which creates no tracker; they end with the namespace', () => {
  const namespaces = new Namespaces({ clock: new FakeClock(), random: fakeRandom(), log: silentLog });
  const metrics = fakeMetrics();
  metrics.show(netfilterFamilies(namespaces));
  const lab = namespaces.add('lab', { flows: 3 });
  const of = (name: string, namespace = 'lab') => metrics.seen.get(`${name}{namespace="${namespace}"}`);
  strictEqual(of('conntrack_flows'), 0);
  strictEqual(of('conntrack_table_bytes'), undefined);
  strictEqual(lab.trackerIfMade, undefined);
  Object.assign(lab.settings, { checksum: 0, ipChecksum: 0 });
  for (let port = 1; port <= 5; port++) lab.tracker.track(datagram(port), 0, 28, 0);
  lab.tracker.track(datagram(0), 0, 20, 0); // no whole UDP header
  deepStrictEqual(
    ['flows', 'flows_most', 'inserts_total', 'drops_total', 'early_drops_total'].map((name) => of(`conntrack_${name}`)),
    [3, 3, 5, 0, 2], // those without an answer make room
  );
  strictEqual(of('conntrack_invalid_packets_total'), lab.tracker.flows.statistics.invalid);
  strictEqual(of('conntrack_flows', 'default'), 0);
  namespaces.delete('lab');
  strictEqual(of('conntrack_flows'), undefined);
  namespaces.close();
});

test('events that a program had no room for are counted apart from those that it got', () => {
  const namespaces = new Namespaces({ clock: new FakeClock(), random: fakeRandom(), log: silentLog });
  const metrics = fakeMetrics();
  metrics.show(netfilterFamilies(namespaces));
  const { server } = namespaces.get();
  const port = server.connect({ opener: allRights });
  port.bind(0, 1);
  port.setReceiveBuffer(4096);
  for (let i = 0; i < 50; i++) server.notify(1, new Uint8Array(100));
  const numbers = ['netlink_events_total', 'netlink_events_lost_total', 'netlink_ports'];
  const seen = () => numbers.map((name) => metrics.seen.get(`${name}{namespace="default"}`));
  deepStrictEqual(seen(), [6, 44, 1]);
  port.close();
  deepStrictEqual(seen(), [6, 44, 0]);
  namespaces.close();
});
