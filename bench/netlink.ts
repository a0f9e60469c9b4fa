/**
 * Duration of netlink requests: requests one at a time and dumps of many timeout policies, on the real kernel, on a ring3 in another
 * process over its unix socket, and in this process, by the same typed client in alternating rounds. Requires a kernel with cttimeout;
 * `npm run bench -- netlink` runs it in a new network namespace.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createNamespace } from '@ring3/conntrack';
import { createNetlinkServer } from '@ring3/conntrack-netlink';
import type { MaybePromise } from '@ring3/kit';
import { newNetworkNamespace } from '@ring3/linux';
import { connectUnix, createClient, kernelLink, memoryLink, type NetlinkLink } from '@ring3/netlink';
import { CttimeoutClient, messageType, Subsystem, TimeoutCommand, TimeoutMessage } from '@ring3/nfnetlink';
import { readOptions } from '../scripts/options.ts';
import { machine, median, skip } from './machine.ts';

readOptions({ usage: 'npm run bench -- netlink', options: {} });

const policies = 10_000;
const rounds = 9;

interface Peer {
  readonly name: string;
  open(): MaybePromise<NetlinkLink>;
}

/** Receives a complete dump and counts its entries, without decoding them, so that the time is that of the server. */
async function dump(link: NetlinkLink): Promise<number> {
  let count = 0;
  const type = messageType(Subsystem.CtnetlinkTimeout, TimeoutCommand.Get);
  for await (const _ of createClient(link).dump({ type, attributes: TimeoutMessage, value: {}, what: 'dump' })) count++;
  return count;
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

async function fill({ name, open }: Peer): Promise<number> {
  const client = new CttimeoutClient(await open());
  const took = await timed(async () => {
    for (let i = 0; i < policies; i++) await client.add({ name: `policy-${i}`, l3proto: 2, l4proto: 6, timeouts: { established: i } });
  });
  client.close();
  console.error(`${name}: filled in ${took.toFixed(0)} ms`);
  return (policies / took) * 1000;
}

async function measure(peers: readonly Peer[]): Promise<void> {
  const added = new Map<string, number>();
  for (const peer of peers) added.set(peer.name, await fill(peer));
  const dumped = new Map(peers.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, open } of peers) {
      const link = await open();
      const took = await timed(async () => {
        if ((await dump(link)) !== policies) throw new Error(`${name}: the dump is incomplete`);
      });
      link.close();
      dumped.get(name)?.push((policies / took) * 1000);
    }
  }
  const rows = peers.map(({ name }) => ({ name, add: added.get(name) as number, dump: median(dumped.get(name) as number[]) }));
  const kernel = rows[0] as (typeof rows)[number];
  console.log(`${machine()}\n`);
  console.log(
    `| ${policies.toLocaleString('en')} TCP policies | requests per second, one at a time | relative to the kernel | dumped entries per second | relative to the kernel |`,
  );
  console.log('|---|--:|--:|--:|--:|');
  const thousands = (value: number): string => `${Math.round(value / 1000).toLocaleString('en')},000`;
  for (const { name, add, dump: entries } of rows) {
    console.log(
      `| ${name} | ${thousands(add)} | ${(add / kernel.add).toFixed(2)} | ${thousands(entries)} | ${(entries / kernel.dump).toFixed(2)} |`,
    );
  }
}

const folder = mkdtempSync(join(tmpdir(), 'ring3-bench-'));
const path = join(folder, 'netlink.sock');
const inside = newNetworkNamespace();
if (inside < 0) skip('the kernel is only used in a new network namespace, which only root can create');
const server = fork(fileURLToPath(new URL('netlink-server.ts', import.meta.url)), [path], { execArgv: ['--conditions=@ring3/source'] });
try {
  await once(server, 'message');
  const own = createNetlinkServer(createNamespace());
  await measure([
    { name: 'Linux kernel', open: kernelLink },
    { name: 'ring3, unix socket', open: () => connectUnix(path) },
    { name: 'ring3, in process', open: () => memoryLink(own) },
  ]);
} finally {
  server.kill();
  rmSync(folder, { recursive: true });
}
