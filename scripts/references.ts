/**
 * Writes each package's tsconfig.json, and the root's, from the dependencies in the package.json files, the only place of these
 * dependencies.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readOptions } from './options.ts';

readOptions({ usage: 'npm run references', options: {} });

const root = new URL('..', import.meta.url);
const packages = readdirSync(new URL('packages', root)).sort();
const manifest = (folder: string): { name: string; dependencies?: Record<string, string>; devDependencies?: Record<string, string> } =>
  JSON.parse(readFileSync(new URL(`packages/${folder}/package.json`, root), 'utf8'));
const folderOf = new Map(packages.map((folder) => [manifest(folder).name, folder]));
const write = (path: string, value: object) => writeFileSync(new URL(path, root), `${JSON.stringify(value, null, 2)}\n`);

for (const folder of packages) {
  const { dependencies, devDependencies } = manifest(folder);
  const references = Object.keys({ ...dependencies, ...devDependencies })
    .map((name) => folderOf.get(name))
    .filter((needed) => needed !== undefined)
    .sort()
    .map((needed) => ({ path: `../${needed}` }));
  write(`packages/${folder}/tsconfig.json`, { extends: '../../tsconfig.base.json', references });
}
write('tsconfig.json', { files: [], references: [...packages.map((folder) => ({ path: `packages/${folder}` })), { path: 'scripts' }] });
write('scripts/tsconfig.json', {
  extends: '../tsconfig.base.json',
  compilerOptions: {
    noEmit: true,
    allowImportingTsExtensions: true,
    rewriteRelativeImportExtensions: false,
    rootDir: '..',
    composite: false,
    tsBuildInfoFile: null,
  },
  include: ['./**/*.ts', '../test/**/*.ts', '../bench/**/*.ts', '../examples/**/*.ts'],
  references: packages.map((folder) => ({ path: `../packages/${folder}` })),
});
