import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNamespace } from '@ring3/conntrack';
import { FakeClock, fakeRandom } from '@ring3/kit';
import { Errno, memoryLink } from '@ring3/netlink';
import { CthelperClient } from '@ring3/nfnetlink';
import { createNetlinkServer } from '../server.ts';

const make = () => {
  const namespace = createNamespace({ clock: new FakeClock(), random: fakeRandom(), flows: 64 });
  const server = createNetlinkServer(namespace);
  return { namespace, server, client: new CthelperClient(memoryLink(server)) };
};
const classOf = (name: string, max = 1) => ({ name, max, timeoutSeconds: 10 });
const helper = {
  name: 'h',
  l3proto: 2,
  l4proto: 6,
  queueNumber: 7,
  classes: [classOf('a'), classOf('b')],
  privateLength: 4,
  enabled: true,
};

test('a helper is created, listed, changed, queried and deleted', async () => {
  const { client } = make();
  await client.add(helper);
  await assert.rejects(client.add(helper), { errno: Errno.EEXIST });
  assert.deepEqual(await client.get({ name: 'h' }), helper);
  await client.update({ name: 'h', l3proto: 2, l4proto: 6, queueNumber: 9, enabled: false });
  const listed: unknown[] = [];
  for await (const one of client.list()) listed.push([one.name, one.queueNumber, one.enabled]);
  assert.deepEqual(listed, [['h', 9, false]]);
  await assert.rejects(client.get({ name: 'h', l3proto: 10, l4proto: 6 }), { errno: Errno.ENOENT });
  await assert.rejects(client.delete({ name: 'other' }), { errno: Errno.ENOENT });
  await client.delete({ name: 'h' });
  await client.flush();
});

test('a change keeps number and names of the classes, and fails at the first wrong one', async () => {
  const { client } = make();
  await client.add(helper);
  const change = (...classes: ReturnType<typeof classOf>[]): Promise<void> => client.update({ name: 'h', l3proto: 2, l4proto: 6, classes });
  await assert.rejects(change(), { errno: Errno.EBUSY });
  await assert.rejects(change(classOf('a')), { errno: Errno.EBUSY });
  await assert.rejects(change(classOf('b'), classOf('a')), { errno: Errno.EBUSY });
  await assert.rejects(change(classOf('a', 256), classOf('b')), { errno: Errno.EINVAL });
  await assert.rejects(change(classOf('a', 5), classOf('b', 256)), { errno: Errno.EINVAL });
  assert.deepEqual((await client.get({ name: 'h' })).classes, helper.classes);
  await change(classOf('a', 5), classOf('b', 6));
  assert.deepEqual(
    (await client.get({ name: 'h' })).classes.map(({ max }) => max),
    [5, 6],
  );
});

test('a helper that a rule uses is busy; every command requires CAP_NET_ADMIN in the initial user namespace', async () => {
  const { namespace, server, client } = make();
  await client.add(helper);
  const rule = namespace.rules.add({ family: 2, protocol: 6 }, { helper: 'h' });
  assert.ok(typeof rule === 'object');
  await assert.rejects(client.delete({ name: 'h' }), { errno: Errno.EBUSY });
  namespace.rules.delete(rule.id);
  await client.delete({ name: 'h' });
  const guest = new CthelperClient(memoryLink(server, { opener: { netAdmin: true, hostAdmin: false } }));
  await assert.rejects(guest.flush(), { errno: Errno.EPERM });
});
