/**
 * npm run bench [-- NAME… [OPTION…]]   runs bench/NAME.ts, all of them without a name; options go to each
 * The last results of each are kept beside it, in bench/NAME.md.
 */
import { spawn } from 'node:child_process';
import { existsSync, globSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';

const folder = resolve(import.meta.dirname, '../bench');
const given = process.argv.slice(2);
const firstOption = given.findIndex((word) => word.startsWith('-'));
const names = firstOption < 0 ? given : given.slice(0, firstOption);
const options = firstOption < 0 ? [] : given.slice(firstOption);
// a benchmark is a program whose results are kept; the others in the folder are parts of it
const all = globSync('*.md', { cwd: folder })
  .map((file) => basename(file, '.md'))
  .sort();

for (const name of names.length > 0 ? names : all) {
  if (!existsSync(join(folder, `${name}.ts`))) {
    console.error(`no bench/${name}.ts; there are: ${all.join(' ')}`);
    process.exit(2);
  }
  console.log(`# ${name}\n`);
  const child = spawn(process.execPath, ['--conditions=source', join(folder, `${name}.ts`), ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    process.stdout.write(text);
  });
  const status = await new Promise((done) => child.once('close', done));
  if (status !== 0) process.exit(1);
  if (options.length === 0) writeFileSync(join(folder, `${name}.md`), `# ${name}\n\n${output}`);
}
