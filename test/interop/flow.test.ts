import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { LinkType, pcapOf } from '@ring3/capture';
import { type Outcome, outcomeOf } from './beside.ts';
import { type KernelNamespace, kernelNamespace, withoutNamespaces } from './namespace.ts';
import { need } from './programs.ts';
import { type Ring3, startRing3 } from './ring3.ts';

const bin = resolve(import.meta.dirname, '../../packages/cli/bin/ring3.js');

/** Flows of all kinds, as `conntrack -I` creates them. */
const flows = [
  'tcp -s 10.0.0.1 -d 10.0.0.2 --sport 1000 --dport 80 --state ESTABLISHED -u ASSURED,SEEN_REPLY -m 5',
  'tcp -s 10.0.0.1 -d 10.0.0.2 --sport 1001 --dport 80 --state SYN_SENT',
  'udp -s 10.0.0.1 -d 10.0.0.2 --sport 1001 --dport 53 -w 7',
  'udp -s 10.0.0.1 -d 10.0.0.2 --sport 1002 --dport 53 --orig-zone 8',
  'udp -s 10.0.0.1 -d 10.0.0.2 --sport 1003 --dport 53 --reply-zone 9',
  'udp -s 2001:db8::1 -d 2001:db8::2 --sport 1001 --dport 53',
  'icmp -s 10.0.0.1 -d 10.0.0.2 --icmp-type 8 --icmp-code 0 --icmp-id 77',
  'icmpv6 -s 2001:db8::1 -d 2001:db8::2 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 77',
  'sctp -s 10.0.0.1 -d 10.0.0.2 --sport 5 --dport 6 --state ESTABLISHED --orig-vtag 9 --reply-vtag 10',
  'gre -s 10.0.0.1 -d 10.0.0.2 --srckey 5 --dstkey 6',
  'udplite -s 10.0.0.1 -d 10.0.0.2 --sport 5 --dport 6',
  '89 -s 10.0.0.1 -d 10.0.0.2',
];

/** A place to run `conntrack` and `ring3 flow`, the same for both. */
interface Place {
  conntrack(line: string): readonly string[];
  ring3(group: 'flow' | 'expect', line: string): readonly string[];
}
const ofKernel = ({ prefix }: KernelNamespace): Place => ({
  conntrack: (line) => [...prefix, 'conntrack', ...line.split(' ')],
  ring3: (group, line) => [...prefix, process.execPath, bin, group, '--at', 'kernel', ...line.split(' ')],
});
function ofDaemon({ at }: Ring3, namespace?: string): Place {
  const where = ['--netlink', at['netlink'] as string, ...(namespace === undefined ? [] : ['--namespace', namespace])];
  return {
    conntrack: (line) => [process.execPath, bin, 'exec', ...where, '--', 'conntrack', ...line.split(' ')],
    ring3: (group, line) => [process.execPath, bin, group, ...where, ...line.split(' ')],
  };
}

/** Sorted lines without remaining seconds, age and use: the kernel dumps in hash order, and time passes between two lists. */
const masked = (out: string): string[] =>
  out
    .trimEnd()
    .split('\n')
    .map((line) =>
      line
        .replace(/^(\w+ +\d+) \d+/, '$1 T')
        .replace(/delta-time=\d+/, 'delta-time=N')
        .replace(/ use=\d+/, ''),
    )
    .sort();

function sameLists(place: Place): void {
  const listed = outcomeOf(...place.conntrack('-L'));
  assert.match(listed.err, /flow entries have been shown/);
  assert.notEqual(listed.out, '');
  assert.deepEqual(masked(outcomeOf(...place.ring3('flow', 'list -o conntrack')).out), masked(listed.out));
  for (const [theirs, ours] of [
    ['-L -p tcp', 'list -o conntrack -p tcp'],
    ['-L -f ipv6', 'list -o conntrack -f inet6'],
    ['-L -s 10.0.0.1 -p tcp --dport 80', 'list -o conntrack -s 10.0.0.1 -p tcp --dport 80'],
    ['-L -p tcp --state ESTABLISHED', 'list -o conntrack -p tcp --state ESTABLISHED'],
    ['-L -m 5', 'list -o conntrack -m 5'],
    ['-L -u ASSURED', 'list -o conntrack -u ASSURED'],
    ['-L -w 7', 'list -o conntrack -w 7'],
  ] as const)
    assert.deepEqual(masked(outcomeOf(...place.ring3('flow', ours)).out), masked(outcomeOf(...place.conntrack(theirs)).out), theirs);
  assert.equal(outcomeOf(...place.ring3('flow', 'count')).out, outcomeOf(...place.conntrack('-C')).out);
  assert.equal(outcomeOf(...place.ring3('flow', 'stats')).out, outcomeOf(...place.conntrack('-S')).out);
}

/** Both programs watch while `act` runs between two flows that both have seen, and print the same events. */
async function sameEvents(
  place: Place,
  group: 'flow' | 'expect',
  act: () => void | Promise<void>,
  joined: () => number = () => 2,
): Promise<void> {
  const watchers = [place.conntrack(group === 'flow' ? '-E' : '-E expect'), place.ring3(group, 'watch -o conntrack')].map(watcher);
  try {
    const mark = (port: number): void =>
      void outcomeOf(...place.conntrack(`-I -p udp -s 10.8.8.8 -d 10.8.8.9 --sport ${port} --dport 9 -t 60`));
    if (group === 'flow') {
      let port = 40_000;
      await until('both watch', () => {
        mark(port++);
        return watchers.every(({ out }) => out().includes('sport=4'));
      });
      mark(50_000);
      await both(watchers, 'sport=50000');
    } else await until('both watch', () => joined() >= 2);
    await act();
    if (group === 'flow') mark(50_001);
    await both(watchers, group === 'flow' ? 'sport=50001' : '[DESTROY]');
    // conntrack prints the program that caused the event if it is still alive
    const between = ({ out }: Watcher): string =>
      out()
        .replace(/^.*sport=50000[^\n]*\n/s, '')
        .replace(/[^\n]*sport=50001.*$/s, '')
        .replaceAll(/ progname=\S+/g, '');
    assert.notEqual(between(watchers[0] as Watcher), '');
    assert.equal(between(watchers[1] as Watcher), between(watchers[0] as Watcher));
  } finally {
    for (const { child } of watchers) child.kill('SIGINT');
    await Promise.all(watchers.map(({ ended }) => ended));
  }
}

interface Watcher {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  out(): string;
}
function watcher(words: readonly string[]): Watcher {
  const [first, ...rest] = words as [string, ...string[]];
  const child = spawn(first, rest, { stdio: ['ignore', 'pipe', 'ignore'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  return { child, ended: new Promise((done) => child.once('exit', done)), out: () => out };
}
/** Waits for a condition. @throws Error after half a minute */
async function until(what: string, so: () => boolean): Promise<void> {
  for (const end = Date.now() + 30_000; !so(); ) {
    if (Date.now() > end) throw new Error(`${what}: not within half a minute`);
    await new Promise((done) => setTimeout(done, 50));
  }
}
const both = (watchers: readonly Watcher[], text: string): Promise<void> =>
  until(`both print ${text}`, () => watchers.every(({ out }) => out().includes(text)));

const changes = (place: Place) => () => {
  for (const line of [
    '-I -p tcp -s 10.3.0.1 -d 10.3.0.2 --sport 7 --dport 80 --state SYN_SENT -t 60',
    '-U -p tcp -s 10.3.0.1 -d 10.3.0.2 --sport 7 --dport 80 -m 9',
    '-D -p tcp -s 10.3.0.1',
  ])
    assert.equal(outcomeOf(...place.conntrack(line)).status, 0, line);
};

describe('ring3 flow prints what conntrack prints, of the kernel', { skip: withoutNamespaces ?? need('conntrack').skip ?? false }, () => {
  let namespace: KernelNamespace;
  let place: Place;
  before(() => {
    namespace = kernelNamespace();
    place = ofKernel(namespace);
    outcomeOf(...namespace.prefix, 'sysctl', '-qw', 'net.netfilter.nf_conntrack_acct=1', 'net.netfilter.nf_conntrack_timestamp=1');
    for (const flow of flows) assert.equal(outcomeOf(...place.conntrack(`-I -t 1000 -p ${flow}`)).status, 0, flow);
  });
  after(() => namespace[Symbol.dispose]());

  test('lists and counters', () => sameLists(place));
  test('events', () => sameEvents(place, 'flow', changes(place)));

  test('expectations', need('python3', 'iptables'), async () => {
    const inside = (...words: string[]): Outcome => outcomeOf(...namespace.prefix, ...words);
    inside('ip', 'link', 'set', 'lo', 'up');
    const helper = ['iptables-legacy', '-w', '-t', 'raw', '-A', 'OUTPUT', '-p', 'tcp', '--dport', '21', '-j', 'CT', '--helper', 'ftp'];
    assert.equal(inside(...helper).status, 0);
    inside('iptables-legacy', '-w', '-A', 'INPUT', '-m', 'conntrack', '--ctstate', 'NEW', '-j', 'ACCEPT');
    const talk = `
import socket, sys, time
s = socket.socket(); s.setsockopt(1, 2, 1); s.bind(('127.0.0.1', 21)); s.listen()
c = socket.socket(); c.connect(('127.0.0.1', 21)); a, _ = s.accept()
c.send(b'USER x\\r\\n'); a.recv(99); time.sleep(0.1); c.send(b'PORT 127,0,0,1,4,5\\r\\n'); a.recv(99); time.sleep(float(sys.argv[1]))`;
    // netfilter's sockets (12) in the groups of new and ended expectations
    const joined = (): number => {
      const groups = [...inside('cat', '/proc/net/netlink').out.matchAll(/^\w+ +12 +\d+ +(\w+)/gm)].map(([, hex]) => Number(`0x${hex}`));
      return groups.filter((bits) => (bits & 0x28) === 0x28).length;
    };
    let talking: ChildProcess | undefined;
    // the kernel emits events of a flow's expectations only if a program listened when the flow began
    const act = async (): Promise<void> => {
      const [first, ...rest] = namespace.prefix as [string, ...string[]];
      talking = spawn(first, [...rest, '/usr/bin/python3', '-c', talk, '30'], { stdio: 'ignore' });
      await until('an expectation', () => outcomeOf(...place.conntrack('-L expect')).out !== '');
      const listed = (words: readonly string[]): string => outcomeOf(...words).out.replace(/^\d+/, 'T');
      assert.equal(listed(place.ring3('expect', 'list -o conntrack')), listed(place.conntrack('-L expect')));
      assert.match(
        outcomeOf(...place.ring3('expect', 'list')).out,
        /^PROTO +SOURCE.*\ntcp +127\.0\.0\.1:0 +127\.0\.0\.1:1029 +127\.0\.0\.1:\d+ > 127\.0\.0\.1:21 +\d+[ms] +0 +ftp\n$/,
      );
      outcomeOf(...place.conntrack('-F expect'));
    };
    try {
      await sameEvents(place, 'expect', act, joined);
    } finally {
      talking?.kill();
    }
  });
});

describe('ring3 flow prints what conntrack prints, of a running daemon', need('conntrack'), () => {
  let folder: string;
  let daemon: Ring3;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ring3-flow-'));
    const ip = (protocol: number, from: number, to: number, rest: readonly number[]): Uint8Array =>
      Uint8Array.from([0x45, 0, 0, 20 + rest.length, 0, 1, 0, 0, 64, protocol, 0, 0, 10, 0, 0, from, 10, 0, 0, to, ...rest]);
    const tcp = (from: number, to: number, ports: readonly number[], sequence: number, ack: number, flags: number): Uint8Array =>
      ip(6, from, to, [...ports, 0, 0, 0, sequence, 0, 0, 0, ack, 0x50, flags, 255, 255, 0, 0, 0, 0]);
    const packets = [
      tcp(1, 2, [4, 0, 0, 80], 1, 0, 2),
      tcp(2, 1, [0, 80, 4, 0], 9, 2, 18),
      tcp(1, 2, [4, 0, 0, 80], 2, 10, 16),
      ip(17, 1, 2, [4, 1, 0, 53, 0, 12, 0, 0, 1, 2, 3, 4]),
      ip(1, 1, 2, [8, 0, 0, 0, 0, 7, 0, 1]),
    ].map((bytes, i) => ({ timeNs: 1_700_000_000_000_000_000n + BigInt(i) * 1_000_000n, bytes }));
    const capture = join(folder, 'few.pcap');
    writeFileSync(capture, pcapOf(packets, { linkType: LinkType.Raw }));
    daemon = await startRing3(folder, ['--capture', capture]);
    const place = ofDaemon(daemon);
    for (const flow of flows) assert.equal(outcomeOf(...place.conntrack(`-I -t 1000 -p ${flow}`)).status, 0, flow);
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  test('lists and counters', () => sameLists(ofDaemon(daemon)));
  test('events', () => sameEvents(ofDaemon(daemon), 'flow', changes(ofDaemon(daemon))));

  test('a served capture is in its namespace, in its own time', () => {
    const place = ofDaemon(daemon, 'capture');
    const { out } = outcomeOf(...place.conntrack('-L'));
    assert.match(
      out,
      /^tcp +6 43\d{4} ESTABLISHED src=10\.0\.0\.1 dst=10\.0\.0\.2 sport=1024 dport=80 packets=2 bytes=80 .* \[ASSURED\] mark=0 use=1$/m,
    );
    assert.match(out, /^icmp +1 \d+ src=10\.0\.0\.1 dst=10\.0\.0\.2 type=8 code=0 id=7 packets=1 bytes=28 \[UNREPLIED\]/m);
    assert.equal(outcomeOf(...place.ring3('flow', 'list -o conntrack')).out, out);
    assert.equal(outcomeOf(...place.conntrack('-L')).out, out); // its clock does not advance
  });
});
