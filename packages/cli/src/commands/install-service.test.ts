import { deepStrictEqual, match, strictEqual } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { serviceFiles } from '../service/service-files.ts';

const bin = new URL('../../bin/ring3.js', import.meta.url).pathname;

function place(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'ring3-service-'));
  t.after(() => rmSync(root, { recursive: true }));
  const files = (user: boolean, ...command: string[]) => serviceFiles({ user, root, env: { XDG_CONFIG_HOME: '/config' } }, command);
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [bin, 'install-service', '--root', root, ...args], {
      encoding: 'utf8',
      env: { ...process.env, XDG_CONFIG_HOME: '/config' },
    });
  return { root, files, run, there: () => globSync('**/*.*', { cwd: root }).sort() };
}

test('the files of a service of the system and of a user, with the command that is installed', (t) => {
  const { root, files } = place(t);
  const paths = (user: boolean) => files(user, '/usr/bin/ring3').map(({ path }) => path.slice(root.length));
  deepStrictEqual(paths(false), [
    '/etc/systemd/system/ring3.service',
    '/etc/systemd/system/ring3.socket',
    '/etc/sysusers.d/ring3.conf',
    '/etc/ring3/ring3.toml',
  ]);
  deepStrictEqual(paths(true), ['/config/systemd/user/ring3.service', '/config/systemd/user/ring3.socket', '/config/ring3/ring3.toml']);
  for (const user of [false, true]) {
    const unit = files(user, '/opt/a b/node', '/opt/100%/$x')[0]?.text ?? '';
    match(unit, /^ExecStart="\/opt\/a b\/node" \/opt\/100%%\/\$\$x serve --config %E\/ring3\/ring3\.toml /m);
    match(unit, /^ExecReload="\/opt\/a b\/node" \/opt\/100%%\/\$\$x ctl .*reload$/m);
  }
});

test('--print writes nothing; a user service is written once, and another file at its place is kept', (t) => {
  const { files, run, there } = place(t);
  const printed = run('--user', '--print');
  strictEqual(printed.status, 0);
  for (const { path, text } of files(true, process.execPath, bin)) strictEqual(printed.stdout.includes(`# ${path}\n${text}`), true, path);
  deepStrictEqual(there(), []);
  const first = run('--user');
  deepStrictEqual([first.status, first.stderr], [0, '']);
  match(first.stdout, /^written \S+ring3\.service\nwritten \S+ring3\.socket\nwritten \S+ring3\.toml\nnext: edit \S+ring3\.toml, then\n/);
  const [service, , example] = files(true, process.execPath, bin).map(({ path }) => path) as [string, string, string];
  strictEqual(statSync(example).mode & 0o777, 0o600);
  appendFileSync(example, '# mine\n');
  const second = run('--user');
  deepStrictEqual([second.status, second.stdout.split('\n').filter((line) => line.startsWith('kept')).length], [0, 3]);
  match(readFileSync(example, 'utf8'), /# mine\n$/);
  appendFileSync(service, '# mine\n');
  rmSync(example);
  const third = run('--user');
  deepStrictEqual([third.status, third.stdout], [1, '']);
  match(
    third.stderr,
    /^ring3: \S+ring3\.service: there is another file, and nothing was written: compare it with "ring3 install-service --user --print", or remove it\n$/,
  );
  strictEqual(existsSync(example), false);
});

test('systemd accepts the units', {
  skip: spawnSync('systemd-analyze', ['--version']).status !== 0 && 'systemd-analyze is not installed',
}, (t) => {
  const { root, files } = place(t);
  for (const user of [false, true]) {
    const units = files(user, process.execPath, bin).slice(0, 2);
    for (const { path, text } of units) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
    const { status, stdout, stderr } = spawnSync(
      'systemd-analyze',
      [user ? '--user' : '--system', 'verify', ...units.map(({ path }) => path)],
      {
        encoding: 'utf8',
        env: { ...process.env, XDG_RUNTIME_DIR: root },
      },
    );
    deepStrictEqual([user, status, stdout, stderr], [user, 0, '', '']);
  }
});
