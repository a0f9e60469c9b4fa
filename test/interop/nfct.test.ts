import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, test } from 'node:test';
import { type Outcome, outcomeOf } from './beside.ts';
import { kernelNamespace, withoutNamespaces } from './namespace.ts';
import { need } from './programs.ts';
import { startRing3 } from './ring3.ts';
import { served } from './served.ts';

const bin = resolve(import.meta.dirname, '../../packages/cli/bin/ring3.js');

/** nfct's commands; each list starts with an empty table. */
const lists: Readonly<Record<string, readonly string[]>> = {
  'a policy of each protocol, listed in the order of their making': [
    'list timeout',
    'add timeout web inet tcp established 100',
    'add timeout all inet tcp syn_sent 1 syn_recv 2 established 3 fin_wait 4 close_wait 5 last_ack 6 time_wait 7 close 8 syn_sent2 9 retrans 10 unacknowledged 11',
    'add timeout dns inet udp unreplied 10 replied 20',
    'add timeout dns6 inet6 udp unreplied 11',
    'add timeout lite inet udplite unreplied 12 replied 22',
    'add timeout ping inet icmp timeout 5',
    'add timeout ping6 inet6 icmpv6 timeout 6',
    'add timeout tunnel inet gre unreplied 13 replied 23',
    'add timeout stream inet sctp closed 1 cookie_wait 2 cookie_echoed 3 established 4 shutdown_sent 5 shutdown_recd 6 shutdown_ack_sent 7',
    'add timeout any inet generic timeout 7',
    'list timeout',
    ...['web', 'all', 'dns', 'dns6', 'lite', 'ping', 'ping6', 'tunnel', 'stream', 'any'].map((name) => `get timeout ${name}`),
  ],
  'duplicates, unknown names, deletion': [
    'add timeout web inet tcp established 100',
    'add timeout web inet tcp established 200',
    'add timeout web inet udp replied 3',
    'get timeout web',
    'get timeout nosuch',
    'delete timeout nosuch',
    'delete timeout web',
    'delete timeout web',
    'get timeout web',
    'list timeout',
  ],
  'delete and make again moves to the end; flush': [
    'add timeout a inet tcp close 1',
    'add timeout b inet tcp close 2',
    'add timeout c inet tcp close 3',
    'delete timeout b',
    'add timeout b inet tcp close 4',
    'list timeout',
    'flush timeout',
    'list timeout',
    'flush timeout',
    'delete timeout a',
  ],
  'default timeouts': [
    ...['tcp', 'udp', 'udplite', 'icmp', 'gre', 'sctp', 'generic', 'dccp'].map((protocol) => `default-get timeout inet ${protocol}`),
    ...['tcp', 'udp', 'icmpv6', 'icmp'].map((protocol) => `default-get timeout inet6 ${protocol}`),
    'default-set timeout inet tcp established 1000 close 11',
    'default-get timeout inet tcp',
    'default-get timeout inet6 tcp',
    'add timeout after inet tcp close 1',
    'get timeout after',
    'default-set timeout inet udp unreplied 5',
    'default-get timeout inet udplite',
    'default-set timeout inet dccp request 5',
    'default-set timeout inet tcp',
  ],
  'names and values at their limits': [
    `add timeout ${'x'.repeat(31)} inet tcp close 1`,
    `get timeout ${'x'.repeat(31)}`,
    `add timeout ${'y'.repeat(32)} inet tcp close 1`,
    `get timeout ${'y'.repeat(32)}`,
    'add timeout most inet udp replied 17179869',
    'get timeout most',
    'add timeout wraps inet udp replied 17179871 unreplied 4294967295',
    'get timeout wraps',
    'add timeout over inet udp replied 4294967296',
    'get timeout over',
    'add timeout none inet udp replied 0',
    'get timeout none',
    'add timeout minus inet udp replied -1',
    'get timeout minus',
    'add timeout word inet udp replied soon',
    'get timeout word',
  ],
  'what the command line cannot mean': [
    'add timeout x inet nonsense established 1',
    'add timeout x nonsense tcp established 1',
    'add timeout x inet tcp nonsense 1',
    'add timeout x inet tcp established',
    'add timeout x inet tcp',
    'add timeout x inet dccp request 1',
    'add timeout x',
    'add timeout',
    'get timeout',
    'delete timeout',
    'default-get timeout',
    'default-get timeout inet',
    'list',
    'list nonsense',
    'nonsense timeout',
    'disable timeout x',
    'list timeout',
  ],
  'the older order of words': [
    'timeout add web inet tcp established 100',
    'timeout list',
    'timeout get web',
    'timeout delete web',
    'timeout flush',
  ],
  'version and help': ['version', 'help', ''],
};

const words = (line: string): string[] => ['nfct', ...line.split(' ').filter((word) => word !== '')];
const exec = (...options: string[]): string[] => [process.execPath, bin, 'exec', ...options, '--'];

const skip = { skip: withoutNamespaces ?? need('nfct').skip };

describe('nfct prints the same under exec as on the kernel: output, errors and exit status, line by line', skip, () => {
  for (const [title, lines] of Object.entries(lists)) {
    test(`${title}: exec --fresh`, () => {
      using namespace = kernelNamespace();
      // each exec has its own table, so one shell runs all commands
      const script = lines.map((line) => `${words(line).join(' ')}; echo "= $?"; echo "= ${line}" >&2`).join('\n');
      const shell = ['sh', '-c', script];
      assert.deepEqual(outcomeOf(...exec('--fresh'), ...shell), outcomeOf(...namespace.prefix, ...shell));
    });
  }

  test('the real table is not touched', () => {
    using namespace = kernelNamespace();
    const inside = [...namespace.prefix, ...exec('--fresh'), ...words('add timeout leak inet tcp close 1')];
    assert.deepEqual(outcomeOf(...inside), { out: '', err: '', status: 0 });
    assert.equal(outcomeOf(...namespace.prefix, 'nfct', 'list', 'timeout').out, '');
  });
});

describe('nfct against a running daemon', skip, () => {
  const stage = served((folder) => startRing3(folder));

  test('the same against a running daemon, a process for each command', () => {
    using namespace = kernelNamespace();
    const { netlink } = stage.server.at;
    const kernelHas = (command: string): Outcome => outcomeOf(...namespace.prefix, ...words(command));
    const daemonHas = (command: string): Outcome => outcomeOf(...exec('--netlink', netlink as string), ...words(command));
    for (const command of [
      'add timeout web inet tcp established 100',
      'list timeout',
      'add timeout web inet tcp established 100',
      'get timeout web',
      'default-set timeout inet udp replied 77',
      'default-get timeout inet udp',
      'delete timeout nosuch',
      'delete timeout web',
      'list timeout',
      'flush timeout',
    ]) {
      assert.deepEqual(daemonHas(command), kernelHas(command), command);
    }
  });

  test('ring3 timeout and nfct see the same table', () => {
    const netlink = stage.server.at['netlink'] as string;
    const ring3 = (line: string): Outcome => outcomeOf(process.execPath, bin, 'timeout', '--netlink', netlink, ...line.split(' '));
    assert.equal(ring3('add shared inet udp replied 9').status, 0);
    const seen = outcomeOf(...exec('--netlink', netlink), ...words('get timeout shared'));
    assert.match(seen.out, /\.REPLIED = 9,/);
    assert.equal(ring3('get shared').out, seen.out);
    assert.equal(outcomeOf(...exec('--netlink', netlink), ...words('delete timeout shared')).status, 0);
    assert.notEqual(ring3('get shared').status, 0);
  });
});

describe('other programs under exec', () => {
  test('a subsystem that ring3 lacks fails like one that the kernel lacks: nft', need('nft'), () => {
    const outcome = outcomeOf(...exec('--fresh'), 'nft', 'add', 'table', 'ip', 'ring3-test');
    assert.notEqual(outcome.status, 0);
    assert.match(outcome.err, /Operation not supported|Invalid argument/);
  });

  test('conntrack -E joins its groups, and a signal to ring3 ends it', need('conntrack'), async () => {
    const [command, ...args] = [...exec('--fresh'), 'conntrack', '-E'] as string[];
    const child = spawn(command as string, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let err = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    const ended = new Promise<number | null>((done) => child.once('exit', (status) => done(status)));
    await groupsJoined(child.pid as number);
    child.kill('SIGINT');
    assert.equal(await ended, 0);
    assert.match(err, /0 flow events have been shown/);
  });
});

/** SIGINT in the masks of /proc/PID/status: bit number minus one, proc(5). */
const sigint = 1n << 1n;

/** Waits until the program under a `ring3 exec` catches SIGINT and waits for events: in recvfrom, recvmsg, select or poll. */
async function groupsJoined(parent: number): Promise<void> {
  const { readFile } = await import('node:fs/promises');
  for (;;) {
    const children = await readFile(`/proc/${parent}/task/${parent}/children`, 'utf8').catch(() => '');
    const child = `/proc/${children.trim().split(' ')[0]}`;
    const status = await readFile(`${child}/status`, 'utf8').catch(() => '');
    const caught = BigInt(`0x${/^SigCgt:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
    const name = await readFile(`${child}/wchan`, 'utf8').catch(() => '');
    if ((caught & sigint) !== 0n && /unix|poll|select|skb|schedule_timeout/.test(name)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
