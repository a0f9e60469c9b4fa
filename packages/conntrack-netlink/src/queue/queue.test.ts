import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNamespace, type Namespace, type ProfileName, type Released } from '@ring3/conntrack';
import { FakeClock, fakeRandom } from '@ring3/kit';
import { Block, Errno, GetFlags, type MemoryLink, MessageFlags, MessageType, memoryLink, messages } from '@ring3/netlink';
import {
  ConntrackCommand,
  ConntrackMessage,
  messageType,
  QueueClient,
  QueueCommand,
  QueueConfig,
  QueueConfigCommand,
  QueueCopyMode,
  QueueFlags,
  QueueMessage,
  Subsystem,
  Verdict,
} from '@ring3/nfnetlink';
import { type Attrs, type AttrsInput, type AttrTable, Frame } from '@ring3/wire';
import { createNetlinkServer } from '../server.ts';

const queueNumber = 7;

/** A namespace whose UDP flows have a helper with queue 7, and a listener on that queue. */
function make(profile: ProfileName = 'current'): { namespace: Namespace; a: MemoryLink; b: MemoryLink; released: Released[] } {
  const released: Released[] = [];
  const namespace = createNamespace({ clock: new FakeClock(), random: fakeRandom(), flows: 64, profile });
  const server = createNetlinkServer(namespace, { released: (one) => released.push(one) });
  const classes = [{ name: 'c', max: 1, timeoutSeconds: 10 }];
  const request = { name: 'uh', l3num: 2, l4: 17, classes, privateLength: 0, queueNumber, status: 1 };
  assert.ok(typeof namespace.host.helpers.set(request, false, namespace.profile) === 'object');
  assert.ok(typeof namespace.rules.add({ family: 2, protocol: 17 }, { helper: 'uh' }) === 'object');
  return { namespace, a: memoryLink(server), b: memoryLink(server), released };
}

/** Sends one request. @returns the errno of its acknowledgement */
function ask<A extends AttrTable>(link: MemoryLink, command: number, table: Attrs<A>, value: AttrsInput<A>): number {
  const block = new Block();
  const head = { type: messageType(Subsystem.Queue, command), flags: MessageFlags.Request | MessageFlags.Ack, sequence: 1, portId: 0 };
  block.add({ ...head, resourceId: queueNumber }, table, value);
  link.send(block.bytes());
  for (;;) {
    const datagram = link.receive() as Uint8Array;
    const [answer] = messages(datagram);
    if (answer?.header.type === MessageType.Error) return Math.abs(answer.frame.view.getInt32(16, true));
    waiting.set(link, [...(waiting.get(link) ?? []), datagram]);
  }
}
/** Packets received before an acknowledgement. */
const waiting = new WeakMap<MemoryLink, Uint8Array[]>();
const config = (link: MemoryLink, value: AttrsInput<(typeof QueueConfig)['table']>): number =>
  ask(link, QueueCommand.Config, QueueConfig, value);
const bind = { command: { command: QueueConfigCommand.Bind, family: 0 }, parameters: { copyRange: 0, copyMode: QueueCopyMode.Packet } };
const verdict = (link: MemoryLink, id: number, code: number, payload?: Uint8Array, command: number = QueueCommand.Verdict): number =>
  ask(link, command, QueueMessage, { verdict: { verdict: code, id }, payload });

/** A UDP datagram without a checksum from 10.0.0.1 to 10.0.0.2. */
function udp(port: number, text = 'hi'): Uint8Array {
  const bytes = new Uint8Array(28 + text.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x45000000 | bytes.length);
  view.setUint16(8, 0x4011);
  view.setUint32(12, 0x0a000001);
  view.setUint32(16, 0x0a000002);
  view.setUint16(20, port);
  view.setUint16(22, 5000);
  view.setUint16(24, 8 + text.length);
  bytes.set(Buffer.from(text), 28);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += view.getUint16(at);
  view.setUint16(10, ~((sum & 0xffff) + (sum >>> 16)));
  return bytes;
}
function track(namespace: Namespace, packet: Uint8Array): string {
  namespace.tracker.track(new DataView(packet.buffer), 0, packet.length, namespace.clock.now());
  return namespace.tracker.decision;
}

/** The next packet that a listener receives. */
function told(link: MemoryLink) {
  const datagram = waiting.get(link)?.shift() ?? link.receive();
  if (typeof datagram === 'number') return undefined;
  const value = QueueMessage.read(new Frame(datagram), 20, datagram.length - 20);
  return { ...value, queue: new DataView(datagram.buffer, datagram.byteOffset).getUint16(18) };
}

test('configuration and verdicts fail as on the kernel: wrong sender, queue or content', () => {
  const { a, b } = make();
  const command = (code: number) => ({ command: { command: code as 1, family: 2 } });
  for (const value of [{}, command(2), { parameters: { copyRange: 1, copyMode: 2 as const } }, { maxLength: 1 }])
    assert.equal(config(a, value), Errno.ENODEV);
  for (const code of [3, 4]) assert.equal(config(a, command(code)), 0);
  for (const code of [0, 9]) assert.equal(config(a, command(code)), Errno.EOPNOTSUPP);
  assert.equal(verdict(a, 1, Verdict.Accept), Errno.ENODEV);
  assert.equal(config(a, command(1)), 0);
  assert.equal(config(a, command(1)), Errno.EBUSY);
  for (const value of [command(1), {}, command(2), { maxLength: 1 }]) assert.equal(config(b, value), Errno.EPERM);
  assert.equal(config(a, { flags: 1 }), Errno.EINVAL);
  assert.equal(config(a, { mask: 1 }), 0);
  assert.equal(config(a, { mask: 0x40, flags: 0x40 }), Errno.EOPNOTSUPP);
  assert.equal(verdict(a, 1, Verdict.Accept), Errno.ENOENT);
  assert.equal(verdict(a, 1, 77), Errno.EINVAL);
  assert.equal(verdict(a, 1, Verdict.Stolen), Errno.EINVAL);
  assert.equal(verdict(b, 1, Verdict.Accept), Errno.EPERM);
  assert.equal(ask(a, QueueCommand.Verdict, QueueMessage, {}), Errno.EINVAL);
  assert.equal(ask(a, QueueCommand.Packet, QueueMessage, {}), 524);
  assert.equal(config(a, command(2)), 0);
  assert.equal(config(a, command(2)), Errno.ENODEV);
});

test('a packet waits for its verdict; a new flow is in the table once the packet is accepted, and never if it is dropped', () => {
  const { namespace, a, released } = make();
  assert.equal(config(a, bind), 0);
  const packet = udp(1000);
  assert.equal(track(namespace, packet), 'held');
  const first = told(a)!;
  assert.deepEqual([first.queue, first.packet, first.payload], [queueNumber, { id: 1, protocol: 0x0800, hook: 4 }, packet]);
  const { table } = namespace.flows;
  // nf_conntrack_count of Linux 6.18 counts the flows of waiting packets
  assert.deepEqual([table.confirmed, namespace.flowCount], [0, 1]);
  assert.equal(verdict(a, 1, Verdict.Accept), 0);
  assert.deepEqual([table.confirmed, namespace.flowCount], [1, 1]);
  assert.equal(track(namespace, udp(1001)), 'held');
  assert.equal(namespace.flowCount, 2);
  assert.equal(told(a)?.packet?.id, 2);
  assert.equal(verdict(a, 2, Verdict.Drop), 0);
  assert.equal(namespace.flowCount, 1);
  assert.deepEqual(
    released.map(({ accepted }) => accepted),
    [true, false],
  );
});

test('the copy range truncates the payload, with NFQA_CAP_LEN; a verdict may replace the payload; a batch verdict decides about several packets', () => {
  const { namespace, a, released } = make();
  config(a, { ...bind, parameters: { copyRange: 20, copyMode: QueueCopyMode.Packet } });
  for (const port of [1, 2, 3]) track(namespace, udp(port));
  const first = told(a)!;
  assert.deepEqual([first.payload?.length, first.capturedLength], [20, 30]);
  const mangled = udp(1, 'ho');
  assert.equal(verdict(a, 1, Verdict.Accept, mangled), 0);
  assert.deepEqual(released[0]?.bytes, mangled);
  while (told(a) !== undefined);
  assert.equal(verdict(a, 3, Verdict.Accept, undefined, QueueCommand.VerdictBatch), 0);
  assert.equal(namespace.flowCount, 3);
  assert.equal(verdict(a, 3, Verdict.Accept, undefined, QueueCommand.VerdictBatch), Errno.ENOENT);
});

test('the message contains the flow if it was requested', () => {
  const { namespace, a } = make();
  config(a, { ...bind, mask: QueueFlags.Conntrack, flags: QueueFlags.Conntrack });
  track(namespace, udp(1000));
  const { conntrack, conntrackInfo } = told(a)!;
  assert.equal(conntrack?.tupleOrig?.proto?.sourcePort, 1000);
  assert.equal(conntrack?.help?.name, 'uh');
  assert.equal(conntrackInfo, 2);
});

test('a full queue drops the packet, or passes it if it is fail-open', () => {
  const { namespace, a } = make();
  config(a, { ...bind, maxLength: 1 });
  assert.equal(track(namespace, udp(1)), 'held');
  assert.equal(track(namespace, udp(2)), 'dropped');
  config(a, { mask: QueueFlags.FailOpen, flags: QueueFlags.FailOpen });
  assert.equal(track(namespace, udp(3)), 'pass');
  assert.deepEqual([namespace.flows.table.confirmed, namespace.flowCount], [1, 2]);
});

test('the flow of a waiting packet is counted, and listed as unconfirmed only by a kernel before 5.19 (profile v4.8)', () => {
  for (const profile of ['current', 'v4.8'] as const) {
    const { namespace, a, b } = make(profile);
    config(a, bind);
    track(namespace, udp(1));
    const block = new Block();
    const type = messageType(Subsystem.Ctnetlink, ConntrackCommand.GetUnconfirmed);
    block.add({ type, flags: MessageFlags.Request | GetFlags.Dump, sequence: 1, portId: 0 }, ConntrackMessage, {});
    b.send(block.bytes());
    const found = [...messages(b.receive() as Uint8Array)].filter(({ header }) => header.type !== MessageType.Done);
    assert.equal(found.length, profile === 'current' ? 0 : 1);
    assert.equal(namespace.flowCount, 1);
  }
});

test('REPEAT queues the packet again; closing the listener drops waiting packets, and the queue can be bound again', () => {
  const { namespace, a, b, released } = make();
  config(a, bind);
  track(namespace, udp(1));
  assert.equal(told(a)?.packet?.id, 1);
  assert.equal(verdict(a, 1, Verdict.Repeat), 0);
  assert.equal(told(a)?.packet?.id, 2);
  a.close();
  assert.deepEqual(
    released.map(({ accepted }) => accepted),
    [false],
  );
  assert.equal(track(namespace, udp(1)), 'passUnconfirmed');
  assert.equal(config(b, bind), 0);
  assert.equal(track(namespace, udp(1)), 'held');
});

test('the typed client binds a queue, receives packets with their flows, and sends verdicts', async () => {
  const { namespace, a, released } = make();
  const client = new QueueClient(a);
  await client.bind(queueNumber, { conntrack: true, copyRange: 24 });
  await assert.rejects(client.bind(queueNumber), { errno: Errno.EBUSY });
  const packets = client.packets();
  const next = packets.next();
  track(namespace, udp(1000));
  const { value } = await next;
  assert.ok(typeof value === 'object');
  assert.deepEqual([value.queue, value.id, value.family, value.payload.length, value.length], [queueNumber, 1, 2, 24, 30]);
  assert.equal(value.conntrack?.tupleOrig?.proto?.sourcePort, 1000);
  await client.verdict(value);
  assert.deepEqual(
    released.map(({ accepted }) => accepted),
    [true],
  );
  await assert.rejects(client.verdict(value), { errno: Errno.ENOENT });
  await client.unbind(queueNumber);
  client.close();
});
