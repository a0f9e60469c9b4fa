import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFlow, createNamespace, findFlow, type Namespace, type Tuple } from '@ring3/conntrack';
import { FakeClock, fakeRandom } from '@ring3/kit';
import { Block, Errno, GetFlags, headerLength, type MemoryLink, MessageFlags, MessageType, memoryLink, messages } from '@ring3/netlink';
import { ConntrackCommand, ConntrackMessage, Group, messageType, Subsystem } from '@ring3/nfnetlink';
import { encode, Frame } from '@ring3/wire';
import fc from 'fast-check';
import { createNetlinkServer } from '../server.ts';

function make(): { namespace: Namespace; clock: FakeClock; open: () => MemoryLink } {
  const clock = new FakeClock();
  const namespace = createNamespace({ clock, random: fakeRandom(), flows: 4096 });
  const server = createNetlinkServer(namespace, {
    fault: ({ error }) => {
      throw error;
    },
  });
  return { namespace, clock, open: () => memoryLink(server) };
}

const tuple = (port: number, protocol = 17): Tuple => ({
  family: 2,
  protocol,
  source: Uint8Array.of(10, 0, 0, 1),
  destination: Uint8Array.of(10, 0, 0, 2),
  sourcePort: port,
  destinationPort: 53,
});
const answer = (one: Tuple): Tuple => ({
  ...one,
  source: one.destination,
  destination: one.source,
  sourcePort: one.destinationPort,
  destinationPort: one.sourcePort,
});
function add({ flows }: Namespace, port: number, protocol = 17): number {
  const orig = tuple(port, protocol);
  return createFlow(flows, { orig, reply: answer(orig), timeoutSeconds: 1000 }) as number;
}
function remove({ flows }: Namespace, port: number): void {
  const found = findFlow(flows, tuple(port));
  if (found !== undefined) flows.destroy(found.flow);
}

function request(command: number, flags: number): Uint8Array {
  const block = new Block();
  const type = messageType(Subsystem.Ctnetlink, command);
  block.add({ type, flags: MessageFlags.Request | flags, sequence: 1, portId: 0 }, ConntrackMessage, {});
  return block.bytes();
}

const first = headerLength + 4;
/** The flows of a datagram. */
const flowsOf = (datagram: Uint8Array) =>
  messages(datagram)
    .filter(({ header }) => header.type >= MessageType.MinType)
    .map(({ frame, at, header }) => ConntrackMessage.read(frame, at + first, header.length - first));

test('a dump lists each flow that exists from its start to its end exactly once, while others are created and deleted', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(199)), { maxLength: 60 }), (changes) => {
      const { namespace, open } = make();
      for (let port = 0; port < 200; port++) add(namespace, port);
      const link = open();
      link.send(request(ConntrackCommand.Get, GetFlags.Dump));
      const stayed = new Set(Array.from({ length: 200 }, (_, port) => port));
      const seen = new Map<number, number>();
      for (let datagram = link.receive(4096); typeof datagram !== 'number'; datagram = link.receive(4096)) {
        for (const flow of flowsOf(datagram)) {
          const port = flow.tupleOrig!.proto!.sourcePort!;
          seen.set(port, (seen.get(port) ?? 0) + 1);
        }
        for (const [deletes, port] of changes.splice(0, 8)) {
          if (deletes) {
            remove(namespace, port);
            stayed.delete(port);
          } else add(namespace, 1000 + port);
        }
      }
      for (const port of stayed) assert.equal(seen.get(port), 1, `flow ${port}`);
      for (const [port, times] of seen) if (port >= 1000) assert.equal(times, 1);
      namespace.close();
    }),
    { numRuns: 30 },
  );
});

test('messages written directly from the arena equal those of the declarations', () => {
  const { namespace, open } = make();
  Object.assign(namespace.settings, { acct: 1, timestamp: 1 });
  const protocols = [1, 6, 17, 33, 47, 58, 132, 136];
  for (const [i, protocol] of protocols.entries()) add(namespace, i + 1, protocol);
  const link = open();
  link.send(request(ConntrackCommand.Get, GetFlags.Dump));
  const datagram = link.receive() as Uint8Array;
  let compared = 0;
  for (const { frame, at, header } of messages(datagram)) {
    const value = ConntrackMessage.read(frame, at + first, header.length - first);
    const written = encode(ConntrackMessage, value, (length) => Frame.alloc(length));
    assert.deepEqual(Buffer.from(frame.bytes.subarray(at + first, at + header.length)), Buffer.from(written));
    compared++;
  }
  assert.equal(compared, protocols.length);
});

test('events contain the port id of the program that caused them, and 0 if a flow expired', () => {
  const { namespace, clock, open } = make();
  const listener = open();
  listener.join(Group.ConntrackDestroy);
  for (const port of [1, 2]) add(namespace, port);
  namespace.flows.setExpiry(findFlow(namespace.flows, tuple(2))!.flow, 1000);
  clock.advance(2000);
  const sender = open();
  sender.send(request(ConntrackCommand.Delete, MessageFlags.Ack));
  const causes: [number, number | undefined][] = [];
  for (let datagram = listener.receive(); typeof datagram !== 'number'; datagram = listener.receive()) {
    const [message] = messages(datagram);
    causes.push([message!.header.portId, flowsOf(datagram)[0]?.tupleOrig?.proto?.sourcePort]);
  }
  assert.deepEqual(causes, [
    [0, 2],
    [sender.portId, 1],
  ]);
});

test('with nf_conntrack_events 2, a flow that begins without a listener emits no event at its end', () => {
  const { namespace, open } = make();
  assert.equal(namespace.sysctls.set('nf_conntrack_events', '2'), undefined);
  add(namespace, 1);
  const listener = open();
  listener.join(Group.ConntrackDestroy);
  add(namespace, 2);
  for (const port of [1, 2]) remove(namespace, port);
  assert.equal(flowsOf(listener.receive() as Uint8Array)[0]?.tupleOrig?.proto?.sourcePort, 2);
  assert.equal(listener.receive(), -Errno.EAGAIN);
});

test('a GET that resets the counters returns them first; a dump in the middle of a datagram does not delay the next request', () => {
  const { namespace, open } = make();
  namespace.settings.acct = 1;
  const flow = add(namespace, 1);
  namespace.flows.table.doubles[flow * 24 + 8] = 5;
  const link = open();
  link.send(request(ConntrackCommand.GetCtrZero, GetFlags.Dump));
  assert.equal(flowsOf(link.receive() as Uint8Array)[0]?.countersOrig?.packets, 5n);
  link.receive();
  link.send(new Uint8Array(Buffer.concat([request(ConntrackCommand.Get, GetFlags.Dump), request(ConntrackCommand.GetStats, 0)])));
  assert.equal(flowsOf(link.receive() as Uint8Array)[0]?.countersOrig?.packets, 0n);
  assert.equal(messages(link.receive() as Uint8Array)[0]?.header.type, messageType(Subsystem.Ctnetlink, ConntrackCommand.GetStats));
  assert.equal(messages(link.receive() as Uint8Array)[0]?.header.type, MessageType.Done);
  assert.equal(link.receive(), -Errno.EAGAIN);
});
