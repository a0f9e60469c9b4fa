import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, test } from 'node:test';
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
});
