/**
 * The `prepack` script of each package: builds it, removes output of deleted sources, and adds the licence and what a package contains of other directories, so that `npm pack` and `npm publish` give
 * a complete package also in a fresh clone.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, globSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const directory = process.cwd();

const build = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b'], { cwd: directory, stdio: 'inherit' });
if (build.status !== 0) process.exit(1);
for (const output of globSync('dist/**/*.{js,d.ts,map}', { cwd: directory })) {
  const source = output.replace(/^dist/, 'src').replace(/(\.d\.ts|\.js)(\.map)?$/, '.ts');
  if (output.endsWith('.map') || !existsSync(join(directory, source))) rmSync(join(directory, output));
}
copyFileSync(join(root, 'LICENSE'), join(directory, 'LICENSE'));

const { files } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { files: string[] };
if (files.includes('deploy')) {
  // the command comes with the unit files, the schema of its configuration and the manual pages
  cpSync(join(root, 'deploy'), join(directory, 'deploy'), { recursive: true });
  copyFileSync(join(root, 'docs/ring3.schema.json'), join(directory, 'ring3.schema.json'));
  const pages = spawnSync(process.execPath, ['--conditions=@ring3/source', join(root, 'scripts/draw-man.ts')], { stdio: 'inherit' });
  if (pages.status !== 0) process.exit(1);
}
