import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFlow, createNamespace, findFlow, invert, type Namespace, type Tuple } from '@ring3/conntrack';
import { udpDatagram } from '@ring3/conntrack/testing';
import { FakeClock, fakeRandom } from '@ring3/kit';
import {
  Block,
  Errno,
  GetFlags,
  type MemoryLink,
  MessageFlags,
  MessageType,
  memoryLink,
  messages,
  NewFlags,
  PortOption,
} from '@ring3/netlink';
import { ConntrackCommand, ConntrackMessage, Group, messageType, Subsystem } from '@ring3/nfnetlink';
import { createNetlinkServer } from './server.ts';

/*
 * NETLINK_BROADCAST_ERROR, as measured on Linux 6.18 with sockets of SO_RCVBUF 4096 (8,192 bytes: six events): a flow whose DESTROY cannot
 * be delivered stays dying, counts, is in the list of IPCTNL_MSG_CT_GET_DYING, and ends when the event was delivered.
 */

const fits = 6;

function make(flows = 64) {
  const clock = new FakeClock();
  const namespace = createNamespace({ clock, random: fakeRandom(1), flows });
  Object.assign(namespace.settings, { checksum: 0, ipChecksum: 0, events: 1 });
  const server = createNetlinkServer(namespace, {
    fault: ({ error }) => {
      throw error;
    },
  });
  const open = (...groups: readonly number[]): MemoryLink => {
    const link = memoryLink(server);
    for (const group of groups) link.join(group);
    return link;
  };
  const reliable = (...groups: readonly number[]): MemoryLink => {
    const link = open(...groups);
    link.setReceiveBuffer(4096);
    link.setOption(PortOption.BroadcastError, 1);
    link.setOption(PortOption.NoEnobufs, 1);
    return link;
  };
  return { clock, namespace, server, open, reliable };
}

const tuple = (port: number, family: 2 | 10 = 2): Tuple => ({
  family,
  protocol: 17,
  source: family === 2 ? Uint8Array.of(10, 0, 0, 1) : Uint8Array.of(...new Array(15).fill(1), 1),
  destination: family === 2 ? Uint8Array.of(10, 0, 0, 2) : Uint8Array.of(...new Array(15).fill(1), 2),
  sourcePort: port,
  destinationPort: 53,
});

function add({ flows }: Namespace, count: number, { timeoutSeconds = 100, family = 2 as 2 | 10 } = {}): void {
  for (let port = 1; port <= count; port++) {
    const orig = tuple(port, family);
    assert.equal(typeof createFlow(flows, { orig, reply: invert(orig), timeoutSeconds }), 'number', `flow ${port}`);
  }
}

/** A UDP datagram of the original direction. */
const packet = (sourcePort: number): DataView => udpDatagram({ sourcePort });

function flush(link: MemoryLink): void {
  const block = new Block();
  const type = messageType(Subsystem.Ctnetlink, ConntrackCommand.Delete);
  block.add({ type, flags: MessageFlags.Request, sequence: 1, portId: 0 }, ConntrackMessage, {});
  link.send(block.bytes());
}

interface Heard {
  readonly port: number;
  readonly event: 'new' | 'update' | 'destroy';
  readonly portId: number;
}

/** The datagrams that wait for a program, in order; errors as negative numbers. */
function hear(link: MemoryLink, most = Number.POSITIVE_INFINITY): (Heard | number)[] {
  const heard: (Heard | number)[] = [];
  while (heard.length < most) {
    const datagram = link.receive();
    if (datagram === -Errno.EAGAIN) break;
    if (typeof datagram === 'number') {
      heard.push(datagram);
      continue;
    }
    for (const { frame, at, header } of messages(datagram)) {
      if (header.type < MessageType.MinType) continue;
      const value = ConntrackMessage.read(frame, at + 20, header.length - 20);
      const isDestroy = (header.type & 255) === ConntrackCommand.Delete;
      const event = isDestroy ? 'destroy' : (header.flags & NewFlags.Create) !== 0 ? 'new' : 'update';
      heard.push({ port: value.tupleOrig!.proto!.sourcePort!, event, portId: header.portId });
    }
  }
  return heard;
}

const portsOf = (heard: readonly (Heard | number)[]): number[] => heard.map((one) => (typeof one === 'number' ? one : one.port));

/** The ports of IPCTNL_MSG_CT_GET_DYING. */
function dying(open: () => MemoryLink, family = 0): number[] {
  const link = open();
  const block = new Block();
  const type = messageType(Subsystem.Ctnetlink, ConntrackCommand.GetDying);
  block.add({ type, flags: MessageFlags.Request | GetFlags.Dump, sequence: 1, portId: 0, family }, ConntrackMessage, {});
  link.send(block.bytes());
  const ports = portsOf(hear(link));
  link.close();
  return ports.sort((a, b) => a - b);
}

const range = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** Reads until nothing more comes. */
function hearAll(link: MemoryLink, clock: FakeClock): (Heard | number)[] {
  const heard: (Heard | number)[] = [];
  for (let more = hear(link); more.length > 0; more = hear(link)) {
    heard.push(...more);
    clock.advance(200);
  }
  return heard;
}

for (const family of [2, 10] as const) {
  test(`a flow of family ${family} whose DESTROY does not fit stays dying, counts and is listed, until its event was delivered`, () => {
    const { clock, namespace, open, reliable } = make();
    const listener = reliable(Group.ConntrackDestroy);
    add(namespace, 20, { family });
    const program = open();
    flush(program);
    clock.advance(5000);
    assert.equal(namespace.flowCount, 20 - fits);
    assert.deepEqual(dying(open), range(fits + 1, 20));
    assert.deepEqual([dying(open, family), dying(open, family === 2 ? 10 : 2)], [range(fits + 1, 20), []]);
    assert.equal(findFlow(namespace.flows, tuple(20, family)), undefined);

    const heard = hearAll(listener, clock);
    assert.deepEqual(portsOf(heard), [...range(1, fits), ...range(fits + 1, 20).reverse()]);
    assert.ok(heard.every((one) => typeof one !== 'number' && one.event === 'destroy' && one.portId === program.portId));
    assert.deepEqual([namespace.flowCount, namespace.flows.table.used, dying(open)], [0, 0, []]);
    clock.advance(100_000); // the time of the flows themselves
    assert.equal(clock.pending, 0, 'no timer without a dying flow');
  });
}

test('expired flows are kept too; their event has port id 0', () => {
  const { clock, namespace, reliable } = make();
  const listener = reliable(Group.ConntrackDestroy);
  add(namespace, 20, { timeoutSeconds: 1 });
  clock.advance(3000);
  assert.equal(namespace.flowCount, 20 - fits);
  const heard = hearAll(listener, clock);
  assert.deepEqual(
    portsOf(heard).toSorted((a, b) => a - b),
    range(1, 20),
  );
  assert.ok(heard.every((one) => typeof one !== 'number' && one.portId === 0));
  assert.equal(namespace.flowCount, 0);
});

test('a new flow may have the tuple of a dying one; both count, and each has its DESTROY', () => {
  const { clock, namespace, open, reliable } = make();
  const listener = reliable(Group.ConntrackDestroy);
  add(namespace, 10);
  flush(open());
  add(namespace, 10);
  assert.equal(namespace.flowCount, 10 - fits + 10);
  flush(open());
  assert.equal(namespace.flowCount, 20 - fits);
  assert.equal(hearAll(listener, clock).length, 20);
  assert.equal(namespace.flowCount, 0);
});

test('dying flows count against nf_conntrack_max: a full table accepts no flow, and early drop of a flow whose DESTROY does not fit frees no space', () => {
  const { clock, namespace, open, reliable } = make(16);
  namespace.settings.max = 16;
  const listener = reliable(Group.ConntrackDestroy);
  add(namespace, 16);
  flush(open());
  assert.equal(namespace.flowCount, 10);
  for (let port = 101; port <= 106; port++) namespace.tracker.track(packet(port), 0, 28, clock.now());
  assert.equal(namespace.flowCount, 16);
  const { drop, earlyDrop } = namespace.flows.statistics;
  const orig = tuple(200);
  assert.equal(createFlow(namespace.flows, { orig, reply: invert(orig), timeoutSeconds: 100 }), 'ENOMEM');
  namespace.tracker.track(packet(201), 0, 28, clock.now());
  assert.deepEqual([namespace.flows.statistics.drop - drop, namespace.flows.statistics.earlyDrop - earlyDrop], [1, 0]);
  assert.equal(namespace.flowCount, 16);
  assert.equal(hearAll(listener, clock).length, 17, 'the flow that early drop ended has its event');
  namespace.tracker.track(packet(201), 0, 28, clock.now());
  assert.equal(namespace.flowCount, 6, 'five that were left, and a new one');
});

for (const [what, act] of [
  ['closes its socket', (link: MemoryLink): void => link.close()],
  ['gives up the option', (link: MemoryLink): void => void link.setOption(PortOption.BroadcastError, 0)],
  ['leaves the group', (link: MemoryLink): void => void link.setOption(PortOption.DropMembership, Group.ConntrackDestroy)],
] as const) {
  test(`the dying flows end when the program ${what}`, () => {
    const { clock, namespace, open, reliable } = make();
    const listener = reliable(Group.ConntrackDestroy);
    add(namespace, 20);
    flush(open());
    assert.equal(namespace.flowCount, 20 - fits);
    act(listener);
    clock.advance(1000);
    assert.deepEqual([namespace.flowCount, namespace.flows.table.used], [0, 0]);
    clock.advance(100_000); // the time of the flows themselves
    assert.equal(clock.pending, 0);
  });
}

test('of several listeners a full one keeps the flows; one that reads gets each event again once, not for as long as the other is full', () => {
  const { clock, namespace, open, reliable } = make();
  const full = reliable(Group.ConntrackDestroy);
  const reads = open(Group.ConntrackDestroy);
  add(namespace, 20);
  flush(open());
  clock.advance(5000);
  assert.deepEqual(portsOf(hear(reads)), range(1, 20));
  assert.equal(namespace.flowCount, 20 - fits);
  assert.equal(hearAll(full, clock).length, 20);
  assert.deepEqual(portsOf(hear(reads)), range(fits + 1, 20).reverse());
});

test('a socket that sets the option later loses what was before it, and keeps what ends after it', () => {
  const { clock, namespace, open } = make();
  const listener = open(Group.ConntrackDestroy);
  listener.setReceiveBuffer(4096);
  listener.setOption(PortOption.NoEnobufs, 1);
  add(namespace, 20);
  flush(open());
  assert.equal(namespace.flowCount, 0);
  listener.setOption(PortOption.BroadcastError, 1);
  add(namespace, 20);
  flush(open());
  assert.equal(namespace.flowCount, 20);
  assert.equal(hearAll(listener, clock).length, fits + 20);
  assert.equal(namespace.flowCount, 0);
});

test('without NETLINK_NO_ENOBUFS the program gets ENOBUFS once, and then every DESTROY', () => {
  const { clock, namespace, open, reliable } = make();
  const listener = reliable(Group.ConntrackDestroy);
  listener.setOption(PortOption.NoEnobufs, 0);
  add(namespace, 20);
  flush(open());
  const [first, ...others] = hearAll(listener, clock);
  assert.deepEqual([first, others.length, namespace.flowCount], [-Errno.ENOBUFS, 20, 0]);
});

test('nf_conntrack_events 0 does not keep dying flows from their events', () => {
  const { clock, namespace, open, reliable } = make();
  const listener = reliable(Group.ConntrackDestroy);
  add(namespace, 20);
  flush(open());
  namespace.settings.events = 0;
  assert.equal(hearAll(listener, clock).length, 20);
});

test('a NEW that was lost is sent with the next packet of the flow; DESTROY of a flow does not contain it', () => {
  const { clock, namespace, reliable } = make();
  const listener = reliable(Group.ConntrackNew, Group.ConntrackUpdate, Group.ConntrackDestroy);
  for (let port = 1; port <= 10; port++) namespace.tracker.track(packet(port), 0, 28, clock.now());
  assert.deepEqual(portsOf(hear(listener)), range(1, fits));
  for (let port = 1; port <= 9; port++) namespace.tracker.track(packet(port), 0, 28, clock.now());
  assert.deepEqual(
    hear(listener),
    [7, 8, 9].map((port) => ({ port, event: 'new', portId: 0 })),
  );
  for (let port = 1; port <= 9; port++) namespace.tracker.track(packet(port), 0, 28, clock.now());
  assert.deepEqual(hear(listener), [], 'once');
  namespace.flows.destroy(findFlow(namespace.flows, tuple(10))!.flow);
  assert.deepEqual(hear(listener), [{ port: 10, event: 'destroy', portId: 0 }]);
});

test('a NEW that was lost is one event with the next change of the flow', () => {
  const { namespace, reliable } = make();
  const listener = reliable(Group.ConntrackNew, Group.ConntrackUpdate);
  add(namespace, 7);
  assert.deepEqual(portsOf(hear(listener)), range(1, fits));
  const { flow } = findFlow(namespace.flows, tuple(7))!;
  namespace.flows.emit('update', flow, 1 << 7);
  namespace.flows.emit('update', flow, 1 << 7);
  assert.deepEqual(
    hear(listener).map((one) => typeof one !== 'number' && one.event),
    ['new', 'update'],
  );
});

test('a namespace that is closed leaves no timer, whatever is dying', () => {
  const { clock, namespace, open, reliable } = make();
  reliable(Group.ConntrackDestroy);
  add(namespace, 20);
  flush(open());
  assert.equal(namespace.flowCount, 20 - fits);
  namespace.close();
  assert.equal(clock.pending, 0);
});

test('the expectations of a dying flow end with it, not with its event; their own events are lost where they do not fit', () => {
  const { clock, namespace, open, reliable } = make();
  const listener = reliable(Group.ConntrackDestroy, Group.ConntrackExpDestroy);
  const { tracker, host } = namespace;
  const classes = [{ name: 'c', max: 4, timeoutSeconds: 1000 }];
  host.helpers.set({ name: 'uh', l3num: 2, l4: 17, classes, privateLength: 0 }, true, namespace.profile);
  const helper = namespace.findHelper('uh', 2, 17)!;
  for (let port = 1; port <= 20; port++) {
    const orig = tuple(port);
    const master = createFlow(tracker.flows, { orig, reply: invert(orig), timeoutSeconds: 100, helper }) as number;
    const mask = { source: new Uint8Array(4), sourcePort: 0 };
    assert.equal(typeof tracker.expectations.add({ master, tuple: { ...orig, destinationPort: 1000 + port }, mask }), 'object');
  }
  flush(open());
  assert.ok(namespace.flowCount > 10);
  assert.equal(tracker.expectations.size, 0);
  const received: number[] = [];
  for (let datagram = listener.receive(); typeof datagram !== 'number'; datagram = listener.receive()) {
    for (const { header } of messages(datagram)) received.push(header.type >> 8);
    clock.advance(200);
  }
  assert.equal(received.filter((id) => id === Subsystem.Ctnetlink).length, 20);
  assert.ok(received.filter((id) => id === Subsystem.CtnetlinkExp).length < 20);
});
