/** Checks the imports of the packages, and that the documents refer to existing files. */
import { deepEqual, ok } from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}
const directories = globSync('packages/*', { cwd: root }).sort();
const manifests = new Map(directories.map((directory) => [directory, JSON.parse(read(`${directory}/package.json`)) as Manifest]));
/** Development dependencies of the workspace, which tests may import. */
const shared = Object.keys((JSON.parse(read('package.json')) as Manifest).devDependencies ?? {});

/** The specifiers of a module's static and dynamic imports, and of import types. */
function importsOf(text: string): string[] {
  const code = text.replace(/^\s*(\*|\/\/|\/\*).*$/gm, '');
  const found = code.matchAll(/(?:^\s*(?:import|export)\b[^'"`;]*?from\s*|^\s*import\s*|\bimport\(\s*)['"]([^'"]+)['"]/gm);
  return [...found].map(([, specifier = '']) => specifier);
}
const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

/** The packages that the files of a directory import, with one file for each. */
function importedBy(directory: string, tests: boolean): Map<string, string> {
  const imported = new Map<string, string>();
  for (const file of globSync(`${directory}/src/**/*.ts`, { cwd: root })) {
    const isTest = /\.test\.ts$|\/testing(\.ts$|\/)/.test(file);
    if (isTest !== tests) continue;
    for (const specifier of importsOf(read(file))) {
      if (specifier.startsWith('.') || specifier.startsWith('node:') || builtinModules.includes(specifier)) continue;
      imported.set(packageOf(specifier), file);
    }
  }
  return imported;
}

for (const [directory, { name, dependencies = {}, devDependencies = {} }] of manifests) {
  test(`${name} imports only what its package.json lists, and lists no workspace package that it does not import`, () => {
    const imported = importedBy(directory, false);
    const undeclared = [...imported].filter(([needed]) => needed !== name && !Object.hasOwn(dependencies, needed));
    deepEqual(undeclared, [], 'imported, but not a dependency');
    const unused = Object.keys(dependencies).filter((needed) => needed.startsWith('@ring3/') && !imported.has(needed));
    deepEqual(unused, [], 'a dependency, but not imported');
    const inTests = [...importedBy(directory, true)].filter(
      ([needed]) => needed !== name && !shared.includes(needed) && !Object.hasOwn({ ...dependencies, ...devDependencies }, needed),
    );
    deepEqual(inTests, [], 'imported by tests, but not a dependency');
  });
}

test('the dependencies of the packages have no cycle', () => {
  const needs = new Map([...manifests.values()].map(({ name, dependencies }) => [name, Object.keys(dependencies ?? {})]));
  const cycles: string[] = [];
  const follow = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) cycles.push([...path.slice(path.indexOf(name)), name].join(' → '));
    else for (const next of needs.get(name) ?? []) follow(next, [...path, name]);
  };
  for (const name of needs.keys()) follow(name, []);
  deepEqual(cycles, []);
});

/** The floors of the SMB server, from the lowest; a file may import from its own floor and from those below. Types count as well. */
const floors = ['values', 'state', 'objects', 'pipe', 'request', 'message', 'links', 'commands', 'connection', 'server'];
test('a file of the SMB server imports only from its own floor and from lower ones', () => {
  const source = join(root, 'packages/smb-server/src');
  const floorOf = (file: string): number => (file.includes('/') ? floors.indexOf(file.split('/')[0] ?? '') : floors.length);
  const found: string[] = [];
  for (const file of globSync('**/*.ts', { cwd: source })) {
    if (/\.test\.ts$|^(testing|behaviour)\//.test(file)) continue;
    ok(floorOf(file) >= 0, `${file}: no floor has this directory`);
    const imports = importsOf(readFileSync(join(source, file), 'utf8')).filter((specifier) => specifier.startsWith('.'));
    for (const specifier of imports) {
      const target = relative(source, resolve(source, dirname(file), specifier));
      if (floorOf(target) > floorOf(file)) found.push(`${file} → ${target}`.replaceAll('.ts', ''));
    }
  }
  deepEqual(found, []);
});

/** Files of a package that import each other in a circle, by package: the sizes of the circles that are left. They may only become smaller. */
const circles: Readonly<Record<string, readonly number[]>> = {
  'packages/smb-client': [6],
  'packages/smb-server': [16, 3],
};

/** The strongly connected components of more than one file (Tarjan's algorithm), types included. */
function circlesOf(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const path: string[] = [];
  const found: string[][] = [];
  const visit = (file: string): number => {
    order.set(file, order.size);
    lowest.set(file, order.get(file) as number);
    path.push(file);
    for (const target of imports.get(file) ?? []) {
      const low = order.has(target) ? (path.includes(target) ? (order.get(target) as number) : Infinity) : visit(target);
      lowest.set(file, Math.min(lowest.get(file) as number, low));
    }
    if (lowest.get(file) === order.get(file)) found.push(path.splice(path.indexOf(file)));
    return lowest.get(file) as number;
  };
  for (const file of imports.keys()) if (!order.has(file)) visit(file);
  return found.filter(({ length }) => length > 1);
}

for (const directory of directories) {
  test(`the files of ${directory} have no import cycle, or one that is known and not larger`, () => {
    const files = globSync(`${directory}/src/**/*.ts`, { cwd: root }).filter((file) => !/\.test\.ts$|\/testing(\.ts$|\/)/.test(file));
    const imports = new Map(
      files.map((file) => {
        const local = importsOf(read(file)).filter((specifier) => specifier.startsWith('.'));
        return [file, local.map((specifier) => relative(root, resolve(root, dirname(file), specifier)))] as const;
      }),
    );
    const found = circlesOf(imports).sort((a, b) => b.length - a.length);
    const known = circles[directory] ?? [];
    for (const [n, circle] of found.entries()) ok(circle.length <= (known[n] ?? 0), circle.join(' → '));
  });
}

const pages = globSync(['*.md', 'docs/**/*.md', 'packages/*/README.md', 'deploy/*.md', 'bench/*.md', '.github/**/*.md'], {
  cwd: root,
}).sort();
const withoutCode = (text: string): string => text.replace(/^```.*?^```/gms, '').replace(/`[^`\n]*`/g, '');

test('relative links of the documents lead to files, and to headings that exist', () => {
  const anchors = (page: string): string[] =>
    [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    );
  const broken: string[] = [];
  for (const page of pages) {
    for (const [, target = ''] of withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      if (!existsSync(join(root, file)) || (anchor !== undefined && file.endsWith('.md') && !anchors(file).includes(anchor)))
        broken.push(`${page}: ${target}`);
    }
  }
  deepEqual(broken, []);
});

test('paths of the repository that documents and comments name exist', () => {
  const sources = globSync(
    ['packages/*/src/**/*.ts', 'test/**/*.ts', 'scripts/*.ts', 'bench/*.ts', 'examples/*.ts', 'packages/cli/bin/*.js'],
    { cwd: root },
  );
  const named =
    /(?<![\w/.@-])(?:docs|test|scripts|bench|examples|deploy|packages)\/[\w./-]*\w\.(?:ts|js|md|json|sh|svg|txt|service|toml)\b/g;
  const missing: string[] = [];
  for (const file of [...pages, ...sources]) {
    const text = file.endsWith('.md') ? read(file) : (read(file).match(/\/\*\*?[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm) ?? []).join('\n');
    for (const [path] of text.matchAll(named)) {
      const inPackage = join(file.split('/').slice(0, 2).join('/'), path);
      if (!/[A-Z]{3,}\./.test(path) && !existsSync(join(root, path)) && !existsSync(join(root, inPackage)))
        missing.push(`${file}: ${path}`);
    }
  }
  // This page shortens: S/ is smb-server/src/, and packages/ is left out.
  for (const [, path = ''] of read('docs/security-properties.md').matchAll(/`((?:S|[a-z-]+\/src)\/[\w./-]*\.ts)\b/g)) {
    const file = `packages/${path.replace(/^S\//, 'smb-server/src/')}`;
    if (!existsSync(join(root, file))) missing.push(`docs/security-properties.md: ${path}`);
  }
  deepEqual(missing, []);
});

test('docs/interop.md names each test of test/interop, and no other', () => {
  const named = [...read('docs/interop.md').matchAll(/`([\w-]+\.test\.ts)`/g)].map(([, name = '']) => name);
  const existing = globSync('test/interop/*.test.ts', { cwd: root }).map((path) => path.slice('test/interop/'.length));
  deepEqual([...new Set(named)].sort(), existing.sort());
});

test('the numbers of recorded vectors and scenarios in the documents are those of test/golden', () => {
  const count = (directories: readonly string[], kind: 'vectors' | 'scenarios'): number =>
    directories
      .flatMap((directory) => globSync(`test/golden/${directory}/*.json`, { cwd: root }))
      .reduce((sum, file) => sum + ((JSON.parse(read(file)) as Partial<Record<string, unknown[]>>)[kind]?.length ?? 0), 0);
  const numbers = (...counts: number[]): string[] => counts.map((number) => number.toLocaleString('en')).sort();
  const interop = [...read('docs/interop.md').matchAll(/([\d,]+) (?:recorded (?:vectors|scenarios|random sequences)|scenarios)/g)];
  const vectors = ['cttimeout', 'cttimeout-6.1', 'ctnetlink', 'cthelper'].map((directory) => count([directory], 'vectors'));
  const scenarios = [count(['cthelper'], 'scenarios'), count(['conntrack', 'conntrack-random'], 'scenarios')];
  deepEqual(interop.map(([, number = '']) => number).sort(), numbers(...vectors, ...scenarios));
  const readme = [...read('packages/conntrack-netlink/README.md').matchAll(/([\d,]+) recorded vectors/g)];
  deepEqual(
    readme.map(([, number = '']) => number).sort(),
    numbers(...['cttimeout', 'ctnetlink', 'cthelper'].map((directory) => count([directory], 'vectors'))),
  );
});

test('measured figures of the README are figures of docs/performance.md and docs/interop.md', () => {
  const readme = read('README.md');
  const section = readme.slice(readme.indexOf('Measured on '), readme.indexOf('\n\n', readme.indexOf('Measured on ')));
  const performance = read('docs/performance.md');
  const cells = [...performance.matchAll(/(?<=\| )(\d+(?:\.\d+)?)(?= \|)/g)].map(([cell]) => Number(cell));
  const rounded = new Set(cells.flatMap((cell) => [cell.toFixed(1), String(Math.round(cell * 10) / 10), String(Math.round(cell))]));
  const millions = [...performance.replaceAll(',', '').matchAll(/\b\d{7}\b/g)].map(([rate]) => (Number(rate) / 1_000_000).toFixed(1));
  const figures = [...section.matchAll(/(\d+(?:\.\d+)?)(?=,| times| million packets| \(| and)/g)].map(([figure]) => figure);
  ok(figures.length > 5);
  deepEqual(
    figures.filter((figure) => !rounded.has(figure) && !millions.includes(figure)),
    [],
  );
  const [, passed = '', all = '', samba = '', ksmbd = ''] =
    /smbtorture tests passed[^|]*\| (\d+) of (\d+) \| (\d+) of \d+ \| (\d+) of/.exec(readme) ?? [];
  ok(read('docs/interop.md').includes(`| **all** | ${all} | ${passed} | ${samba} | ${ksmbd} |`));
});
