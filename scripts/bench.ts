/**
 * npm run bench [-- NAME… [OPTION…]]   runs bench/NAME.ts, default all; the options are passed to each
 * A run without options writes its results to bench/NAME.md.
 */
import { spawn } from 'node:child_process';
import { globSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { skipped } from '../bench/machine.ts';

const directory = resolve(import.meta.dirname, '../bench');
const given = process.argv.slice(2);
const firstOption = given.findIndex((word) => word.startsWith('-'));
const names = firstOption < 0 ? given : given.slice(0, firstOption);
const options = firstOption < 0 ? [] : given.slice(firstOption);
// a benchmark is a program with results; the other files of the directory are parts of benchmarks
const all = globSync('*.md', { cwd: directory })
  .map((file) => basename(file, '.md'))
  .sort();

const unknown = names.find((name) => !all.includes(name));
if (unknown !== undefined) {
  console.error(`no benchmark bench/${unknown}.ts; there are: ${all.join(' ')}`);
  process.exit(2);
}

for (const name of names.length > 0 ? names : all) {
  console.log(`# ${name}\n`);
  const child = spawn(process.execPath, ['--conditions=@ring3/source', join(directory, `${name}.ts`), ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    process.stdout.write(text);
  });
  const status = await new Promise((done) => child.once('close', done));
  if (status === skipped) continue;
  if (status !== 0) process.exit(status === 2 ? 2 : 1);
  if (options.length === 0) writeFileSync(join(directory, `${name}.md`), `# ${name}\n\n${output}`);
}
