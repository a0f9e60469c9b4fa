/**
 * node --conditions=@ring3/source scripts/record-conntrack.ts
 * Records test/golden/ctnetlink from this machine's kernel (as root): every attribute with every wrong length, the responses to random
 * requests of a fixed seed, and single requests in each state.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { readOptions } from './options.ts';
import type { Vector } from './oracle/format.ts';
import { KernelParty } from './oracle/kernel.ts';
import { randomConntrackVector } from './oracle/random-conntrack.ts';
import { recordVector } from './oracle/vector.ts';

readOptions({ usage: 'node --conditions=@ring3/source scripts/record-conntrack.ts', options: {} });

const folder = join(import.meta.dirname, '../test/golden/ctnetlink');

/** A message with one attribute of zeros. */
function oneAttribute(subsystem: number, command: number, type: number, length: number): string {
  const bytes = new Uint8Array(24 + ((length + 3) & ~3));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, (subsystem << 8) | command, true);
  view.setUint16(6, 5, true);
  view.setUint32(8, 1, true);
  bytes[16] = 2;
  view.setUint16(20, length + 4, true);
  view.setUint16(22, type, true);
  return Buffer.from(bytes).toString('hex');
}

function lengths(subsystem: number, types: number): Vector[] {
  const found: Vector[] = [];
  for (let type = 0; type <= types; type++) {
    const steps = [0, 1, 2, 3, 4, 5, 8, 17, 20].map((length) => ({
      op: 'nl' as const,
      send: oneAttribute(subsystem, 1, type, length),
      replies: [],
    }));
    found.push({ name: `attribute-${subsystem}-${type}`, note: 'GET with one attribute of each length', steps });
  }
  return found;
}

async function record(name: string, vectors: readonly Vector[]): Promise<void> {
  const recorded: Vector[] = [];
  for (const vector of vectors) recorded.push(await recordVector(vector, (options) => new KernelParty(options)));
  const head = {
    kernel: `Linux ${release()} ${process.arch}`,
    subsystem: 'nf_conntrack_netlink',
    normalised: 'nlmsg_pid of every reply header set to 0',
  };
  const lines = recorded.map((vector) => `  ${JSON.stringify(vector)}`).join(',\n');
  writeFileSync(join(folder, name), `${JSON.stringify(head).slice(0, -1)}, "vectors": [\n${lines}\n]}\n`);
  console.log(`${name}: ${recorded.length} vectors`);
}

mkdirSync(folder, { recursive: true });
await record('01-attributes.json', [...lengths(1, 28), ...lengths(2, 12)]);
const random = fc.sample(randomConntrackVector, { numRuns: 250, seed: 20_261_120 });
await record(
  '02-random.json',
  random.map((vector, i) => ({ ...vector, name: `random-${i + 1}` })),
);
