import { ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';

const root = resolve(import.meta.dirname, '..');
mkdirSync(join(root, 'tmp'), { recursive: true });
const folder = mkdtempSync(join(root, 'tmp', 'readme-')); // inside the workspace, so that the examples find its packages
after(() => rmSync(folder, { recursive: true }));

/** The TypeScript examples of a page, in order. */
const examples = (page: string): string[] =>
  [...readFileSync(page, 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code as string);

/** Runs each in a process of its own; an example that waits for something from outside would hang, and fails. */
function runAll(page: string, name: string): void {
  for (const [i, code] of examples(page).entries()) {
    const file = join(folder, `${name}-${i}.ts`);
    writeFileSync(file, code);
    const { status, stderr } = spawnSync(process.execPath, ['--conditions=source', file], { encoding: 'utf8', timeout: 20_000 });
    ok(status === 0, stderr);
  }
}

for (const name of readdirSync(join(root, 'packages')).sort()) {
  test(`the example of packages/${name}/README.md runs as written`, () => {
    const page = join(root, 'packages', name, 'README.md');
    ok(existsSync(page), 'each package has a README');
    runAll(page, name);
  });
}

test('the examples of the README run as written', () => runAll(join(root, 'README.md'), 'root'));
