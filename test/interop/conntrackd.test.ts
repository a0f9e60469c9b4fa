import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { kernelNamespace, withoutNamespaces } from './namespace.ts';
import { need } from './programs.ts';

const bin = resolve(import.meta.dirname, '../../packages/cli/bin/ring3.js');
const exec = [process.execPath, bin, 'exec', '--fresh', '--'];
const udp = '-p udp -s 10.0.0.1 -d 10.0.0.2 --sport 1000 --dport 53';
const tcp = '-p tcp -s 10.0.0.1 -d 10.0.0.2 --sport 1000 --dport 80 --state ESTABLISHED -u SEEN_REPLY,ASSURED';

/** The configuration of stats mode. */
const configuration = (folder: string, reliable: boolean): string => `
Stats {
  LogFile ${folder}/stats.log
}
General {
  HashSize 8192
  HashLimit 65535
  LogFile ${folder}/daemon.log
  LockFile ${folder}/lock
  UNIX {
    Path ${folder}/control
  }
  NetlinkBufferSize 262142
  NetlinkBufferSizeMaxGrowth 655355
  NetlinkEventsReliable ${reliable ? 'On' : 'Off'}
}
`;

/**
 * Runs the daemon while the table changes, and returns its view. The initial flow is not deleted: with the kernel's setting
 * nf_conntrack_events = 2, flows that began without a listener emit no event at their end; ring3's is 1.
 */
function watch(prefix: readonly string[], folder: string, reliable: boolean): string[] {
  const file = join(folder, 'conntrackd.conf');
  writeFileSync(file, configuration(folder, reliable));
  const script = `
    conntrack -I ${udp.replace('10.0.0.1', '10.0.0.9')} -t 100
    conntrackd -C ${file} & daemon=$!
    for i in 1 2 3 4 5 6 7 8 9 10; do [ -S ${folder}/control ] && break; sleep 0.2; done
    sleep 0.5
    conntrack -I ${udp} -t 100; conntrack -I ${tcp} -t 1000
    sleep 0.5
    echo "== statistics"; conntrackd -C ${file} -s; echo "= $?"
    echo "== flows"; conntrackd -C ${file} -i | sort; echo "= $?"
    conntrack -D -p udp -s 10.0.0.1; sleep 0.5
    echo "== flows that are left"; conntrackd -C ${file} -i
    echo "== runtime"; conntrackd -C ${file} -s runtime
    conntrackd -C ${file} -k; wait $daemon; echo "= $?"`;
  const [first = '', ...rest] = [...prefix, 'sh', '-c', script];
  const { stdout, stderr } = spawnSync(first, rest, { encoding: 'utf8', timeout: 60_000 });
  return `${stdout}\n${stderr}`
    .split('\n')
    .map((line) =>
      line
        .replace(/^\[.*?\] \(pid=\d+\)/, '')
        .replace(/\[active since \d+s\]/, '')
        .replace(/^(.*?\w +\d+) \d+ ((?:[A-Z_0-9]+ )?src=)/, '$1 … $2'),
    )
    .filter((line) => !line.includes('uptime'));
}

for (const reliable of [false, true]) {
  const how = reliable ? 'with reliable events' : 'in stats mode';
  test(`conntrackd ${how} sees the same under exec as on the kernel`, { skip: withoutNamespaces ?? need('conntrackd').skip }, (t) => {
    const folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'ring3-conntrackd-')));
    t.after(() => folders.forEach((folder) => void rmSync(folder, { recursive: true, force: true })));
    const [one = '', two = ''] = folders;
    using namespace = kernelNamespace();
    const kernel = watch(namespace.prefix, one, reliable);
    assert.ok(
      kernel.some((line) => /current active connections:\s+3/.test(line)),
      kernel.join('\n'),
    );
    assert.deepEqual(watch(exec, two, reliable), kernel);
  });
}
