import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNamespace, deleteFlows, type Flow, type Namespace, nextFlow, readFlow, tcpStates } from '@ring3/conntrack';
import { FakeClock, fakeRandom, type Link, type LinkEvents, silentLog } from '@ring3/kit';
import type { TcpEnds } from '@ring3/smb-server';
import { Guard } from './guard.ts';

/** A link of a test: what is done to it is remembered, and what arrives is said by `events`. */
class FakeLink implements Link {
  readonly peer = 'fake';
  readonly queued = 0;
  unsent = 0;
  readonly did: string[] = [];
  events: LinkEvents | undefined;
  open(events: LinkEvents): void {
    this.events = events;
  }
  send(chunks: readonly Uint8Array[], sent?: () => void): boolean {
    this.did.push(`send ${chunks.length}`);
    sent?.();
    return true;
  }
  pause(): void {
    this.did.push('pause');
  }
  resume(): void {
    this.did.push('resume');
  }
  close(now = false): void {
    this.did.push(now ? 'drop' : 'close');
  }
}

/** A server's end of a guarded connection: what was reported to it. */
interface Client {
  readonly link: FakeLink;
  readonly guarded: Link;
  readonly told: string[];
  opens: number;
  working: boolean;
}

function make(): { namespace: Namespace; clock: FakeClock; guard: Guard; connect(port: number, client?: string, server?: string): Client } {
  const clock = new FakeClock();
  const namespace = createNamespace({ clock, random: fakeRandom(1), flows: 16 });
  const guard = new Guard(namespace, silentLog);
  const connect = (port: number, client = '10.0.0.1', server = '10.0.0.2'): Client => {
    const ends: TcpEnds = { client: { host: client, port }, server: { host: server, port: 445 } };
    const link = new FakeLink();
    const made: Client = { link, guarded: guard.carry(link, ends, () => made), told: [], opens: 0, working: false };
    made.guarded.open({
      receive: (bytes) => made.told.push(`receive ${bytes.length}`),
      end: (reason) => {
        made.told.push(`end: ${reason}`);
        made.guarded.close(true); // as the file server does
      },
    });
    return made;
  };
  return { namespace, clock, guard, connect };
}

/** The only flow. */
function onlyFlow({ tracker }: Namespace): Flow {
  const flow = nextFlow(tracker.flows, 0);
  assert.ok(flow >= 0 && nextFlow(tracker.flows, flow + 1) < 0, 'there is one flow');
  return readFlow(tracker.flows, flow);
}
const stateOf = (flow: Flow): string | undefined => tcpStates[flow.tcp?.state ?? 0];

function policyOfFiveSeconds({ timeoutPolicies, rules }: Namespace): void {
  timeoutPolicies.set({ name: 'p', l3num: 2, l4: 6, timeouts: () => [undefined, undefined, 5] }, { exclusive: true, replace: false });
  assert.equal(typeof rules.add({ family: 2, protocol: 6, destinationPort: { from: 445, to: 445 } }, { timeout: 'p' }), 'object');
}

test('a connection is an established flow from the client to the server, and its bytes are counted with their headers', () => {
  const { namespace, guard, connect } = make();
  const { link, guarded, told } = connect(50_000);
  const before = onlyFlow(namespace);
  assert.deepEqual([[...before.orig.source], before.orig.sourcePort, before.orig.destinationPort], [[10, 0, 0, 1], 50_000, 445]);
  assert.deepEqual([stateOf(before), guard.size], ['established', 1]);
  link.events?.receive(new Uint8Array(1000));
  assert.equal(guarded.send([new Uint8Array(100), new Uint8Array(2000)]), true);
  const { counters } = onlyFlow(namespace);
  assert.deepEqual(
    counters?.map(({ packets, bytes }, i) => [packets - before.counters![i]!.packets, bytes - before.counters![i]!.bytes]),
    [
      [1, 1040],
      [2, 2180],
    ],
  );
  assert.deepEqual([told, link.did], [['receive 1000'], ['send 2']]);
});

test('an IPv4 client is an IPv4 flow; an IPv6 one, with or without its interface, is an IPv6 flow', () => {
  for (const [client, server, family] of [
    ['10.0.0.1', '10.0.0.2', 2],
    ['2001:db8::1', '2001:db8::2', 10],
    ['fe80::1%eth0', 'fe80::2%eth0', 10],
  ] as const) {
    const { namespace, connect } = make();
    connect(50_000, client, server);
    assert.equal(onlyFlow(namespace).orig.family, family);
  }
});

test('with a policy by a rule an idle client is disconnected at its timeout even with open files; an active client stays', async () => {
  const { namespace, clock, guard, connect } = make();
  policyOfFiveSeconds(namespace);
  const idle = connect(1);
  idle.opens = 3;
  const busy = connect(2);
  for (const ended of [0, 0, 1, 1, 1]) {
    assert.equal(idle.told.length, ended);
    busy.link.events?.receive(new Uint8Array(1));
    clock.advance(4000);
    await Promise.resolve();
  }
  assert.deepEqual([idle.told, idle.link.did], [['end: idle: timeout policy p'], ['drop', 'drop']]);
  assert.deepEqual([busy.link.did, guard.size, onlyFlow(namespace).orig.sourcePort], [[], 1, 2]);
});

test('without a policy by a rule a client is disconnected only if it has no open files', async () => {
  const { namespace, clock, connect } = make();
  namespace.sysctls.set('nf_conntrack_tcp_timeout_established', '10');
  const client = connect(1);
  client.opens = 1;
  clock.advance(100_000);
  await Promise.resolve();
  assert.deepEqual([client.told, stateOf(onlyFlow(namespace))], [[], 'established']);
  client.opens = 0;
  clock.advance(11_000);
  await Promise.resolve();
  assert.deepEqual([client.told, namespace.flowCount], [['end: idle: timeout'], 0]);
});

test('a client with a pending request, or that reads slowly, stays; one that reads nothing until the timeout is disconnected', async () => {
  const { namespace, clock, connect } = make();
  policyOfFiveSeconds(namespace);
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await Promise.resolve();
  };
  const client = connect(1);
  client.working = true;
  await pass(20_000);
  client.working = false;
  for (const unsent of [3000, 2000, 1000]) {
    client.link.unsent = unsent;
    await pass(5200);
  }
  assert.deepEqual(client.told, []);
  client.link.unsent = 0;
  client.link.events?.drain?.();
  await pass(4900);
  assert.deepEqual(client.told, [], 'its time begins when it has taken the last byte');
  await pass(400);
  assert.equal(client.told.length, 1);

  const asleep = connect(2);
  asleep.link.unsent = 1000;
  await pass(5200);
  assert.deepEqual(asleep.told, []);
  await pass(5300);
  assert.deepEqual(asleep.told, ['end: idle: timeout policy p']);
});

test('a client whose flow is deleted is disconnected after the present work, also without a listener for flow events', async () => {
  const { namespace, guard, connect } = make();
  namespace.settings.events = 0;
  const clients = [connect(1), connect(2)];
  assert.equal(deleteFlows(namespace.flows), 2);
  assert.deepEqual(clients[0]?.told, []);
  await Promise.resolve();
  for (const { told, link } of clients) assert.deepEqual([told, link.did], [['end: its flow was deleted'], ['drop', 'drop']]);
  assert.deepEqual([guard.size, namespace.flowCount], [0, 0]);
});

test('the flow ends as the connection does: FIN of either side, or a reset', () => {
  const end = (how: (client: Client) => void): string | undefined => {
    const { namespace, guard, connect } = make();
    how(connect(1));
    assert.equal(guard.size, 0);
    return stateOf(onlyFlow(namespace));
  };
  assert.equal(
    end(({ link }) => link.events?.end('the client closed')),
    'timeWait',
  );
  assert.equal(
    end(({ link }) => link.events?.end('read ECONNRESET', true)),
    'close',
  );
  assert.equal(
    end(({ guarded }) => guarded.close()),
    'timeWait',
  );
  assert.equal(
    end(({ guarded }) => guarded.close(true)),
    'timeWait',
  );
});

test('a connection that is not tracked is not disconnected', () => {
  const { namespace, guard, connect } = make();
  namespace.rules.add({ protocol: 6 }, { notrack: true });
  const client = connect(1);
  assert.equal(client.guarded, client.link);
  for (const host of ['', 'nonsense', '::1']) assert.equal(connect(1, host).guarded instanceof FakeLink, true);
  assert.deepEqual([guard.size, namespace.flowCount], [0, 0]);
});

test('a rule for an interface sees the one that the server’s address is of', () => {
  const { namespace, connect } = make();
  namespace.rules.add({ protocol: 6, ingress: 'lo' }, { notrack: true });
  connect(1, '127.0.0.1', '127.0.0.1');
  assert.equal(namespace.flowCount, 0);
  connect(2);
  assert.equal(namespace.flowCount, 1);
});

test('a namespace that ends takes its connections along, and leaves no timer', async () => {
  const { namespace, clock, guard, connect } = make();
  const client = connect(1);
  namespace.close();
  await Promise.resolve();
  assert.deepEqual([client.told, guard.size, clock.pending], [['end: its namespace was deleted'], 0, 0]);
});
