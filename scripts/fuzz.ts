/**
 * npm run fuzz [-- NAME… [--seconds N] [--count N] [--seed N]]   runs test/fuzz/NAME.ts; default: 20 seconds, or the file's `inputs`
 * npm run fuzz -- NAME --replay FILE                              one saved input again
 * Every line contains the seed that repeats it. An input that breaks a property is saved as hexadecimal in tmp/fuzz, and should become a
 * test.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Fuzz } from '../test/fuzz/fuzzing.ts';

const root = resolve(import.meta.dirname, '..');
const folder = join(root, 'test/fuzz');
const text = { type: 'string' } as const;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: text, count: text, seed: text, replay: text },
});
/** The amount of work: the command line's, else the number of inputs in the file's `export const inputs`, else a time. */
function bounds(inputs: number | undefined): { count: number; milliseconds: number } {
  const { count, seconds } = values;
  if (count !== undefined) return { count: Number(count), milliseconds: Number.POSITIVE_INFINITY };
  if (seconds === undefined && inputs !== undefined) return { count: inputs, milliseconds: Number.POSITIVE_INFINITY };
  return { count: Number.POSITIVE_INFINITY, milliseconds: Number(seconds ?? 20) * 1000 };
}
const first = Number(values.seed ?? Date.now() % 1_000_000);
const all = readdirSync(folder)
  .map((file) => file.slice(0, -'.ts'.length))
  .filter((name) => name !== 'fuzzing');
const unknown = positionals.find((name) => !all.includes(name));
if (unknown !== undefined) {
  console.error(`no test/fuzz/${unknown}.ts; known: ${all.join(' ')}`);
  process.exit(2);
}

/** Saves the input of an error. */
function save(name: string, seed: number, error: unknown): void {
  console.error(`${name} seed ${seed}:`, error);
  const input = (error as { input?: Uint8Array }).input;
  if (input === undefined) return;
  const file = join(root, 'tmp/fuzz', `${name}-${seed}.hex`);
  mkdirSync(join(root, 'tmp/fuzz'), { recursive: true });
  writeFileSync(file, `${Buffer.from(input).toString('hex')}\n`);
  console.error(`the input: ${file}`);
}

/** Runs rounds of growing length until the time or the number is reached. */
async function run(name: string, fuzz: Fuzz, inputs: number | undefined): Promise<void> {
  const { count, milliseconds } = bounds(inputs);
  const end = performance.now() + milliseconds;
  let [done, seed, turn] = [0, first, 500];
  for (; done < count && performance.now() < end; seed++) {
    const start = performance.now();
    try {
      done += await fuzz(Math.min(turn, count - done), seed);
    } catch (error) {
      process.exitCode = 1;
      return save(name, seed, error);
    }
    if (performance.now() - start < 1000) turn = Math.min(turn * 2, 1_000_000);
  }
  console.log(`${name} seeds ${first} to ${seed - 1}: ${done} inputs, no property broken`);
}

for (const name of positionals.length > 0 ? positionals : all) {
  const { fuzz, inputs } = (await import(join(folder, `${name}.ts`))) as { fuzz: Fuzz; inputs?: number };
  if (values.replay === undefined) await run(name, fuzz, inputs);
  else await fuzz.replay(new Uint8Array(Buffer.from(readFileSync(values.replay, 'utf8').trim(), 'hex')));
}
