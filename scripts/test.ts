/**
 * npm test [-- WORD…]           the tests next to the code, of the scripts and of the examples
 * npm run interop [-- WORD…]    the real programs against this checkout
 * With words, only the files whose path contains one of them; !WORD excludes files.
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const [first, ...rest] = process.argv.slice(2);
const interop = first === 'interop';
const words = interop || first === undefined ? rest : [first, ...rest];

const unwanted = words.filter((word) => word.startsWith('!'));
const wanted = words.filter((word) => !word.startsWith('!'));

const globs = interop
  ? ['test/interop/**/*.test.ts']
  : ['packages/*/src/**/*.test.ts', 'scripts/**/*.test.ts', 'test/*.test.ts', 'examples/**/*.test.ts'];
const files = globSync(globs, { cwd: root })
  .filter((file) => wanted.length === 0 || wanted.some((word) => file.includes(word)))
  .filter((file) => !unwanted.some((word) => file.includes(word.slice(1))))
  .sort();
if (files.length === 0) {
  console.error(`no test file${words.length === 0 ? '' : ` with ${words.join(' or ')} in its path`}`);
  process.exit(2);
}

const concurrency = interop ? 1 : Math.max(2, availableParallelism());
const tests = spawn(
  process.execPath,
  ['--conditions=@ring3/source', '--test', `--test-concurrency=${concurrency}`, `--test-timeout=${interop ? 600_000 : 60_000}`, ...files],
  {
    cwd: root,
    stdio: 'inherit',
    env: { NODE_COMPILE_CACHE: resolve(root, 'node_modules/.cache/compile'), ...process.env },
  },
);
tests.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 0 : 1)));
