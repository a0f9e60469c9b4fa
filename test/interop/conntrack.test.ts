import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { kernelNamespace, withoutNamespaces } from './namespace.ts';
import { need } from './programs.ts';

const bin = resolve(import.meta.dirname, '../../packages/cli/bin/ring3.js');
const exec = [process.execPath, bin, 'exec', '--fresh', '--'];

const udp = '-p udp -s 10.0.0.1 -d 10.0.0.2 --sport 1000 --dport 53';
const tcp = '-p tcp -s 10.0.0.1 -d 10.0.0.2 --sport 1000 --dport 80';
const control = '-p tcp -s 10.0.0.1 -d 10.0.0.2 --sport 1000 --dport 21';
/** A table with one flow of each kind. */
const filled = [
  `-I ${udp} -t 100`,
  `-I ${tcp} --state ESTABLISHED -u SEEN_REPLY,ASSURED -t 1000 -m 5`,
  '-I -p icmp -s 10.0.0.1 -d 10.0.0.2 --icmp-type 8 --icmp-code 0 --icmp-id 7 -t 30',
  '-I -f ipv6 -p tcp -s fd::1 -d fd::2 --sport 1 --dport 2 --state SYN_SENT -t 50',
  '-I -p udp -s 10.0.0.3 -d 10.0.0.2 --sport 1000 --dport 53 -t 100 --zone 5',
  '-I -p gre -s 10.0.0.3 -d 10.0.0.2 --srckey 1 --dstkey 2 -t 60',
  '-I -p sctp -s 10.0.0.3 -d 10.0.0.2 --sport 1 --dport 2 --state ESTABLISHED --orig-vtag 1 --reply-vtag 2 -t 60',
  '-I -p 41 -s 10.0.0.3 -d 10.0.0.2 -t 60',
];

/** conntrack's commands; each list starts with an empty table. */
const lists: Readonly<Record<string, readonly string[]>> = {
  'creation (-I), also of what exists, and what it prints': [...filled, `-I ${udp} -t 100`, '-I -p udp -s 10.0.0.1 -t 5', '-I', '-C'],
  'lists (-L) in each format and through each filter': [
    ...filled,
    '-L',
    '-L -f ipv6',
    '-L -o extended',
    '-L -o xml',
    '-L -o save',
    '-L --mark 5',
    '-L -m 0x1/0x1',
    '-L --zone 5',
    '-L -p tcp --state ESTABLISHED',
    '-L -u ASSURED',
    '-L -s 10.0.0.3',
    '-L --dport 53',
    '-L dying',
    '-L unconfirmed',
    '-L -z',
    '-Z -L',
  ],
  'look-up (-G), change (-U), deletion (-D) and flush (-F)': [
    ...filled,
    `-G ${udp}`,
    '-G -p udp -s 9.9.9.9 -d 10.0.0.2 --sport 1000 --dport 53',
    `-U ${udp} -m 7`,
    `-U ${udp} -t 77`,
    `-U ${tcp} --state CLOSE`,
    '-U -p udp -s 7.7.7.7 -m 7',
    '-L -m 7',
    `-D ${udp}`,
    `-D ${udp}`,
    '-D -p tcp',
    '-L',
    '-F -f ipv6',
    '-L',
    '-F',
    '-C',
    '-R /dev/null',
  ],
  'expectations (-L expect, -I expect, -D expect, -F expect, -C expect)': [
    `-I ${control} --state ESTABLISHED -u SEEN_REPLY,ASSURED -t 1000`,
    '-L expect',
    `-I expect --mask-src 255.255.255.255 --mask-dst 255.255.255.255 --tuple-src 4.4.4.4 --tuple-dst 5.5.5.5 ${control.replace('--sport 1000', '--sport 10').replace('--dport 21', '--dport 20')} --orig-port-src 1000 --orig-port-dst 21 -t 100`,
    '-D expect -p tcp --tuple-src 4.4.4.4 --tuple-dst 5.5.5.5 --sport 10 --dport 20',
    '-F expect',
    '-C expect',
  ],
};

/**
 * The table of a router with masquerading, a port forwarding, an FTP helper, a container network and both families, as `conntrack -L -o save`
 * of Linux 6.18 printed it, and flows with each part that a saved line can have.
 */
const routerTable = [
  '-A -t 29 -u UNSET -s 10.0.1.2 -d 10.0.2.2 -r 10.0.2.2 -n 10.0.2.1 -p gre --srckey 0 --dstkey 0 --reply-key-src 0 --reply-key-dst 0',
  '-A -t 119 -u UNSET -s 10.0.1.2 -d 10.0.2.2 -r 10.0.2.2 -n 10.0.2.1 -p tcp --sport 1000 --dport 80 --reply-port-src 80 --reply-port-dst 1000 --state SYN_SENT',
  '-A -t 90 -u UNSET -s 10.0.1.2 -d 10.0.2.2 -r 10.0.2.2 -n 10.0.2.1 -p sctp --sport 1000 --dport 2000 --reply-port-src 2000 --reply-port-dst 1000 --state CLOSED --orig-vtag 0 --reply-vtag 117440512',
  '-A -t 29 -u UNSET -s 10.0.1.2 -d 10.0.2.2 -r 10.0.2.2 -n 10.0.2.1 -p icmp --icmp-type 8 --icmp-code 0 --icmp-id 7',
  '-A -t 119 -u UNSET -s 10.0.1.2 -d 10.0.1.1 -g 10.0.2.2 -n 10.0.2.1 -p tcp --sport 1001 --dport 8080 --reply-port-src 80 --reply-port-dst 1001 --state SYN_SENT',
  '-A -t 599 -u UNSET -s 10.0.1.2 -d 10.0.2.2 -r 10.0.2.2 -n 10.0.2.1 -p 50',
  '-A -t 29 -u UNSET -s 10.0.1.2 -d 10.0.2.2 -r 10.0.2.2 -n 10.0.2.1 -p udp --sport 1000 --dport 53 --reply-port-src 53 --reply-port-dst 1000',
  '-A -t 29 -u UNSET -s fd00:1::2 -d fd00:2::2 -r fd00:2::2 -q fd00:1::2 -p udp --sport 1000 --dport 53 --reply-port-src 53 --reply-port-dst 1000',
  '-A -t 299 -u SEEN_REPLY,ASSURED -s 10.0.1.2 -d 10.0.2.2 -r 10.0.2.2 -n 10.0.2.1 -p tcp --sport 1002 --dport 21 --reply-port-src 21 --reply-port-dst 1002 --state ESTABLISHED',
  '-A -t 200 -u SEEN_REPLY -s 172.17.0.2 -d 1.1.1.1 -r 1.1.1.1 -n 192.0.2.1:40000 -p udp --sport 5000 --dport 53 --reply-port-src 53 --reply-port-dst 40000',
  '-A -t 200 -u SEEN_REPLY -s fd00:17::2 -d 2001:db8::1 -r 2001:db8::1 -n 2001:db8::ffff -p udp --sport 5000 --dport 53 --reply-port-src 53 --reply-port-dst 5000',
  '-A -t 200 -u SEEN_REPLY,ASSURED -s 203.0.113.9 -d 192.0.2.1 -g 172.17.0.2 -q 203.0.113.9 -p tcp --sport 6000 --dport 443 --reply-port-src 8443 --reply-port-dst 6000 --state ESTABLISHED -m 9',
  '-A -t 200 -s 10.0.0.1 -d 10.0.0.2 -r 10.0.0.2 -q 10.0.0.1 -p udplite --sport 1 --dport 2 --reply-port-src 2 --reply-port-dst 1 -w 5',
  '-A -t 200 -s fd00:1::2 -d fd00:2::2 -r fd00:2::2 -q fd00:1::2 -p icmpv6 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 9',
];

/** Removes the values that differ between runs: ids, use counters, remaining seconds. Lists have no order, so lines are sorted. */
const masked = (text: string): string[] =>
  text
    .split('\n')
    .map((line) =>
      line
        .replace(/\b(id|use)=\d+/g, '$1')
        .replace(/<(id|use|timeout)>\d+/g, '<$1>')
        .replace(/^(.*?\w +\d+) \d+ ((?:[A-Z_0-9]+ )?src=)/, '$1 … $2')
        .replace(/-t \d+/, '-t …'),
    )
    .sort();

function shell(prefix: readonly string[], script: string): { readonly stdout: string; readonly stderr: string } {
  const [first = '', ...rest] = [...prefix, 'sh', '-c', script];
  return spawnSync(first, rest, { encoding: 'utf8', timeout: 60_000 });
}

function run(prefix: readonly string[], lines: readonly string[]): { readonly out: string[]; readonly err: string[] }[] {
  const script = lines.map((line) => `conntrack ${line}; echo "= $?"; echo; echo "#####"; echo "#####" >&2`).join('\n');
  const { stdout, stderr } = shell(prefix, script);
  const errors = stderr.split('#####\n');
  return stdout.split('#####\n').map((out, i) => ({ out: masked(out), err: masked(errors[i] ?? '') }));
}

const skip = { skip: withoutNamespaces ?? need('conntrack').skip };

describe('conntrack prints the same under exec as on the kernel: output, errors and exit status', skip, () => {
  for (const [title, lines] of Object.entries(lists)) {
    test(title, () => {
      using namespace = kernelNamespace();
      const kernel = run(namespace.prefix, lines);
      const ring3 = run(exec, lines);
      for (const [i, line] of lines.entries()) assert.deepEqual(ring3[i], kernel[i], `conntrack ${line}`);
    });
  }

  test('events (-E): created, changed and deleted flows, with the program that caused them', () => {
    const script = `
      conntrack -E -o extended 2>/dev/null & listener=$!
      sleep 0.5
      conntrack -I ${udp} -t 100; conntrack -U ${udp} -m 7; conntrack -D ${udp}
      conntrack -I ${tcp} --state ESTABLISHED -u SEEN_REPLY,ASSURED -t 1000; conntrack -F
      sleep 0.3; kill $listener; wait $listener 2>/dev/null`;
    const events = (prefix: readonly string[]): string[] => {
      const { stdout } = shell(prefix, script);
      const told = stdout.split('\n').filter((line) => /^ *\[/.test(line));
      return told.map((line) => line.replace(/ portid=.*/, ' portid').replace(/^(.*?\w +\d+) \d+ /, '$1 … '));
    };
    using namespace = kernelNamespace();
    const kernel = events(namespace.prefix);
    assert.equal(kernel.length, 5);
    assert.deepEqual(events(exec), kernel);
  });

  describe('a saved table (-L -o save) is restored (-R)', () => {
    const restored = (file: string): string[] => [
      `-R ${file}`,
      '-C',
      '-L',
      '-L -f ipv6 -o extended',
      '-L -o xml',
      '-L -o save',
      '-L --src-nat',
      '-L --dst-nat',
      '-L --any-nat',
      '-L --mark 9',
      `-R ${file}`,
      '-C',
      '-D -p tcp --dst-nat 172.17.0.2',
      '-U -p udp -s 172.17.0.2 -m 3',
      '-G -p tcp -s 203.0.113.9 -d 192.0.2.1 --sport 6000 --dport 443',
      '-L -m 3',
      '-F',
      '-C',
    ];

    test('line by line, with the same table, messages and exit status', (t) => {
      const folder = temporaryFolder(t);
      using namespace = kernelNamespace();
      const file = (name: string, lines: readonly string[]): string => {
        writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
        return join(folder, name);
      };
      const each = routerTable.flatMap((line, i) => [`-R ${file(`line-${i}`, [line])}`, '-L', '-L -o save', '-F']);
      const lines = [...restored(file('table', routerTable)), ...each];
      const kernel = run(namespace.prefix, lines);
      const ring3 = run(exec, lines);
      for (const [at, line] of lines.entries()) assert.deepEqual(ring3[at], kernel[at], `conntrack ${line}`);
    });

    test('by either of what either has saved', (t) => {
      const folder = temporaryFolder(t);
      using namespace = kernelNamespace();
      const file = join(folder, 'table');
      writeFileSync(file, `${routerTable.join('\n')}\n`);
      const save = (prefix: readonly string[], name: string): void =>
        void shell(prefix, `conntrack -R ${file}; conntrack -L -o save >${join(folder, name)} 2>/dev/null; conntrack -F`);
      save(namespace.prefix, 'kernel');
      save(exec, 'ring3');
      const tables = ['kernel', 'ring3'].flatMap((name) =>
        [namespace.prefix, exec].map((prefix) => run(prefix, [`-R ${join(folder, name)}`, '-L', '-F'])),
      );
      for (const table of tables) assert.deepEqual(table, tables[0]);
      assert.ok(
        tables[0]?.[1]?.out.some((line) => line.includes('dst=172.17.0.2') || line.includes('src=172.17.0.2')),
        'the table is not empty',
      );
    });

    test('a line that is invalid or exists ends the restoration at the same place', (t) => {
      const folder = temporaryFolder(t);
      using namespace = kernelNamespace();
      const [first = '', second = '', third = ''] = routerTable;
      for (const [i, bad] of [first, '-A -t 5 -p udp', 'nonsense', second.replace('SYN_SENT', 'NOTHING'), ''].entries()) {
        const file = join(folder, `bad-${i}`);
        writeFileSync(file, `${[first, second, bad, third].join('\n')}\n`);
        const lines = [`-R ${file}`, '-L', '-F'];
        assert.deepEqual(run(exec, lines), run(namespace.prefix, lines), bad);
      }
    });
  });
});

/** A directory that is removed after the test. */
function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-restore-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}
