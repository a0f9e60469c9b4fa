/**
 * node --conditions=@ring3/source scripts/draw-man.ts [--to DIRECTORY]
 * Writes the manual pages of ring3 to a directory, by default packages/cli/man, which the package of the command contains.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { manPages } from './man-pages.ts';
import { readOptions, text } from './options.ts';

const { values } = readOptions({
  usage: 'node --conditions=@ring3/source scripts/draw-man.ts [--to DIRECTORY]',
  options: { to: text },
});
const directory = resolve(values.to ?? join(import.meta.dirname, '../packages/cli/man'));
rmSync(directory, { recursive: true, force: true });
mkdirSync(directory, { recursive: true });
for (const [name, page] of manPages()) writeFileSync(join(directory, name), page);
