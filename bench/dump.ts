/**
 * The rate of a dump: the kernel's table and ring3's, filled by the same ctnetlink requests and read by the same loop, in alternating
 * rounds. `npm run bench -- dump [--flows N] [--raise-limit]`, default 1,000,000 flows. Needs root: the kernel's flows are in a new network
 * namespace. The kernel's limit `nf_conntrack_max` is shared by all namespaces of the machine; `--raise-limit` permits the benchmark to
 * raise it while it runs.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MaybePromise } from '@ring3/kit';
import { newNetworkNamespace } from '@ring3/linux';
import {
  connectUnix,
  Errno,
  eachMessage,
  GetFlags,
  headerLength,
  kernelLink,
  MessageFlags,
  MessageHeader,
  MessageType,
  type NetlinkLink,
  NewFlags,
} from '@ring3/netlink';
import { ConntrackCommand, ConntrackMessage, FamilyHeader, messageType, Subsystem } from '@ring3/nfnetlink';
import { Frame } from '@ring3/wire';
import { flag, readOptions, whole } from '../scripts/options.ts';
import { machine, median, skip } from './machine.ts';

const { values: options } = readOptions({
  usage: 'npm run bench -- dump [--flows N] [--raise-limit]',
  options: { flows: whole(1, 100_000_000, 1_000_000), 'raise-limit': flag },
});
const { flows } = options;
const rounds = 5;
const limit = '/proc/sys/net/netfilter/nf_conntrack_max';

interface Peer {
  readonly name: string;
  open(): MaybePromise<NetlinkLink>;
}

const attributesAt = headerLength + FamilyHeader.byteLength;

/** A ctnetlink request. */
function request(command: number, flags: number, value: Parameters<typeof ConntrackMessage.write>[2]): Uint8Array {
  const frame = Frame.alloc(attributesAt + ConntrackMessage.size(value));
  MessageHeader.write(frame, 0, {
    length: frame.length,
    type: messageType(Subsystem.Ctnetlink, command),
    flags: flags | MessageFlags.Request,
    sequence: 1,
    portId: 0,
  });
  FamilyHeader.write(frame, headerLength, { family: 2, version: 0, resourceId: 0 });
  ConntrackMessage.write(frame, attributesAt, value);
  return frame.bytes;
}

/** Creates established TCP flows, some hundred per datagram. */
async function fill(link: NetlinkLink): Promise<void> {
  for (let from = 0; from < flows; ) {
    const batch: Uint8Array[] = [];
    for (const end = Math.min(flows, from + 200); from < end; from++) {
      const client = Uint8Array.of(10, (from >> 20) & 255, (from >> 12) & 255, ((from >> 4) & 255) | 0);
      const server = Uint8Array.of(192, 0, 2, 1);
      const port = 1024 + (from & 15);
      const tupleOrig = { ip: { v4Source: client, v4Destination: server }, proto: { number: 6, sourcePort: port, destinationPort: 443 } };
      const tupleReply = { ip: { v4Source: server, v4Destination: client }, proto: { number: 6, sourcePort: 443, destinationPort: port } };
      const flags = from === end - 1 ? NewFlags.Create | MessageFlags.Ack : NewFlags.Create; // only the last one is acknowledged
      batch.push(request(ConntrackCommand.New, flags, { tupleOrig, tupleReply, timeout: 100_000, protoinfo: { tcp: { state: 3 } } }));
    }
    const sent = link.send(Buffer.concat(batch));
    const answer = sent < 0 ? sent : await next(link);
    if (typeof answer === 'number' || new Frame(answer).view.getInt32(headerLength, true) !== 0)
      throw new Error('the flows cannot be created');
  }
}

/** Waits for the next datagram. @returns it, or the errno at the end of the link */
async function next(link: NetlinkLink): Promise<Uint8Array | number> {
  for (;;) {
    const datagram = link.receive();
    if (datagram !== -Errno.EAGAIN) return datagram;
    await new Promise<void>((resolve) => {
      const stop = link.watch(() => {
        stop();
        resolve();
      });
    });
  }
}

/** Requests a dump and counts its entries, without decoding them. */
async function dump(link: NetlinkLink): Promise<{ entries: number; bytes: number }> {
  link.send(request(ConntrackCommand.Get, GetFlags.Dump, {}));
  let entries = 0;
  let bytes = 0;
  for (;;) {
    const datagram = await next(link);
    if (typeof datagram === 'number') throw new Error(`the dump ended with ${datagram}`);
    bytes += datagram.length;
    let done = false;
    eachMessage(new Frame(datagram), ({ type }) => {
      if (type === MessageType.Done) done = true;
      else entries++;
    });
    if (done) return { entries, bytes };
  }
}

async function measure(peers: readonly Peer[]): Promise<void> {
  const rates = new Map(peers.map(({ name }) => [name, [] as number[]]));
  let size = 0;
  for (const { name, open } of peers) {
    const link = await open();
    await fill(link);
    link.close();
    console.error(`${name}: filled`);
  }
  for (let round = 0; round < rounds; round++) {
    for (const { name, open } of peers) {
      const link = await open();
      const start = performance.now();
      const { entries, bytes } = await dump(link);
      rates.get(name)?.push((entries / (performance.now() - start)) * 1000);
      link.close();
      if (entries !== flows) throw new Error(`${name}: ${entries} flows in the dump, ${flows} were created`);
      size = bytes / entries;
    }
  }
  console.log(`${machine()}; ${flows.toLocaleString('en')} TCP flows, ${size.toFixed(0)} bytes per entry, the median of ${rounds} dumps\n`);
  console.log('| | entries per second | relative to the kernel |\n|---|--:|--:|');
  const kernel = median(rates.get(peers[0]?.name ?? '') ?? []);
  for (const { name } of peers) {
    const rate = median(rates.get(name) ?? []);
    console.log(`| ${name} | ${Math.round(rate / 1000).toLocaleString('en')},000 | ${(rate / kernel).toFixed(2)} |`);
  }
}

if (process.getuid?.() !== 0) skip('needs root, for a network namespace');
if (!existsSync(limit)) skip('the kernel module nf_conntrack is not loaded');
const before = readFileSync(limit, 'utf8');
const tooLow = Number(before) !== 0 && Number(before) < flows + 1000;
if (tooLow && !options['raise-limit']) skip(`nf_conntrack_max is ${before.trim()}: give --flows or --raise-limit`);
const shared = tooLow ? openSync(limit, 'r+') : undefined; // refers to the machine's limit also after the namespace has changed
if (newNetworkNamespace() < 0) skip('cannot create a network namespace');
if (shared !== undefined) writeSync(shared, String(flows + 1000), 0);
const folder = mkdtempSync(join(tmpdir(), 'ring3-bench-'));
const path = join(folder, 'netlink.sock');
const server = fork(fileURLToPath(new URL('netlink-server.ts', import.meta.url)), [path, String(flows + 1000)], {
  execArgv: ['--conditions=@ring3/source'],
});
try {
  await once(server, 'message');
  await measure([
    { name: 'Linux kernel', open: kernelLink },
    { name: 'ring3, unix socket', open: () => connectUnix(path) },
  ]);
} finally {
  server.kill();
  if (shared !== undefined) writeSync(shared, before, 0);
  rmSync(folder, { recursive: true });
}
