/** The file server beside Samba's smbd: the same clients, turn by turn, both stores on the same memory file system, everything on the loopback. */

import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Connection, connectTcp } from '@ring3/smb-client';
import { versionOf } from '../test/interop/programs.ts';
import { startRing3 } from '../test/interop/ring3.ts';
import { run, smbclient } from '../test/interop/smbclient.ts';
import { startSmbd } from '../test/interop/smbd.ts';
import { machine, median } from './machine.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
    size: { type: 'string', default: '1024' },
    idle: { type: 'string', default: '1000' },
  },
});
const [rounds, seconds, mebibytes, idle] = [values.rounds, values.seconds, values.size, values.idle].map(Number) as [
  number,
  number,
  number,
  number,
];

interface Server {
  readonly name: 'ring3' | 'smbd';
  readonly port: number;
  readonly pid: number;
  readonly user: string;
  readonly password: string;
}
type Figures = Map<string, { ring3: number[]; smbd: number[] }>;

const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** MiB a second, as smbclient prints them. */
async function bulk(server: Server, base: string): Promise<[string, number][]> {
  const figures: [string, number][] = [];
  const login = { port: server.port, user: `${server.user}%${server.password}`, folder: base };
  const protections = [
    ['plain', { options: ['client signing=disabled'] }],
    ['signed', { protection: 'sign' }],
    ['encrypted', { protection: 'encrypt' }],
  ] as const;
  for (const [name, protection] of protections) {
    const { output } = await smbclient(['put big', 'get big /dev/null', 'rm big'], { ...login, ...protection });
    const [put, get] = [/putting file .* \(([\d.]+) kb\/s\)/, /getting file .* \(([\d.]+) KiloBytes\/sec\)/].map(
      (line) => line.exec(output)?.[1],
    );
    if (put === undefined || get === undefined) throw new Error(`${server.name}: ${output}`);
    figures.push(
      [`write ${mebibytes} MiB, ${name} (MiB/s)`, Number(put) / 1024],
      [`read ${mebibytes} MiB, ${name} (MiB/s)`, Number(get) / 1024],
    );
  }
  return figures;
}

/** Operations a second over libsmbclient, one outstanding. */
async function roundTrips(server: Server, base: string, protection: 'plain' | 'encrypted', time = seconds): Promise<[string, number][]> {
  const program = join(import.meta.dirname, 'libsmbclient.ts');
  const url = `smb://127.0.0.1:${server.port}/share`;
  const { status, output } = await run(process.execPath, [
    program,
    url,
    server.user,
    server.password,
    join(base, 'client.conf'),
    String(time),
    protection,
  ]);
  if (status !== 0) throw new Error(`${server.name}: ${output}`);
  return output
    .trim()
    .split('\n')
    .map((line) => [
      `${line.slice(0, line.lastIndexOf(' '))}${protection === 'plain' ? '' : ', encrypted'} (/s)`,
      Number(line.slice(line.lastIndexOf(' '))),
    ]);
}

async function setUp(server: Server): Promise<Connection> {
  const connection = await Connection.open(await connectTcp(server.port));
  const session = await connection.logon({ user: server.user, password: server.password });
  await session.connect('share');
  return connection;
}

/** Connections set up (TCP, negotiate, log-on, tree) and dropped a second, one after another, by our own client. */
async function setUps(server: Server): Promise<[string, number][]> {
  const begin = performance.now();
  let count = 0;
  for (; performance.now() - begin < seconds * 1000; count++) await (await setUp(server)).close();
  return [['connection set-up (/s)', (count * 1000) / (performance.now() - begin)]];
}

/** Proportional set size of a process and its group, in KiB. */
function proportionalSetSize(pid: number): number {
  const inGroup = (process: string): boolean => {
    try {
      const stat = readFileSync(`/proc/${process}/stat`, 'utf8');
      return Number(process) === pid || Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]) === pid;
    } catch {
      return false; // ended meanwhile
    }
  };
  let sum = 0;
  for (const process of readdirSync('/proc').filter((name) => /^\d+$/.test(name) && inGroup(name))) {
    try {
      sum += Number(/^Pss: +(\d+)/m.exec(readFileSync(`/proc/${process}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
    } catch {}
  }
  return sum;
}

/** Memory that an idle connection costs. */
async function memoryOfIdle(server: Server): Promise<[string, number][]> {
  const before = proportionalSetSize(server.pid);
  const connections: Connection[] = [];
  for (let i = 0; i < idle; i++) connections.push(await setUp(server));
  await delay(2000);
  const after = proportionalSetSize(server.pid);
  await Promise.all(connections.map((connection) => connection.close()));
  return [[`an idle connection of ${idle} (KiB)`, (after - before) / idle]];
}

const show = (value: number): string => (value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(1));

function table(figures: Figures): string {
  const rows = [...figures].map(([name, { ring3, smbd }]) => {
    const [ours, theirs] = [median(ring3), median(smbd)];
    return `| ${name} | ${show(ours)} | ${show(theirs)} | ${(ours / theirs).toFixed(2)} |`;
  });
  return ['| | ring3 | smbd | ring3 / smbd |', '|---|---:|---:|---:|', ...rows].join('\n');
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
const keep = (server: Server, found: [string, number][]): void => {
  for (const [name, figure] of found) {
    const row = figures.get(name) ?? { ring3: [], smbd: [] };
    row[server.name].push(figure);
    figures.set(name, row);
    console.error(`${server.name.padEnd(6)} ${name}: ${show(figure)}`);
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
