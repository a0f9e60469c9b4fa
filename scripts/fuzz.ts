/**
 * npm run fuzz [-- NAME… [--seconds N] [--count N] [--seed N]]   runs test/fuzz/NAME.ts; default: 20 seconds, or the file's `inputs`
 * npm run fuzz -- NAME --replay FILE                              one saved input again
 * Every line contains the seed that repeats it. An input that breaks a property is saved as hexadecimal in tmp/fuzz, and should become a
 * test.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Fuzz } from '../test/fuzz/fuzzing.ts';
import { readOptions, text, whole, wrongUsage } from './options.ts';

const root = resolve(import.meta.dirname, '..');
const folder = join(root, 'test/fuzz');
const usage = 'npm run fuzz -- [NAME…] [--seconds N] [--count N] [--seed N], or NAME --replay FILE';
const { values, words } = readOptions({
  usage,
  maxWords: Number.POSITIVE_INFINITY,
  options: { seconds: whole(1, 604_800), count: whole(1, 1e15), seed: whole(0, 0x7fffffff), replay: text },
});
/** The amount of work: the command line's, else the number of inputs in the file's `export const inputs`, else a time. */
function bounds(inputs: number | undefined): { count: number; milliseconds: number } {
  const { count, seconds } = values;
  if (count !== undefined) return { count, milliseconds: Number.POSITIVE_INFINITY };
  if (seconds === undefined && inputs !== undefined) return { count: inputs, milliseconds: Number.POSITIVE_INFINITY };
  return { count: Number.POSITIVE_INFINITY, milliseconds: (seconds ?? 20) * 1000 };
}
const first = values.seed ?? Date.now() % 1_000_000;
const all = readdirSync(folder)
  .map((file) => file.slice(0, -'.ts'.length))
  .filter((name) => name !== 'fuzzing');
const unknown = words.find((name) => !all.includes(name));
if (unknown !== undefined) wrongUsage(`no test/fuzz/${unknown}.ts, known: ${all.join(' ')}`, usage);
const saved = values.replay === undefined ? undefined : readInput(values.replay);

/** The bytes of a saved input. Ends the program if the file contains none. */
function readInput(file: string): Uint8Array {
  if (words.length !== 1) wrongUsage('--replay: requires the name of one target', usage);
  const hex = existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
  if (hex === undefined || !/^(?:[0-9a-f]{2})*$/i.test(hex))
    wrongUsage(`--replay: ${JSON.stringify(file)} is not a file of hexadecimal digits`, usage);
  return new Uint8Array(Buffer.from(hex, 'hex'));
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

for (const name of words.length > 0 ? words : all) {
  const { fuzz, inputs } = (await import(join(folder, `${name}.ts`))) as { fuzz: Fuzz; inputs?: number };
  if (saved === undefined) await run(name, fuzz, inputs);
  else {
    await fuzz.replay(saved);
    console.log(`${name}: ${saved.length} bytes, no property broken`);
  }
}
