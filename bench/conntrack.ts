/**
 * How many packets a second the tracker follows: `node --conditions=source bench/conntrack.ts [FLOWS…]`.
 * The capture is built in memory: TCP, headers with 1,448 bytes of payload of which 12 were captured, flows in random order, both directions.
 */

import { cpus } from 'node:os';
import { Batch, batchSize, createNamespace, type Namespace } from '@ring3/conntrack';

const headerBytes = 64;
const payload = 1448;
const server = 0x0a800001;

/** A buffer of packets, all of the same captured length. */
interface Capture {
  readonly view: DataView;
  readonly count: number;
}

/** Pseudo-random numbers that repeat, for the order of flows. */
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

function put(view: DataView, index: number, flow: number, back: boolean, flags: number, seq: number, ack: number, data: number): void {
  const at = index * headerBytes;
  const client = 0x0a000000 + (flow >>> 12);
  const port = 1024 + (flow & 4095);
  view.setUint32(at, (0x4500 << 16) | (40 + 12 + data));
  view.setUint32(at + 4, 0x00014000);
  view.setUint32(at + 8, 0x40060000);
  view.setUint32(at + 12, back ? server : client);
  view.setUint32(at + 16, back ? client : server);
  view.setUint32(at + 20, back ? (443 << 16) | port : (port << 16) | 443);
  view.setUint32(at + 24, seq);
  view.setUint32(at + 28, ack);
  view.setUint32(at + 32, (0x80 << 24) | (flags << 16) | 65535);
  view.setUint32(at + 36, 0);
  view.setUint32(at + 40, 0x0101080a);
}

const [syn, synAck, ackFlag, pushAck] = [2, 18, 16, 24];

/** The openings of all flows: three packets each. */
function openings(flows: number): Capture {
  const view = new DataView(new ArrayBuffer(flows * 3 * headerBytes));
  const order = shuffled(flows, 1);
  order.forEach((flow, i) => {
    put(view, i, flow, false, syn, 1000, 0, 0);
    put(view, flows + i, flow, true, synAck, 5000, 1001, 0);
    put(view, flows * 2 + i, flow, false, ackFlag, 1001, 5001, 0);
  });
  return { view, count: flows * 3 };
}

/** Some turns: in each, every flow sends once and is acknowledged. */
function turns(flows: number, first: number, count: number): Capture {
  const view = new DataView(new ArrayBuffer(flows * 2 * count * headerBytes));
  const out = shuffled(flows, first + 2);
  const back = shuffled(flows, first + 99);
  for (let turn = 0, index = 0; turn < count; turn++) {
    const sequence = (1001 + (first + turn) * payload) >>> 0;
    for (let i = 0; i < flows; i++) put(view, index++, out[i]!, false, pushAck, sequence, 5001, payload);
    for (let i = 0; i < flows; i++) put(view, index++, back[i]!, true, ackFlag, 5001, (sequence + payload) >>> 0, 0);
  }
  return { view, count: flows * 2 * count };
}

const batched = !process.argv.includes('--single');

function play(namespace: Namespace, capture: Capture, start: number): number {
  const tracker = namespace.tracker;
  const { view, count } = capture;
  const perPacket = 0.001;
  const from = process.cpuUsage().user;
  if (batched) {
    const batch = new Batch(view);
    for (let i = 0; i < count; ) {
      let n = 0;
      for (; n < batchSize && i < count; n++, i++) {
        batch.offsets[n] = i * headerBytes;
        batch.lengths[n] = headerBytes;
        batch.times[n] = start + i * perPacket;
      }
      batch.count = n;
      tracker.trackBatch(batch);
    }
  } else for (let i = 0, at = 0; i < count; i++, at += headerBytes) tracker.track(view, at, headerBytes, start + i * perPacket);
  return count / (process.cpuUsage().user - from);
}

function measure(flows: number): void {
  const namespace = createNamespace({ flows: Math.ceil(flows * 1.05) });
  Object.assign(namespace.settings, { snapped: 1, checksum: 0, ipChecksum: 0, acct: 1, max: flows * 2 });
  const before = process.memoryUsage.rss();
  const opening = openings(flows);
  const captureBytes = process.memoryUsage.rss() - before;
  let now = namespace.clock.now();
  const opened = play(namespace, opening, now);
  const held = process.memoryUsage.rss() - before - captureBytes;
  now += 10_000;
  const rates: number[] = [];
  const each = Math.max(1, Math.floor(500_000 / flows));
  for (let i = 0; i < 6; i++) {
    rates.push(play(namespace, turns(flows, i * each, each), now));
    now += 10_000;
  }
  const known = rates.slice(1).sort((a, b) => a - b)[Math.floor((rates.length - 1) / 2)]!;
  const left = namespace.tracker.table.confirmed;
  console.log(
    `${String(flows).padStart(9)} flows  opening ${opened.toFixed(1).padStart(5)} M packets/s  known ${known.toFixed(1).padStart(5)} M packets/s` +
      `  ${(held / flows).toFixed(0)} bytes a flow (process growth)${left === flows ? '' : `  only ${left} in the table`}`,
  );
}

const wanted = process.argv
  .slice(2)
  .map(Number)
  .filter((n) => n > 0);
console.log(`${cpus()[0]?.model.trim()}, Node ${process.versions.node}`);
for (const flows of wanted.length > 0 ? wanted : [1_000, 100_000, 1_000_000]) measure(flows);
