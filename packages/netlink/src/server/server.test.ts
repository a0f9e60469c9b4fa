import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeRandom } from '@ring3/kit';
import { Errno } from '@ring3/linux';
import { attr, attrs, be32, nulString } from '@ring3/wire';
import fc from 'fast-check';
import { createClient } from '../client/client.ts';
import { memoryLink } from '../links/memory.ts';
import { GetFlags, MessageFlags, MessageHeader, MessageType, messages } from '../message.ts';
import { NetlinkError } from '../netlink-error.ts';
import { Block } from './block.ts';
import { allRights, noRights, PortOption } from './port.ts';
import { createServer, type NetlinkServer, type ServerFault } from './server.ts';
import { command, subsystem } from './subsystem.ts';

const Item = attrs('ITEM', { name: nulString(1, 15), number: attr(2, be32) });
const type = (word: number): number => (77 << 8) | word;

/** Subsystem 77: 0 echoes the number, 1 lists as many items as the number says, 2 throws, 3 requires the host's administrator. */
function items(faults: ServerFault[] = []): NetlinkServer {
  const rows = subsystem(77, {
    0: command({
      attributes: Item,
      handle: ({ attributes, reply }) => {
        const number = attributes.get('number');
        if (number === undefined) return Errno.EINVAL;
        reply(0, Item, { number });
        return 0;
      },
    }),
    1: command({
      attributes: Item,
      handle: () => Errno.EOPNOTSUPP,
      dump: ({ attributes }) => {
        const count = attributes.get('number') ?? 0;
        let next = 0;
        return {
          fill: (block, head) => {
            while (next < count && block.add({ ...head, type: type(0) }, Item, { name: `item${next}` })) next++;
            return next === count;
          },
        };
      },
    }),
    2: command({
      attributes: Item,
      handle: () => {
        throw new Error('a handler failed');
      },
    }),
    3: command({ attributes: Item, needs: 'hostAdmin', handle: () => 0 }),
    4: command({
      attributes: Item,
      handle: () => 0,
      dump: () => {
        let blocks = 0;
        return {
          fill: (block, head) => {
            if (blocks++ > 0) throw new Error('a list failed');
            return !block.add({ ...head, type: type(0) }, Item, { name: 'one' });
          },
        };
      },
    }),
  });
  return createServer({ subsystems: [rows], random: fakeRandom(), fault: (fault) => faults.push(fault) });
}

function request(word: number, flags: number, value: { name?: string; number?: number }, sequence = 7): Uint8Array {
  const block = new Block();
  block.add({ type: type(word), flags: flags | MessageFlags.Request, sequence, portId: 0 }, Item, value);
  return block.bytes().slice();
}

test('autobind takes the process id if it is free, else a number above 2^31; a second bind keeps the port id and sets the groups', () => {
  const server = items();
  const first = server.connect({ opener: allRights, processId: 4711 });
  const second = server.connect({ opener: allRights, processId: 4711 });
  assert.equal(first.portId, 0);
  assert.equal(first.bind(0, 0), 0);
  assert.equal(second.bind(0, 0), 0);
  assert.equal(first.portId, 4711);
  assert.ok(second.portId > 0x80000000);
  assert.equal(first.bind(4711, 0xf), 0);
  assert.equal(first.groups, 0xf);
  assert.equal(first.bind(0, 1), -Errno.EINVAL);
  assert.equal(first.bind(5, 1), -Errno.EINVAL);
  assert.equal(server.connect({ opener: allRights }).bind(4711, 0), -Errno.EADDRINUSE);
  first.close();
  assert.equal(server.connect({ opener: allRights }).bind(4711, 0), 0);
});

test('ADD_MEMBERSHIP 7 shows as group mask 64; groups require CAP_NET_ADMIN', () => {
  const server = items();
  const port = server.connect({ opener: allRights });
  assert.equal(port.setOption(PortOption.AddMembership, 7), 0);
  assert.equal(port.groups, 64);
  assert.equal(port.setOption(PortOption.AddMembership, 33), -Errno.EINVAL);
  assert.equal(port.setOption(PortOption.DropMembership, 7), 0);
  assert.equal(port.groups, 0);
  assert.equal(port.setOption(77, 1), -Errno.ENOPROTOOPT);
  const stranger = server.connect({ opener: noRights });
  assert.equal(stranger.setOption(PortOption.AddMembership, 1), -Errno.EPERM);
  assert.equal(stranger.bind(0, 1), -Errno.EPERM);
  assert.equal(stranger.bind(0, 0), 0);
});

test('an empty datagram is ENODATA, one beyond the send buffer EMSGSIZE', () => {
  const port = items().connect({ opener: allRights });
  assert.equal(port.receive(new Uint8Array()), -Errno.ENODATA);
  assert.equal(port.receive(new Uint8Array(212_961)), -Errno.EMSGSIZE);
  assert.equal(port.receive(new Uint8Array(212_960)), 0);
  assert.equal(port.next(100), -Errno.EAGAIN);
});

test('a missing right is reported only for the first message, even without NLM_F_ACK; without an address the opener’s rights are required too', () => {
  const server = items();
  const two = Buffer.concat([request(0, 0, { number: 1 }), request(0, 0, { number: 2 })]);
  const link = memoryLink(server, { opener: allRights, sender: noRights });
  link.send(two);
  const [refused] = messages(link.receive() as Uint8Array);
  assert.equal(refused?.frame.view.getInt32(16, true), -Errno.EPERM);
  assert.equal(link.receive(), -Errno.EAGAIN);
  const unaddressed = memoryLink(server, { opener: noRights, sender: allRights, addressed: false });
  unaddressed.send(two);
  assert.equal(messages(unaddressed.receive() as Uint8Array)[0]?.header.type, MessageType.Error);
  const namespaceRoot = memoryLink(server, { opener: { netAdmin: true, hostAdmin: false } });
  namespaceRoot.send(request(3, MessageFlags.Ack, {}));
  assert.equal(messages(namespaceRoot.receive() as Uint8Array)[0]?.frame.view.getInt32(16, true), -Errno.EPERM);
});

test('one dump per socket: a second is EBUSY, other requests are handled, the end is a separate datagram', () => {
  const link = memoryLink(items());
  link.send(request(1, GetFlags.Dump, { number: 200 }, 1));
  link.send(request(1, GetFlags.Match, { number: 1 }, 2));
  link.send(request(0, MessageFlags.Ack, { number: 5 }, 3));
  const kinds: number[][] = [];
  for (let found = link.receive(); typeof found !== 'number'; found = link.receive()) {
    const inside = messages(found);
    kinds.push([inside[0]?.header.sequence ?? 0, inside[0]?.header.type ?? 0, inside.length]);
  }
  assert.deepEqual(
    kinds.map(([sequence, kind]) => [sequence, kind]),
    [
      [1, type(0)],
      [2, MessageType.Error],
      [3, type(0)],
      [3, MessageType.Error],
      [1, type(0)],
      [1, MessageType.Done],
    ],
  );
  assert.equal(
    kinds.filter(([, kind]) => kind === type(0)).reduce((sum, [, , count]) => sum + (count ?? 0), 0),
    201,
  );
});

test('a full receive buffer returns ENOBUFS once, before the queued datagrams; later events arrive again', () => {
  const server = items();
  let told = 0;
  const port = server.connect({ opener: allRights, ready: () => told++ });
  port.bind(0, 1);
  port.setReceiveBuffer(4096);
  assert.equal(port.receiveBuffer, 8192);
  const event = new Uint8Array(100);
  for (let i = 0; i < 50; i++) server.notify(1, event);
  assert.equal(told, 1);
  const kept = port.queued;
  assert.equal(kept, 6, 'the number that the kernel keeps');
  assert.equal(port.next(1000), -Errno.ENOBUFS);
  for (let i = 0; i < kept; i++) {
    server.notify(1, event); // one gap: no datagram is accepted before all are read
    assert.ok(port.next(1000) instanceof Uint8Array);
  }
  assert.equal(port.next(1000), -Errno.EAGAIN);
  server.notify(1, event);
  assert.ok(port.next(1000) instanceof Uint8Array);
  assert.equal(server.listening(1), true);
  assert.deepEqual(server.numbers, { requests: 0, refused: 0, faults: 0, events: kept + 1, eventsLost: 50, ports: 1 });
  port.close();
  assert.equal(server.listening(1), false);
  assert.equal(server.numbers.ports, 0);
});

test('a handler that throws gives EIO and is reported, and the server continues', async () => {
  const faults: ServerFault[] = [];
  const client = createClient(memoryLink(items(faults)));
  const failing = { type: type(2), attributes: Item, value: {}, what: 'fail' };
  await assert.rejects(client.request(failing), (error) => error instanceof NetlinkError && error.errno === Errno.EIO);
  assert.equal(faults.length, 1);
  const [answer] = await client.request({ type: type(0), attributes: Item, value: { number: 9 }, what: 'echo' });
  assert.equal(answer?.header.flags, MessageFlags.Multi);
});

test('a dump that throws ends with EIO and is reported', async () => {
  const faults: ServerFault[] = [];
  const client = createClient(memoryLink(items(faults)));
  const seen: number[] = [];
  const list = async (): Promise<void> => {
    for await (const { header } of client.dump({ type: type(4), attributes: Item, value: {}, what: 'list' })) seen.push(header.type);
  };
  await assert.rejects(list(), { errno: Errno.EIO });
  assert.deepEqual([seen, faults.map((fault) => fault.type)], [[type(0)], [type(4)]]);
});

test('random datagrams get well-formed responses or none, and cause no exception', () => {
  const faults: ServerFault[] = [];
  const link = memoryLink(items(faults));
  const head = fc.record({ word: fc.constantFrom(0, 1, 3, 5), flags: fc.nat(0x7ff), noise: fc.uint8Array({ maxLength: 40 }) });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 80 }), head), (input) => {
      let bytes = input as Uint8Array;
      if (!(input instanceof Uint8Array)) {
        bytes = new Uint8Array(Buffer.concat([request(input.word, input.flags, {}), input.noise]));
        new DataView(bytes.buffer).setUint32(0, bytes.length, true);
      }
      assert.equal(link.send(bytes), 0);
      for (let found = link.receive(); typeof found !== 'number'; found = link.receive()) {
        assert.ok(messages(found).length > 0);
        assert.ok(found.length >= MessageHeader.byteLength);
      }
    }),
    { numRuns: 2000 },
  );
  assert.deepEqual(faults, []);
});

test('a request on very many objects is done in slices: other ports are served, its own port waits, and its acknowledgement is sent at the end', async () => {
  let left = Number.POSITIVE_INFINITY;
  let ended: () => void = () => {};
  const end = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const rows = subsystem(77, {
    0: command({ attributes: Item, handle: () => ({ next: () => (left-- > 0 ? undefined : 0) }) }),
    1: command({
      attributes: Item,
      handle: () => {
        ended();
        return 0;
      },
    }),
    2: command({ attributes: Item, handle: () => 0 }),
  });
  const server = createServer({ subsystems: [rows], random: fakeRandom() });
  const slow = memoryLink(server);
  const quick = memoryLink(server);
  const gone = memoryLink(server);
  slow.send(Buffer.concat([request(0, MessageFlags.Ack, {}, 1), request(2, MessageFlags.Ack, {}, 2)]));
  slow.send(request(1, MessageFlags.Ack, {}, 3));
  gone.send(request(0, MessageFlags.Ack, {}, 1));
  gone.close(); // its request goes on without it
  assert.equal(slow.receive(), -Errno.EAGAIN);
  quick.send(request(2, MessageFlags.Ack, {}, 9));
  assert.ok(typeof quick.receive() === 'object');
  left = 1000;
  await end;
  const sequences: number[] = [];
  for (let found = slow.receive(); typeof found === 'object'; found = slow.receive())
    for (const { header } of messages(found)) sequences.push(header.sequence);
  assert.deepEqual(sequences, [1, 2, 3]);
  server.close();
});
