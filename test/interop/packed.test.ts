import { deepStrictEqual, match, ok, strictEqual } from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { need } from './programs.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../..');

/** Packs every package of a fresh clone and installs the tarballs into an empty project, as a user of the published packages does. */
async function installPacked(t: TestContext): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-packed-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const clone = join(folder, 'clone');
  await run('git', ['clone', '--quiet', root, clone]);
  await run('npm', ['pack', '--silent', '--workspaces', '--pack-destination', folder], { cwd: clone });
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  const tarballs = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  await run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...tarballs.map((name) => `./${name}`)], { cwd: folder });
  return folder;
}

/** A tarball has a licence, no source map, and exports that publint and "Are the types wrong" accept; ring3 is ESM only. */
async function checkTarball(file: string): Promise<void> {
  const files = (await run('tar', ['-tzf', file])).stdout.split('\n');
  for (const wanted of ['package/LICENSE', 'package/README.md', 'package/dist/index.js', 'package/dist/index.d.ts'])
    ok(files.includes(wanted), `${file} has no ${wanted}`);
  deepStrictEqual(
    files.filter((name) => /\.map$|\.test\.|tsbuildinfo$/.test(name)),
    [],
    file,
  );
  await run('npx', ['--yes', 'publint@0.3.25', 'run', file, '--strict']);
  await run('npx', ['--yes', '-p', '@arethetypeswrong/cli@0.18.5', 'attw', file, '--profile', 'esm-only']);
}

test('packed in a fresh clone and installed elsewhere, ring3 serves, runs programs, and can be embedded as a library', {
  timeout: 300_000,
  ...need('nfct', 'gcc', 'git'),
}, async (t) => {
  const folder = await installPacked(t);
  for (const name of readdirSync(folder).filter((name) => name.endsWith('.tgz'))) await checkTarball(join(folder, name));
  const ring3 = join(folder, 'node_modules', '.bin', 'ring3');
  match((await run(ring3, ['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);

  const shared = join(folder, 'shared');
  mkdirSync(shared);
  writeFileSync(join(shared, 'hello.txt'), 'hello\n');
  const sockets = ['--control', join(folder, 'c.sock'), '--netlink', join(folder, 'n.sock'), '--state-dir', join(folder, 'state')];
  const server = spawn(ring3, ['serve', shared, '--port', '0', '--user', 'anna:secret', ...sockets], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => server.kill('SIGKILL'));
  const [line] = (await once(createInterface({ input: server.stdout }), 'line')) as [string];
  match(line, /^ready smb=127\.0\.0\.1:\d+ control=\S+ netlink=\S+$/);
  match((await run(ring3, ['ctl', '--control', join(folder, 'c.sock'), 'stats'])).stdout, /^2 running \d+ \d+\n$/);
  const exec = ['exec', '--netlink', join(folder, 'n.sock'), '--state-dir', join(folder, 'state'), '--'];
  await run(ring3, [...exec, 'nfct', 'add', 'timeout', 'web', 'inet', 'tcp', 'established', '100']);
  match((await run(ring3, [...exec, 'nfct', 'list', 'timeout'])).stdout, /^\.web = \{[^}]*\.ESTABLISHED = 100,/);
  server.kill('SIGTERM');
  strictEqual((await once(server, 'exit'))[0], 0);

  writeFileSync(
    join(folder, 'embed.js'),
    `import { createSmbServer } from '@ring3/smb-server';
     import { createMemoryStore } from '@ring3/vfs';
     const server = await createSmbServer({ shares: { stuff: createMemoryStore() }, users: { anna: 'secret' } });
     console.log(server.address.port > 0);
     await server.close();`,
  );
  strictEqual((await run(process.execPath, ['embed.js'], { cwd: folder })).stdout, 'true\n');

  // package.json requires Node 22.18 or later; there must be no warning, including by the state database
  const old = (...words: string[]) => run('npx', ['--yes', '-p', 'node@22', 'node', ...words], { cwd: folder });
  match((await old('--version')).stdout, /^v22\./);
  strictEqual((await old('embed.js')).stdout, 'true\n');
  const user = await old('node_modules/ring3/bin/ring3.js', 'user', 'list', '--state-dir', join(folder, 'state'));
  strictEqual(user.stderr, '');
});
