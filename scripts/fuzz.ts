/**
 * npm run fuzz [-- NAME… [--count N] [--seed N]]   runs test/fuzz/NAME.ts: ten million inputs each unless said
 * A crash names its seed; the input that made it belongs into test/golden.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** What each file of test/fuzz exports. */
type Fuzz = (count: number, seed: number) => number | Promise<number>;

const folder = resolve(import.meta.dirname, '../test/fuzz');
const { values, positionals } = parseArgs({ allowPositionals: true, options: { count: { type: 'string' }, seed: { type: 'string' } } });
const count = Number(values.count ?? 10_000_000);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
/** Inputs between two lines of progress. */
const turn = 1_000_000;

const names = positionals.length > 0 ? positionals : ['conntrack-packets', 'netlink-datagrams'];
for (const name of names) {
  const { fuzz } = (await import(resolve(folder, `${name}.ts`))) as { fuzz: Fuzz };
  for (let done = 0, i = 0; done < count; i++) {
    console.log(`${name} seed ${seed + i}: from ${done}`);
    done += await fuzz(Math.min(turn, count - done), seed + i);
  }
}
