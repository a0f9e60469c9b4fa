import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { need } from './programs.ts';
import { type Ring3, serveRing3 } from './ring3.ts';
import { smbclient } from './smbclient.ts';

type Line = Readonly<Record<string, unknown>>;
const linesIn = (path: string): Line[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));

describe('the audit of what smbclient does', need('smbclient'), () => {
  let folder: string;
  let server: Ring3;
  const audit = (): string => join(folder, 'log', 'audit');
  const configure = (more = ''): string => {
    const file = join(folder, 'ring3.toml');
    const shares = `[share.watched]\npath = "watched"\naudit = true\n[share.mine]\npath = "watched"\nusers = ["boss"]\naudit = true\n[share.free]\npath = "free"\n`;
    writeFileSync(file, `${shares}[share.look]\npath = "look"\nread-only = true\naudit = true\n[audit]\npath = "log/audit"\n${more}`);
    return file;
  };
  const start = async (more = ''): Promise<void> => {
    server = await serveRing3(['--config', configure(more), '--user', 'anna:secret', '--user', 'boss:secret']);
  };
  const run = async (share: string, commands: string[], user = 'anna%secret'): Promise<string> =>
    (await smbclient(commands, { port: server.port, share, user, folder })).output;
  /** The audit records, after the daemon has ended. */
  const told = async (): Promise<Line[]> => {
    await server[Symbol.asyncDispose]();
    return linesIn(audit());
  };

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'ring3-audit-'));
    for (const name of ['watched', 'free', 'look']) mkdirSync(join(folder, name));
    writeFileSync(join(folder, 'there'), 'a hundred bytes '.repeat(7).slice(0, 100));
    writeFileSync(join(folder, 'look', 'me'), '');
  });
  after(() => rmSync(folder, { recursive: true }));

  test('put, get, rename, delete and rejected requests are recorded with user, address and file', async () => {
    await start();
    await run('watched', ['mkdir d', 'put there d\\there', 'get d\\there back', 'rename d\\there d\\moved', 'del d\\moved', 'rmdir d']);
    await run('free', ['put there there', 'del there']);
    assert.match(await run('mine', ['ls']), /NT_STATUS_ACCESS_DENIED/);
    assert.match(await run('look', ['put there new']), /NT_STATUS_(ACCESS_DENIED|MEDIA_WRITE_PROTECTED)/);
    assert.match(await run('watched', ['ls'], 'anna%wrong'), /NT_STATUS_LOGON_FAILURE/);
    const lines = await told();
    for (const { time, user, address } of lines) {
      assert.ok(Math.abs(Date.parse(String(time)) - Date.now()) < 60_000);
      assert.equal(user, 'anna');
      assert.match(String(address), /^127\.0\.0\.1:\d+$/);
    }
    assert.deepEqual(
      lines.filter(({ share }) => share === 'free'),
      [],
    );
    const files = lines.filter(({ share, path }) => share === 'watched' && /^d\\/.test(String(path)));
    assert.deepEqual(
      files
        .filter(({ what, action }) => what !== 'open' || action !== 'opened')
        .map(({ what, path, action, to, bytesRead, bytesWritten }) => ({ what, path, action, to, bytesRead, bytesWritten })),
      [
        { what: 'open', path: 'd\\there', action: 'created' },
        { what: 'write', path: 'd\\there' },
        { what: 'close', path: 'd\\there', bytesRead: 0, bytesWritten: 100 },
        { what: 'close', path: 'd\\there', bytesRead: 100, bytesWritten: 0 },
        { what: 'rename', path: 'd\\there', to: 'd\\moved' },
        { what: 'close', path: 'd\\moved', bytesRead: 0, bytesWritten: 0 },
        { what: 'close', path: 'd\\moved', bytesRead: 0, bytesWritten: 0 },
        { what: 'delete', path: 'd\\moved' },
      ].map((line) => ({ action: undefined, to: undefined, bytesRead: undefined, bytesWritten: undefined, ...line })),
    );
    assert.ok(lines.some(({ what, path }) => what === 'delete' && path === 'd'));
    assert.deepEqual(
      lines.filter(({ what }) => what === 'refused').map(({ share, path, command, status }) => [share, path, command, status]),
      [
        ['mine', '', 'TreeConnect', 'AccessDenied'],
        ['look', 'new', 'Create', 'AccessDenied'],
      ],
    );
    assert.ok(lines.some(({ what, status, session }) => what === 'log-on' && status === 'LogonFailure' && session === 0));
    assert.equal(statSync(audit()).mode & 0o777, 0o600);
  });

  test('the file is rotated at its size limit and the configured number is kept; no line is torn', async () => {
    await start('size = 4096\nkeep = 2\n');
    const names = Array.from({ length: 30 }, (_, i) => `file-${i}`);
    for (let round = 0; round < 20 && !existsSync(`${audit()}.2`); round++)
      await run(
        'watched',
        names.flatMap((name) => [`put there ${name}`, `del ${name}`]),
      );
    await told();
    assert.deepEqual(readdirSync(join(folder, 'log')).sort(), ['audit', 'audit.1', 'audit.2']);
    for (const suffix of ['', '.1', '.2']) for (const line of linesIn(audit() + suffix)) assert.equal(typeof line['what'], 'string');
  });

  test('a reload disables and enables it for a share', async () => {
    rmSync(join(folder, 'log'), { recursive: true });
    await start('kinds = ["delete"]\n');
    await run('watched', ['put there a', 'del a']);
    writeFileSync(configure(), readFileSync(configure(), 'utf8').replaceAll('audit = true\n', ''));
    const { askControl } = await import('@ring3/daemon/control');
    await askControl(server.at['control'] as string, 'reload', {});
    await run('watched', ['put there b', 'del b']);
    configure('kinds = ["delete"]\n');
    await askControl(server.at['control'] as string, 'reload', {});
    await run('watched', ['put there c', 'del c']);
    assert.deepEqual(
      (await told()).map(({ what, path }) => [what, path]),
      [
        ['delete', 'a'],
        ['delete', 'c'],
      ],
    );
  });
});

const privileged = spawnSync('unshare', ['-m', 'true']).status === 0;

describe('an audit on a full disk', privileged ? need('smbclient') : { skip: 'requires the right to mount' }, () => {
  test('is reported once and stops no client; when there is space again, the number of lost records is reported, and no line is torn', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ring3-full-'));
    try {
      for (const name of ['share', 'log']) mkdirSync(join(folder, name));
      writeFileSync(join(folder, 'there'), 'x');
      const file = join(folder, 'ring3.toml');
      writeFileSync(file, '[share.share]\npath = "share"\naudit = true\n[audit]\npath = "log/audit"\nsize = 1000000\n');
      const mount = [
        'unshare',
        '-m',
        'sh',
        '-c',
        `mount -t tmpfs -o size=1m tmpfs ${folder}/log && head -c 1040384 /dev/zero >${folder}/log/ballast && exec "$@"`,
        'sh',
      ];
      await using server = await serveRing3(['--config', file, '--user', 'anna:secret', '--log-format', 'json'], mount);
      const inside = (...words: string[]) => spawnSync('nsenter', ['-t', String(server.pid), '-m', ...words], { encoding: 'utf8' });
      const run = async (name: string): Promise<void> => {
        const commands = Array.from({ length: 20 }, (_, i) => [`put there ${name}-${i}`, `del ${name}-${i}`]).flat();
        const { output } = await smbclient(commands, { port: server.port, user: 'anna%secret', folder });
        assert.doesNotMatch(output, /NT_STATUS_/);
      };
      const said = (text: string): number => server.log().split(text).length - 1;
      for (let i = 0; i < 20 && said('cannot be written') === 0; i++) await run(`full-${i}`);
      await run('still');
      assert.equal(said('the audit file cannot be written'), 1, server.log());
      inside('rm', `${folder}/log/ballast`);
      await run('again');
      let written = ''; // written off the event loop, some time after the response
      for (let i = 0; i < 100 && !/"delete".*again-19.*\n/.test(written); i++) written = inside('cat', `${folder}/log/audit`).stdout;
      assert.equal(said('the audit file can be written again'), 1, server.log());
      const lines = written.split('\n').slice(0, -1);
      const deleted = lines.map((line) => JSON.parse(line) as Line).filter(({ what }) => what === 'delete');
      assert.ok(deleted.some(({ path }) => path === 'again-19'));
      assert.ok(
        deleted.some(({ path }) => path === 'still-7'),
        'what waited meanwhile is there',
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
