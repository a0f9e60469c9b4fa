/**
 * The file server compared with Samba's smbd: the same clients in alternating rounds, both stores on the same memory file system, on the
 * loopback.
 */

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection, connectTcp } from '@ring3/smb-client';
import { readOptions, whole } from '../scripts/options.ts';
import { versionOf } from '../test/interop/programs.ts';
import { startRing3 } from '../test/interop/ring3.ts';
import { smbclient } from '../test/interop/smbclient.ts';
import { startSmbd } from '../test/interop/smbd.ts';
import { machine, median } from './machine.ts';

const { values } = readOptions({
  usage: 'npm run bench -- smb [--rounds N] [--seconds N] [--size MIB] [--idle N]',
  options: { rounds: whole(1, 10_000, 3), seconds: whole(1, 86_400, 2), size: whole(1, 1_048_576, 1024), idle: whole(1, 1_000_000, 1000) },
});
const { rounds, seconds, size: mebibytes, idle } = values;

interface Server {
  readonly name: 'ring3' | 'smbd';
  readonly port: number;
  readonly pid: number;
  readonly user: string;
  readonly password: string;
}
/** The result of a measurement: a rate, and the server's processor time per operation in microseconds. */
interface Found {
  readonly name: string;
  readonly rate: number;
  readonly processorTime?: number;
}
type Figures = Map<string, { ring3: Found[]; smbd: Found[] }>;

const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** The ids of a process and of the processes of its group. */
function group(pid: number): { readonly pid: string; readonly fields: readonly string[] }[] {
  const found = [];
  for (const process of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${process}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // from the state on, proc(5)
      if (Number(process) === pid || Number(fields[2]) === pid) found.push({ pid: process, fields });
    } catch {} // ended meanwhile
  }
  return found;
}

/** Microseconds of processor time of a server and its children, including ended ones. Counted in ticks of 10 ms. */
const processorTime = ({ pid }: Server): number =>
  group(pid).reduce((sum, { fields }) => sum + [11, 12, 13, 14].reduce((ticks, i) => ticks + Number(fields[i]), 0) * 10_000, 0);

/** Proportional set size of a server, in KiB. */
function proportionalSetSize({ pid }: Server): number {
  let sum = 0;
  for (const process of group(pid)) {
    try {
      sum += Number(/^Pss: +(\d+)/m.exec(readFileSync(`/proc/${process.pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
    } catch {} // ended meanwhile
  }
  return sum;
}

/** MiB per second, as printed by smbclient; an operation is the whole file. */
async function bulk(server: Server, base: string): Promise<Found[]> {
  const found: Found[] = [];
  const login = { port: server.port, user: `${server.user}%${server.password}`, folder: base };
  const protections = [
    ['plain', { options: ['client signing=disabled'] }],
    ['signed', { protection: 'sign' }],
    ['encrypted', { protection: 'encrypt' }],
  ] as const;
  for (const [name, protection] of protections) {
    for (const [verb, command, rate] of [
      ['write', 'put big', /putting file .* \(([\d.]+) kb\/s\)/],
      ['read', 'get big /dev/null', /getting file .* \(([\d.]+) KiloBytes\/sec\)/],
    ] as const) {
      const before = processorTime(server);
      const { output } = await smbclient([command], { ...login, ...protection });
      await delay(50); // an ended process is counted once its parent has waited for it
      const kibibytes = rate.exec(output)?.[1];
      if (kibibytes === undefined) throw new Error(`${server.name}: ${output}`);
      const label = `${verb} ${mebibytes} MiB, ${name} (MiB/s)`;
      found.push({ name: label, rate: Number(kibibytes) / 1024, processorTime: processorTime(server) - before });
    }
    await smbclient(['rm big'], login);
  }
  return found;
}

/** Operations per second over libsmbclient, one outstanding. */
async function roundTrips(server: Server, base: string, protection: 'plain' | 'encrypted', time = seconds): Promise<Found[]> {
  const program = join(import.meta.dirname, 'libsmbclient.ts');
  const url = `smb://127.0.0.1:${server.port}/share`;
  const parameters = [program, url, server.user, server.password, join(base, 'client.conf'), String(time), protection];
  const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((done) => child.once('close', done));
  const found: Found[] = [];
  let before = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [operation, rate] = [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))];
    const now = processorTime(server);
    const name = `${operation}${protection === 'plain' ? '' : ', encrypted'} (/s)`;
    if (operation !== 'begin') found.push({ name, rate, processorTime: (now - before) / (rate * time) });
    before = now;
  }
  if ((await ended) !== 0) throw new Error(`${server.name}: libsmbclient failed`);
  return found;
}

async function setUp(server: Server): Promise<Connection> {
  const connection = await Connection.open(await connectTcp(server.port));
  const session = await connection.logon({ user: server.user, password: server.password });
  await session.connect('share');
  return connection;
}

/** Connections per second that are set up (TCP, NEGOTIATE, logon, tree connect) and closed, one after another, by ring3's client. */
async function setUps(server: Server): Promise<Found[]> {
  const [begin, before] = [performance.now(), processorTime(server)];
  let count = 0;
  for (; performance.now() - begin < seconds * 1000; count++) await (await setUp(server)).close();
  const rate = (count * 1000) / (performance.now() - begin);
  await delay(50);
  return [{ name: 'connection set-up (/s)', rate, processorTime: (processorTime(server) - before) / count }];
}

/** Memory of an idle connection. */
async function memoryOfIdle(server: Server): Promise<Found[]> {
  const before = proportionalSetSize(server);
  const connections: Connection[] = [];
  for (let i = 0; i < idle; i++) connections.push(await setUp(server));
  await delay(2000);
  const after = proportionalSetSize(server);
  await Promise.all(connections.map((connection) => connection.close()));
  return [{ name: `an idle connection of ${idle} (KiB)`, rate: (after - before) / idle }];
}

const show = (value: number): string => (value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(1));
const showTime = (microseconds: number): string =>
  microseconds >= 10_000 ? `${show(microseconds / 1000)} ms` : `${show(microseconds)} µs`;

function table(figures: Figures): string {
  const rows = [...figures].map(([name, { ring3, smbd }]) => {
    const [ours, theirs] = [ring3, smbd].map((found) => median(found.map(({ rate }) => rate))) as [number, number];
    const times = [ring3, smbd].map((found) => {
      const known = found.flatMap(({ processorTime: time }) => (time === undefined ? [] : [time]));
      return known.length === 0 ? '' : showTime(median(known));
    });
    return `| ${name} | ${show(ours)} | ${show(theirs)} | ${(ours / theirs).toFixed(2)} | ${times.join(' | ')} |`;
  });
  const head = '| | ring3 | smbd | ring3 / smbd | processor time of ring3 | of smbd |\n|---|---:|---:|---:|---:|---:|';
  return [head, ...rows].join('\n');
}

const base = mkdtempSync(join(memory, 'ring3-bench-'));
process.once('exit', () => rmSync(base, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
for (const name of ['ring3', 'smbd']) mkdirSync(join(base, name));
writeFileSync(join(base, 'client.conf'), '[global]\nlock directory = /tmp\n');
for (let i = 0; i < mebibytes; i++) appendFileSync(join(base, 'big'), randomBytes(2 ** 20));

await using ring3 = await startRing3(join(base, 'ring3'), ['--signing', 'enabled', '--encryption', 'off', '--log-level', 'warn']);
await using smbd = await startSmbd(join(base, 'smbd'));
const servers: Server[] = [
  { ...ring3, name: 'ring3' },
  { ...smbd, name: 'smbd' },
];
const figures: Figures = new Map();
const keep = (server: Server, all: readonly Found[]): void => {
  for (const found of all) {
    const row = figures.get(found.name) ?? { ring3: [], smbd: [] };
    row[server.name].push(found);
    figures.set(found.name, row);
    console.error(`${server.name.padEnd(6)} ${found.name}: ${show(found.rate)}`);
  }
};
for (const server of servers) await roundTrips(server, base, 'plain', 0.5); // warm
for (let round = 0; round < rounds; round++) {
  const order = round % 2 === 0 ? servers : servers.toReversed();
  for (const server of order) {
    keep(server, await bulk(server, base));
    keep(server, await roundTrips(server, base, 'plain'));
    keep(server, await roundTrips(server, base, 'encrypted'));
    keep(server, await setUps(server));
  }
}
if (idle > 0) for (const server of servers) keep(server, await memoryOfIdle(server));

console.log(
  `${machine()}; ${versionOf('smbclient')}. Medians of ${rounds} rounds, turn by turn, stores in ${memory}.\n\n${table(figures)}`,
);
