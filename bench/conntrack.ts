/**
 * Packets per second of the tracker, and memory per flow: `npm run bench -- conntrack`. Captures are built in memory: TCP with timestamps,
 * 1,448 bytes of payload each way and its acknowledgement, flows in random order in every turn. By default the capture contains 64 bytes of
 * each packet, like captures of headers, and checksums are not verified. Rates are per processor time (user and system) of one thread, so
 * that load on the machine has little influence.
 */
import { spawnSync } from 'node:child_process';
import { Batch, batchSize, createNamespace, type Namespace } from '@ring3/conntrack';
import { readOptions, whole } from '../scripts/options.ts';
import { machine, median } from './machine.ts';

/** The parameters of a run. */
interface Run {
  readonly flows: number;
  readonly family: 4 | 6;
  /** Captured bytes of each packet. */
  readonly held: number;
  readonly checksums: boolean;
  readonly batched: boolean;
}

/** A buffer of packets, all of the same captured length. */
interface Capture {
  readonly view: DataView;
  readonly count: number;
}

const payload = 1448;
const [syn, synAck, ackFlag, pushAck] = [2, 18, 16, 24];

/** A repeatable pseudo-random sequence, for the order of flows. */
function* numbers(seed: number): Generator<number, never> {
  for (let x = seed; ; ) {
    x = (Math.imul(x, 1664525) + 1013904223) | 0;
    yield x >>> 0;
  }
}

function shuffled(count: number, seed: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const random = numbers(seed);
  for (let i = count - 1; i > 0; i--) {
    const j = random.next().value % (i + 1);
    const other = order[j]!;
    order[j] = order[i]!;
    order[i] = other;
  }
  return order;
}

const sumOf = (view: DataView, at: number, length: number): number => {
  let sum = 0;
  for (let i = 0; i + 1 < length; i += 2) sum += view.getUint16(at + i);
  if (length & 1) sum += view.getUint8(at + length - 1) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
};

/** Writes one packet. Payload is zeros. */
function put(
  run: Run,
  view: DataView,
  at: number,
  flow: number,
  back: boolean,
  flags: number,
  seq: number,
  ack: number,
  data: number,
): void {
  const port = 1024 + (flow & 4095);
  const client = 0x0a000000 + (flow >>> 12);
  const server = 0x0a800001;
  const length = 32 + data;
  let tcp = at + 20;
  if (run.family === 4) {
    view.setUint32(at, (0x4500 << 16) | (20 + length));
    view.setUint32(at + 4, 0x00014000);
    view.setUint32(at + 8, 0x40060000);
    view.setUint32(at + 12, back ? server : client);
    view.setUint32(at + 16, back ? client : server);
    view.setUint16(at + 10, ~sumOf(view, at, 20) & 0xffff);
  } else {
    tcp = at + 40;
    view.setUint32(at, 0x60000000);
    view.setUint32(at + 4, (length << 16) | 0x0640);
    for (const [start, address] of [
      [at + 8, back ? server : client],
      [at + 24, back ? client : server],
    ] as const) {
      view.setUint32(start, 0xfd000000);
      view.setUint32(start + 12, address);
    }
  }
  view.setUint32(tcp, back ? (443 << 16) | port : (port << 16) | 443);
  view.setUint32(tcp + 4, seq);
  view.setUint32(tcp + 8, ack);
  view.setUint32(tcp + 12, (0x80 << 24) | (flags << 16) | 65535);
  view.setUint32(tcp + 16, 0);
  view.setUint32(tcp + 20, 0x0101080a);
  if (!run.checksums) return;
  const addresses = run.family === 4 ? sumOf(view, at + 12, 8) : sumOf(view, at + 8, 32);
  let sum = addresses + 6 + length + sumOf(view, tcp, length);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(tcp + 16, ~sum & 0xffff);
}

/** The openings of all flows: three packets each. */
function openings(run: Run): Capture {
  const { flows, held } = run;
  const view = new DataView(new ArrayBuffer(flows * 3 * held));
  shuffled(flows, 1).forEach((flow, i) => {
    put(run, view, i * held, flow, false, syn, 1000, 0, 0);
    put(run, view, (flows + i) * held, flow, true, synAck, 5000, 1001, 0);
    put(run, view, (flows * 2 + i) * held, flow, false, ackFlag, 1001, 5001, 0);
  });
  return { view, count: flows * 3 };
}

/** Some turns: in each, every flow sends one segment, which is acknowledged. */
function turns(run: Run, first: number, count: number): Capture {
  const { flows, held } = run;
  const view = new DataView(new ArrayBuffer(flows * 2 * count * held));
  const out = shuffled(flows, first + 2);
  const back = shuffled(flows, first + 99);
  for (let turn = 0, at = 0; turn < count; turn++) {
    const sequence = (1001 + (first + turn) * payload) >>> 0;
    for (let i = 0; i < flows; i++, at += held) put(run, view, at, out[i]!, false, pushAck, sequence, 5001, payload);
    for (let i = 0; i < flows; i++, at += held) put(run, view, at, back[i]!, true, ackFlag, 5001, (sequence + payload) >>> 0, 0);
  }
  return { view, count: flows * 2 * count };
}

const processorMicroseconds = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** Millions of packets per second. */
function play(run: Run, { tracker }: Namespace, { view, count }: Capture, start: number): number {
  const perPacket = 0.001;
  const { held } = run;
  const from = processorMicroseconds();
  if (run.batched) {
    const batch = new Batch(view);
    for (let i = 0; i < count; ) {
      let n = 0;
      for (; n < batchSize && i < count; n++, i++) {
        batch.offsets[n] = i * held;
        batch.lengths[n] = held;
        batch.times[n] = start + i * perPacket;
      }
      batch.count = n;
      tracker.trackBatch(batch);
    }
  } else for (let i = 0; i < count; i++) tracker.track(view, i * held, held, start + i * perPacket);
  return count / (processorMicroseconds() - from);
}

/** Warm-up: runs until the code is compiled. */
function warm(run: Run): void {
  const small = { ...run, flows: 1000 };
  for (let i = 0; i < 30; i++) {
    const namespace = createNamespace({ flows: 1050 });
    Object.assign(namespace.settings, { snapped: 1, checksum: run.checksums ? 1 : 0, ipChecksum: run.checksums ? 1 : 0, acct: 1 });
    const now = namespace.clock.now();
    play(small, namespace, openings(small), now);
    play(small, namespace, turns(small, 0, 5), now + 10_000);
  }
}

function measure(run: Run): void {
  const { flows, checksums } = run;
  warm(run);
  const namespace = createNamespace({ flows: Math.ceil(flows * 1.05) });
  const flag = checksums ? 1 : 0;
  Object.assign(namespace.settings, { snapped: 1, checksum: flag, ipChecksum: flag, acct: 1, max: flows * 2 });
  const opening = openings(run);
  const before = process.memoryUsage.rss();
  let now = namespace.clock.now();
  const opened = play(run, namespace, opening, now);
  const grown = process.memoryUsage.rss() - before;
  const rates: number[] = [];
  const each = Math.max(1, Math.floor((checksums ? 20_000 : 500_000) / flows));
  for (let i = 0; i < 6; i++) {
    now += 10_000;
    rates.push(play(run, namespace, turns(run, i * each, each), now));
  }
  const { confirmed } = namespace.flows.table;
  if (confirmed !== flows) throw new Error(`${confirmed} of ${flows} flows in the table`);
  const what = `IPv${run.family}${run.batched ? '' : ', one by one'}${checksums ? ', whole packets, checksums verified' : ''}`;
  // a thousand flows are too few to measure memory
  const many = flows >= 100_000;
  const memory = many ? (grown / flows).toFixed(0) : '';
  console.log(`| ${flows.toLocaleString('en')} | ${what} | ${opened.toFixed(1)} | ${median(rates.slice(1)).toFixed(1)} | ${memory} |`);
}

const plain: Run = { flows: 0, family: 4, held: 64, checksums: false, batched: true };
const runs: readonly Run[] = [
  { ...plain, flows: 1_000 },
  { ...plain, flows: 100_000 },
  { ...plain, flows: 1_000_000 },
  { ...plain, flows: 100_000, batched: false },
  { ...plain, flows: 1_000, held: 1500, checksums: true },
  { ...plain, flows: 100_000, family: 6, held: 96 },
  { ...plain, flows: 1_000_000, family: 6, held: 96 },
];

// each run in a separate process, with its own memory and compiled code
const { run: only } = readOptions({ usage: 'npm run bench -- conntrack [--run N]', options: { run: whole(0, runs.length - 1) } }).values;
if (only !== undefined) measure(runs[only] ?? plain);
else {
  console.log(`${machine()}\n`);
  console.log('| flows | packets | opening, M/s | known flows, M/s | bytes a flow |\n|---|---|---|---|---|');
  for (const i of runs.keys()) {
    const { stdout } = spawnSync(process.execPath, [...process.execArgv, import.meta.filename, '--run', String(i)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    process.stdout.write(stdout);
  }
}
