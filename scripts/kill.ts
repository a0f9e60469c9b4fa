/**
 * npm run kill [-- --kills N --clients N --dir DIR --persistent]   Kills `ring3 serve` with SIGKILL at random moments while clients change files,
 * directories, links, streams, extended attributes, times and descriptors, starts it again, and compares: each change that was acknowledged
 * is there, the one without a response is there completely or not at all, and the state directory opens. With --persistent the clients have persistent opens on a
 * share with continuous availability, and get them again with their locks. Exits with 1 if not.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection, connectTcp, type TreeConnect } from '@ring3/smb-client';
import { Journal } from '../test/soak/journal.ts';
import { persistentChaos } from '../test/soak/persistent-chaos.ts';
import { directory, flag, readOptions, whole } from './options.ts';

const { values } = readOptions({
  usage:
    'npm run kill -- [--kills N] [--clients N] [--dir DIR] [--persistent]: kills ring3 serve under load and checks that acknowledged changes are there',
  options: { kills: whole(1, 1_000_000, 500), clients: whole(1, 1000, 4), dir: directory(tmpdir()), persistent: flag },
});
const { kills, clients: clientCount } = values;
if (values.persistent) {
  const report = (kill: number, faults: number, requests: number): void => {
    if (kill % 25 === 0) console.log(`${kill} kills: ${requests} requests acknowledged, ${faults} faults`);
  };
  const { requests, restored, faults } = await persistentChaos({ kills, clients: clientCount, dir: values.dir, report });
  for (const fault of faults) console.log(fault);
  console.log(`${kills} kills: ${requests} requests acknowledged, ${restored} opens restored, ${faults.length} faults`);
  process.exit(faults.length > 0 ? 1 : 0);
}

const bin = resolve(import.meta.dirname, '../packages/cli/bin/ring3.js');
const base = mkdtempSync(join(values.dir, 'ring3-kill-'));
const shared = join(base, 'shared');
mkdirSync(shared);

let log = '';

/** Starts the daemon. @returns it and its port; undefined if it was killed before it was ready. @throws if it ended by itself */
async function start(killAfterMs?: number): Promise<{ readonly child: ChildProcess; readonly port: number } | undefined> {
  const words = ['serve', shared, '--share', 'share', '--user', 'tester:secret', '--port', '0', '--state-dir', join(base, 'state')];
  const child = spawn(process.execPath, [bin, ...words, '--control', join(base, 'control.sock'), '--netlink', 'off'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  log = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    log += chunk;
  });
  const exit = once(child, 'exit');
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  const ready = new Promise<number>((found) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const port = /smb=\S*:(\d+)/.exec(line)?.[1];
      if (line.startsWith('ready ') && port !== undefined) found(Number(port));
    });
  });
  const port = await Promise.race([ready, exit.then(() => undefined)]);
  if (port !== undefined && killAfterMs === undefined) return { child, port };
  if (port !== undefined) child.kill('SIGKILL');
  const [, signal] = await exit;
  clearTimeout(timer);
  if (signal !== 'SIGKILL') throw new Error(`the daemon did not start:\n${log}`);
  return undefined;
}

async function connectTree(port: number): Promise<{ readonly connection: Connection; readonly tree: TreeConnect }> {
  const connection = await Connection.open(await connectTcp(port));
  const session = await connection.logon({ user: 'tester', password: 'secret' });
  return { connection, tree: await session.connect('share') };
}

const totals = new Map<string, number>();
let [changes, faults, directories, early] = [0, 0, 0, 0];
const fresh = (): Journal => new Journal(`d${directories++}`);
const journals = Array.from({ length: clientCount }, fresh);
try {
  for (let round = 1; round <= kills; round++) {
    if (round % 10 === 0) {
      await start(Math.random() * 600); // killed while it starts
      early++;
    }
    const daemon = await start();
    if (daemon === undefined) throw new Error('not reached');
    const exit = once(daemon.child, 'exit');
    const trees = await Promise.all(journals.map(() => connectTree(daemon.port)));
    for (const [i, { tree }] of trees.entries()) {
      const journal = journals[i] as Journal;
      await journal.begin(tree);
      const { faults: lines, unknown } = await journal.check(tree, shared);
      if (lines.length > 0) {
        faults++;
        console.log(`round ${round}, ${journal.folder}:\n${lines.map((line) => `  ${line}`).join('\n')}\n${log}`);
      }
      if (!unknown && journal.changes < 400) continue;
      for (const [kind, count] of journal.kinds) totals.set(kind, (totals.get(kind) ?? 0) + count);
      rmSync(join(shared, journal.folder), { recursive: true, force: true });
      journals[i] = fresh();
      await journals[i]?.begin(tree);
    }
    const before = journals.reduce((sum, journal) => sum + journal.changes, 0);
    const work = Promise.allSettled(trees.map(({ tree }, i) => (journals[i] as Journal).work(tree)));
    await Promise.race([work, sleep(10 + Math.random() * 500)]);
    if (daemon.child.exitCode !== null) throw new Error(`the daemon ended:\n${log}`);
    daemon.child.kill('SIGKILL');
    await exit;
    for (const result of await work) {
      if (result.status === 'rejected' && result.reason?.name === 'StatusError') {
        faults++;
        console.log(`round ${round}: ${String(result.reason?.message)}`);
      } else if (result.status === 'rejected' && result.reason?.name !== 'SmbClientError') throw result.reason;
    }
    for (const { connection } of trees) connection.link.close(true);
    changes += journals.reduce((sum, journal) => sum + journal.changes, 0) - before;
    if (round % 25 === 0)
      console.log(`${round} kills under load, ${early} while starting: ${changes} changes acknowledged, ${faults} faults`);
  }
  for (const { kinds } of journals) for (const [kind, count] of kinds) totals.set(kind, (totals.get(kind) ?? 0) + count);
  console.log([...totals].map(([kind, count]) => `${kind} ${count}`).join(', '));
} finally {
  rmSync(base, { recursive: true, force: true });
}
process.exitCode = faults > 0 ? 1 : 0;
