import { deepStrictEqual, doesNotMatch, match, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { udpDatagram } from '@ring3/conntrack/testing';
import { DebugLines, DebugSwitches, FakeClock, fakeLog, fakeRandom, silentLog } from '@ring3/kit';
import { Block, headerLength, MessageFlags, memoryLink } from '@ring3/netlink';
import { CttimeoutClient, messageType, QueueCommand, QueueMessage, Subsystem } from '@ring3/nfnetlink';
import { netfilterWords } from './namespace-debug.ts';
import { Namespaces } from './namespaces.ts';

function start() {
  const log = fakeLog();
  const debug = new DebugSwitches(netfilterWords, new DebugLines(log));
  debug.toggle('all'); // a fake log is at level trace
  const namespaces = new Namespaces({ clock: new FakeClock(), random: fakeRandom(), log: silentLog, debug });
  const { namespace, server } = namespaces.get();
  Object.assign(namespace.settings, { checksum: 0, ipChecksum: 0 });
  return { namespace, server, debug, namespaces, lines: log.lines };
}

test('while all switches are off nothing is logged, and only netlink listens to the tracker', () => {
  const { namespace, namespaces, lines, debug } = start();
  const { tracker } = namespace;
  const alone = tracker.flows.events.sink;
  tracker.track(udpDatagram(), 0, 28, 0);
  debug.toggle('expect');
  strictEqual(tracker.flows.events.sink === alone, false);
  debug.toggle('expect');
  strictEqual(tracker.flows.events.sink, alone);
  deepStrictEqual(lines, []);
  namespaces.close();
});

test('conntrack logs flows, timeout the policies that they get', () => {
  const { namespace, namespaces, lines, debug } = start();
  const { tracker } = namespace;
  debug.toggle('conntrack');
  debug.toggle('timeout');
  namespace.timeoutPolicies.set({ name: 'dns', l3num: 2, l4: 17, timeouts: () => [] }, { exclusive: true, replace: false });
  namespace.rules.add({ family: 2, protocol: 17 }, { timeout: 'dns' });
  tracker.track(udpDatagram(), 0, 28, 0);
  tracker.flows.advance(1e6);
  const flow = { namespace: 'default', flow: 0, protocol: 'Udp', source: '10.0.0.1:1000', destination: '10.0.0.2:53' };
  deepStrictEqual(
    lines.map(({ level, what, fields }) => ({ level, what, ...fields, happened: undefined })),
    [
      { level: 'trace', what: 'new', debug: 'conntrack', ...flow, happened: undefined },
      { level: 'trace', what: 'attached', debug: 'timeout', policy: 'dns', ...flow, happened: undefined },
      { level: 'trace', what: 'destroy', debug: 'conntrack', ...flow, happened: undefined },
    ],
  );
  namespaces.close();
});

test('netlink logs messages with the names of their declarations, those of a subsystem with its own switch only if that is on', async () => {
  const { server, namespaces, lines, debug } = start();
  const client = new CttimeoutClient(memoryLink(server));
  await Array.fromAsync(client.list());
  strictEqual(lines.length, 0);
  debug.toggle('netlink');
  await Array.fromAsync(client.list());
  const whose = () => new Set(lines.map(({ fields }) => fields['debug']));
  deepStrictEqual(whose(), new Set(['netlink']));
  match(lines[0]?.what ?? '', /^in \d+ bytes, .*CtnetlinkTimeout Get/);
  lines.length = 0;
  debug.toggle('timeout');
  await Array.fromAsync(client.list());
  deepStrictEqual(new Set([...whose()].filter((word) => word !== 'netlink')), new Set(['timeout']));
  match(lines[0]?.what ?? '', /CtnetlinkTimeout Get/);
  namespaces.close();
});

test('the length of queued packets is logged, never their payload, also if a message cannot be read', () => {
  const { server, namespaces, lines, debug } = start();
  debug.toggle('all');
  const link = memoryLink(server);
  const block = new Block();
  const head = { type: messageType(Subsystem.Queue, QueueCommand.Verdict), flags: MessageFlags.Request, sequence: 1, portId: 0 };
  const payload = Buffer.from('PASS hunter2');
  block.add(head, QueueMessage, { payload });
  const whole = block.bytes().slice();
  link.send(whole);
  const torn = whole.slice();
  new DataView(torn.buffer).setUint16(headerLength + 4, 3, true); // an attribute shorter than its own head
  link.send(torn);
  const said = JSON.stringify(lines);
  match(said, /payload: <12 bytes>/);
  doesNotMatch(said, /hunter2/);
  strictEqual(said.includes(payload.toString('hex')), false);
  namespaces.close();
});
