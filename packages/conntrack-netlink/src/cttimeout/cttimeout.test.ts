import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNamespace, type Namespace } from '@ring3/conntrack';
import { FakeClock, fakeRandom } from '@ring3/kit';
import { Block, Errno, type MemoryLink, MessageFlags, memoryLink, messages, NewFlags } from '@ring3/netlink';
import { CttimeoutClient, messageType, Subsystem, TimeoutCommand, TimeoutMessage, TimeoutMessages, TimeoutTables } from '@ring3/nfnetlink';
import fc from 'fast-check';
import { createNetlinkServer } from '../server.ts';

function make(): { namespace: Namespace; link: MemoryLink; client: CttimeoutClient; faults: unknown[] } {
  const faults: unknown[] = [];
  const namespace = createNamespace({ clock: new FakeClock(), random: fakeRandom() });
  const server = createNetlinkServer(namespace, { fault: ({ error }) => faults.push(error) });
  return { namespace, link: memoryLink(server), client: new CttimeoutClient(memoryLink(server)), faults };
}

/** All timeouts and policies of a namespace, for comparison. */
const tableOf = ({ timeoutPolicies, defaultTimeouts }: Namespace): unknown => [
  [...timeoutPolicies].map(({ name, l3num, l4, use, timeouts }) => [name, l3num, l4, use, ...timeouts]),
  Object.values(defaultTimeouts).map((table: Uint32Array) => [...table]),
];

const timeoutNew = (name: string, l4proto: number, data: Record<string, number> = {}): Uint8Array => {
  const block = new Block();
  const head = {
    type: messageType(Subsystem.CtnetlinkTimeout, TimeoutCommand.New),
    flags: MessageFlags.Request | MessageFlags.Ack,
    sequence: 1,
    portId: 0,
  };
  block.add(head, TimeoutMessages[l4proto]!, { name, l3proto: 2, l4proto, data });
  return block.bytes().slice();
};

/** Sends one datagram. @returns the errno of each acknowledgement, 0 or positive */
function ask(link: MemoryLink, datagram: Uint8Array): number[] {
  const found: number[] = [];
  link.send(datagram);
  for (let reply = link.receive(); typeof reply !== 'number'; reply = link.receive()) {
    for (const { header, frame, at } of messages(reply)) if (header.type === 2) found.push(Math.abs(frame.view.getInt32(at + 16, true)));
  }
  return found;
}

test('the client creates, lists, gets, changes and deletes policies, and gets and sets defaults', async () => {
  const { client } = make();
  await client.add({ name: 'web', l3proto: 2, l4proto: 6, timeouts: { established: 100, close: 10 } });
  await assert.rejects(client.add({ name: 'web', l3proto: 2, l4proto: 6, timeouts: {} }), { errno: Errno.EEXIST });
  await client.add({ name: 'web', l3proto: 2, l4proto: 6, timeouts: { established: 200 } }, { replace: true });
  await client.add({ name: 'dns', l3proto: 10, l4proto: 17, timeouts: { unreplied: 5 } });
  const web = await client.get('web');
  assert.deepEqual([web.use, web.timeouts['established'], web.timeouts['close']], [1, 200, 10]);
  const listed: unknown[] = [];
  for await (const { name, l3proto, timeouts } of client.list()) listed.push([name, l3proto, timeouts['unreplied']]);
  assert.deepEqual(listed, [
    ['web', 2, undefined],
    ['dns', 10, 5],
  ]);
  await client.defaultSet(2, 6, { established: 77 });
  assert.equal((await client.defaultGet(2, 6))['established'], 77);
  await client.delete('web');
  await assert.rejects(client.get('web'), { errno: Errno.ENOENT });
  await client.flush();
  await assert.rejects(client.delete('dns'), { errno: Errno.ENOENT });
  await assert.rejects(client.add({ name: 'x', l3proto: 2, l4proto: 33, timeouts: {} }), { errno: Errno.EOPNOTSUPP });
  await assert.rejects(client.add({ name: 'x', l3proto: 2, l4proto: 6, timeouts: { open: 1 } }), TypeError);
});

test('a message truncated at any byte changes nothing, with or without a matching length', () => {
  const { link, namespace, faults } = make();
  const before = tableOf(namespace);
  const whole = timeoutNew('cut', 6, Object.fromEntries(Object.keys(TimeoutTables[6].table).map((name) => [name, 5])));
  for (let length = 1; length < whole.length; length++) {
    ask(link, whole.slice(0, length));
    assert.deepEqual(tableOf(namespace), before, `datagram of ${length} bytes`);
  }
  for (let length = 16; length < whole.length; length++) {
    const cut = whole.slice();
    new DataView(cut.buffer).setUint32(0, length, true);
    const [errno] = ask(link, cut.slice(0, length));
    if (length >= 20) assert.equal(errno, Errno.EINVAL, `length ${length}`);
    assert.deepEqual(tableOf(namespace), before, `length ${length}`);
  }
  assert.deepEqual(faults, []);
});

test('each attribute with each wrong length: the errno of its type, and nothing is changed', () => {
  const { link, namespace, faults } = make();
  const before = tableOf(namespace);
  const rows = [
    { type: 1, wrong: [0, 33, 40, 300] },
    { type: 2, wrong: [0, 1] },
    { type: 3, wrong: [0] },
    { type: 4, wrong: [1, 2, 3] },
  ];
  for (const { type, wrong } of rows) {
    for (const length of wrong) {
      const block = new Block();
      const head = {
        type: messageType(Subsystem.CtnetlinkTimeout, TimeoutCommand.New),
        flags: MessageFlags.Request | MessageFlags.Ack,
        sequence: 1,
        portId: 0,
      };
      block.add(head, TimeoutMessage, {
        name: 'p',
        l3proto: 2,
        l4proto: 6,
        data: {},
        unknown: [{ type, bytes: new Uint8Array(length).fill(65) }],
      });
      assert.deepEqual(
        ask(link, block.bytes().slice()),
        [type === 1 ? Errno.EINVAL : Errno.ERANGE],
        `attribute ${type} of ${length} bytes`,
      );
    }
  }
  for (const [l4, { table }] of Object.entries(TimeoutTables)) {
    if (l4 === '33') continue;
    for (const { type } of Object.values(table)) {
      for (const length of [0, 1, 2, 3]) {
        const block = new Block();
        const head = {
          type: messageType(Subsystem.CtnetlinkTimeout, TimeoutCommand.DefaultSet),
          flags: MessageFlags.Request | NewFlags.Create,
          sequence: 1,
          portId: 0,
        };
        block.add(head, TimeoutMessage, { l3proto: 2, l4proto: Number(l4), data: { unknown: [{ type, bytes: new Uint8Array(length) }] } });
        assert.deepEqual(ask(link, block.bytes().slice()), [Errno.ERANGE]);
      }
    }
  }
  assert.deepEqual(tableOf(namespace), before);
  assert.deepEqual(faults, []);
});

test('attributes nested to depth 100 are read', () => {
  const { link, faults } = make();
  let inside = new Uint8Array();
  for (let i = 0; i < 100; i++) {
    const outer = new Uint8Array(inside.length + 4);
    new DataView(outer.buffer).setUint16(0, outer.length, true);
    new DataView(outer.buffer).setUint16(2, 0x8004, true);
    outer.set(inside, 4);
    inside = outer;
  }
  const whole = new Uint8Array(Buffer.concat([timeoutNew('deep', 6), inside]));
  new DataView(whole.buffer).setUint32(0, whole.length, true);
  assert.deepEqual(ask(link, whole), [0]);
  assert.deepEqual(faults, []);
});

test('random datagrams: a rejected one changes nothing, and none fails internally', () => {
  const { link, namespace, faults } = make();
  const valid = fc.record({ name: fc.string({ unit: 'grapheme-ascii', maxLength: 31 }), l4: fc.constantFrom(1, 6, 17, 47, 255) });
  const mutated = fc.tuple(valid, fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 4 })).map(([{ name, l4 }, changes]) => {
    const bytes = timeoutNew(name, l4);
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
    return bytes;
  });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ minLength: 1, maxLength: 100 })), (datagram) => {
      const before = tableOf(namespace);
      const errors = ask(link, datagram);
      if (errors.length === 1 && errors[0] !== 0) assert.deepEqual(tableOf(namespace), before);
    }),
    { numRuns: 3000 },
  );
  assert.deepEqual(faults, []);
});
