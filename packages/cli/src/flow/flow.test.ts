import { deepStrictEqual, match, rejects, strictEqual, throws } from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createFlow, createNamespace, invert, type Tuple } from '@ring3/conntrack';
import { createNetlinkServer } from '@ring3/conntrack-netlink';
import { FakeClock, fakeRandom } from '@ring3/kit';
import { memoryLink } from '@ring3/netlink';
import { type ConntrackEntry, CtnetlinkClient, parseAddress } from '@ring3/nfnetlink';
import { size } from '../human.ts';
import { Table } from '../table.ts';
import { eventRow, flowColumns } from './columns.ts';
import { type FilterOptions, flowFilter } from './filter.ts';
import { flowJson } from './json.ts';
import { conntrackEventLine, conntrackLine, expectLine, statisticsLine } from './line.ts';
import { Top } from './top.ts';
import { parseTuple } from './tuple.ts';

const tuple = (protocol: number, source: string, destination: string, sourcePort: number, destinationPort: number, zone = 0): Tuple => ({
  family: source.includes(':') ? 10 : 2,
  protocol,
  source: parseAddress(source) as Uint8Array,
  destination: parseAddress(destination) as Uint8Array,
  sourcePort,
  destinationPort,
  zone,
});

/** A namespace with some flows, and a client of it. */
function table(t: TestContext) {
  const namespace = createNamespace({ clock: new FakeClock(), random: fakeRandom(), flows: 100 });
  namespace.settings.acct = 1;
  const { tracker } = namespace;
  const flows: [Tuple, object][] = [
    [tuple(6, '10.0.0.1', '10.0.0.2', 1000, 80), { status: 6, tcp: { state: 3 }, mark: 5 }],
    [tuple(17, '10.0.0.1', '10.0.0.2', 1001, 53), {}],
    [tuple(17, '2001:db8::1', '2001:db8::2', 1002, 53), { mark: 0x105 }],
    [tuple(1, '10.0.0.1', '10.0.0.2', 77, 8 << 8), {}],
    [tuple(89, '192.0.2.1', '10.0.0.2', 0, 0, 7), {}],
  ];
  for (const [orig, more] of flows) createFlow(tracker.flows, { orig, reply: invert(orig), timeoutSeconds: 100, ...more });
  const client = new CtnetlinkClient(memoryLink(createNetlinkServer(namespace)));
  t.after(() => {
    client.close();
    namespace.close();
  });
  return { namespace, client };
}

async function all<T>(from: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of from) found.push(one);
  return found;
}

test('flows are printed as conntrack -L prints them', async (t) => {
  const { client } = table(t);
  deepStrictEqual(
    (await all(client.list())).map((entry) => conntrackLine(entry, 0)),
    [
      'tcp      6 100 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=1000 dport=80 packets=0 bytes=0 src=10.0.0.2 dst=10.0.0.1 sport=80 dport=1000 packets=0 bytes=0 [ASSURED] mark=5 use=1',
      'udp      17 100 src=10.0.0.1 dst=10.0.0.2 sport=1001 dport=53 packets=0 bytes=0 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=53 dport=1001 packets=0 bytes=0 mark=0 use=1',
      'udp      17 100 src=2001:db8::1 dst=2001:db8::2 sport=1002 dport=53 packets=0 bytes=0 [UNREPLIED] src=2001:db8::2 dst=2001:db8::1 sport=53 dport=1002 packets=0 bytes=0 mark=261 use=1',
      'icmp     1 100 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=77 packets=0 bytes=0 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 type=0 code=0 id=77 packets=0 bytes=0 mark=0 use=1',
      'unknown  89 100 src=192.0.2.1 dst=10.0.0.2 packets=0 bytes=0 [UNREPLIED] src=10.0.0.2 dst=192.0.2.1 packets=0 bytes=0 mark=0 zone=7 use=1',
    ],
  );
  const [statistics] = await all(client.stats());
  match(statisticsLine(statistics as never), /^cpu=0 {3}\tfound=0 invalid=0 insert=\d+ insert_failed=0 .* chaintoolong=0 $/);
});

test('times, helpers, flags and causes stand where conntrack has them', () => {
  const entry = {
    family: 2,
    tupleOrig: {
      ip: { v4Source: Uint8Array.of(1, 1, 1, 1), v4Destination: Uint8Array.of(2, 2, 2, 2) },
      proto: { number: 47, sourcePort: 5, destinationPort: 255 },
      zone: 8,
    },
    tupleReply: {
      ip: { v4Source: Uint8Array.of(2, 2, 2, 2), v4Destination: Uint8Array.of(1, 1, 1, 1) },
      proto: { number: 47, sourcePort: 255, destinationPort: 5 },
    },
    status: 2 | (1 << 14),
    timestamp: { start: 10_900_000_000n, stop: undefined },
    help: { name: 'ftp' },
  } as unknown as ConntrackEntry;
  strictEqual(
    conntrackEventLine({ event: 'update', entry, portId: 9 }, 12_100),
    ' [UPDATE] gre      47 src=1.1.1.1 dst=2.2.2.2 srckey=0x5 dstkey=0xff zone-orig=8 src=2.2.2.2 dst=1.1.1.1 srckey=0xff dstkey=0x5 [OFFLOAD] delta-time=2 helper=ftp [USERSPACE] portid=9',
  );
  strictEqual(eventRow('update', entry), 'update  gre     REPLIED      1.1.1.1:0x5 > 2.2.2.2:0xff');
  deepStrictEqual(flowJson(entry)['original'], {
    source: '1.1.1.1',
    destination: '2.2.2.2',
    srckey: 5,
    dstkey: 255,
    zone: 8,
    packets: undefined,
    bytes: undefined,
  });
  const { tupleOrig: tuple, tupleReply: master } = entry;
  strictEqual(
    expectLine({ family: 2, tuple, mask: tuple, master, timeout: 5, flags: 1, classIndex: 0, helpName: 'ftp' } as never),
    '5 proto=47 src=1.1.1.1 dst=2.2.2.2 sport=5 dport=255 mask-src=1.1.1.1 mask-dst=2.2.2.2 sport=5 dport=255 master-src=2.2.2.2 master-dst=1.1.1.1 sport=255 dport=5 PERMANENT class=0 helper=ftp',
  );
});

test('filters pick flows by family, protocol, address, port, mark, zone, state and status', async (t) => {
  const { client } = table(t);
  const ports = async (options: FilterOptions): Promise<(number | undefined)[]> => {
    const filter = flowFilter(options);
    const found = await all(client.list(filter.asked));
    return found.filter((entry) => filter.matches(entry)).map(({ tupleOrig }) => tupleOrig?.proto?.sourcePort);
  };
  deepStrictEqual(await ports({}), [1000, 1001, 1002, undefined, undefined]);
  deepStrictEqual(await ports({ family: 'inet6' }), [1002]);
  deepStrictEqual(await ports({ protocol: 'udp', origSrc: '10.0.0.0/8' }), [1001]);
  deepStrictEqual(await ports({ replySrc: '2001:db8::2' }), [1002]);
  deepStrictEqual(await ports({ sport: '1000', dport: '80' }), [1000]);
  deepStrictEqual(await ports({ mark: '5/0xff' }), [1000, 1002]);
  deepStrictEqual(await ports({ mark: '0x105' }), [1002]);
  deepStrictEqual(await ports({ zone: '7' }), [undefined]);
  deepStrictEqual(await ports({ zone: '0', protocol: '89' }), []);
  deepStrictEqual(await ports({ state: 'established' }), [1000]);
  deepStrictEqual(await ports({ status: 'assured,seen_reply' }), [1000]);
  deepStrictEqual(await ports({ status: 'UNREPLIED', protocol: 'udp' }), [1001, 1002]);
  for (const [options, why] of [
    [{ family: 'inet7' }, /inet, inet6/],
    [{ protocol: 'nothing' }, /the protocol is one of/],
    [{ origSrc: '10.0.0.1/33' }, /from 0 to 32/],
    [{ mark: '1/2/3' }, /VALUE or VALUE\/MASK/],
    [{ zone: '70000' }, /a zone is a number/],
    [{ state: 'half' }, /a state is one of/],
    [{ status: 'fine' }, /a status is one of/],
  ] as const)
    throws(() => flowFilter(options), why);
});

test('a flow is named whole, asked for, and deleted', async (t) => {
  const { client } = table(t);
  const { family, tuple: named } = parseTuple({ protocol: 'tcp', origSrc: '10.0.0.1', origDst: '10.0.0.2', sport: '1000', dport: '80' });
  const entry = await client.get(family, named);
  strictEqual(entry?.mark, 5);
  const ping = parseTuple({ protocol: 'icmp', origSrc: '10.0.0.1', origDst: '10.0.0.2', icmpType: '8', icmpId: '77' });
  strictEqual((await client.get(ping.family, ping.tuple))?.family, 2);
  await client.delete(entry as ConntrackEntry);
  await rejects(client.delete(entry as ConntrackEntry), /ENOENT/);
  strictEqual(await client.count(), 4);
  await client.flush(10);
  strictEqual(await client.count(), 3);
  await client.flush();
  strictEqual(await client.count(), 0);
  throws(() => parseTuple({ protocol: 'tcp', origSrc: '10.0.0.1' }), /--orig-dst/);
  throws(() => parseTuple({ protocol: 'tcp', origSrc: '10.0.0.1', origDst: '::1' }), /addresses of the same family/);
  throws(() => parseTuple({ protocol: 'udp', origSrc: '10.0.0.1', origDst: '10.0.0.2', sport: '1' }), /--dport is missing/);
});

test('events are printed in order', async (t) => {
  const { namespace, client } = table(t);
  const events = client.events();
  const first = events.next();
  await client.count(); // the groups are joined by then
  const orig = tuple(17, '10.9.9.9', '10.0.0.2', 9, 53);
  createFlow(namespace.flows, { orig, reply: invert(orig), timeoutSeconds: 1 });
  const told = [(await first).value];
  namespace.flows.advance(namespace.clock.now() + 2000);
  told.push((await events.next()).value);
  deepStrictEqual(
    told.map((change) => (change as { event: string }).event),
    ['new', 'destroy'],
  );
  await events.return?.();
});

test('columns are as wide as their widest cell, and empty ones are left out', async (t) => {
  const { client } = table(t);
  const shown = new Table(flowColumns);
  for (const entry of await all(client.list())) shown.add(entry);
  deepStrictEqual(shown.end().slice(0, 3), [
    'PROTO  STATE        SOURCE              DESTINATION       PACKETS  BYTES  LEFT  MARK  ZONE',
    'tcp    ESTABLISHED  10.0.0.1:1000       10.0.0.2:80             0      0  100s     5',
    'udp    UNREPLIED    10.0.0.1:1001       10.0.0.2:53             0      0  100s',
  ]);
});

test('the busiest flows come first: by all bytes, then by what came since', async () => {
  const entry = (id: number, bytes: bigint): ConntrackEntry =>
    ({ family: 2, id, countersOrig: { packets: 1n, bytes }, countersReply: { packets: 0n, bytes: 0n } }) as unknown as ConntrackEntry;
  const top = new Top(2);
  const list = async function* (...entries: ConntrackEntry[]) {
    yield* entries;
  };
  const first = await top.lines(list(entry(1, 10n), entry(2, 3000n), entry(3, 200n)), 0);
  match(first[0] as string, /^3 flows, 3\.2KB$/);
  deepStrictEqual(
    first.slice(2).map((line) => line.trim().split(/ +/)[0]),
    ['3.0KB', '200B'],
  );
  const second = await top.lines(list(entry(1, 5010n), entry(2, 3000n), entry(3, 1200n)), 2000);
  deepStrictEqual(
    second.slice(2).map((line) => line.trim().split(/ +/)[0]),
    ['2.5KB/s', '500B/s'],
  );
  deepStrictEqual([0, 999, 1000, 123_456, 5e12].map(size), ['0B', '999B', '1.0KB', '123KB', '5.0TB']);
});
