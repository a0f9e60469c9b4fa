import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { need } from './programs.ts';
import { type Ring3, startRing3 } from './ring3.ts';
import { run, smbclient } from './smbclient.ts';

/** Links created on the host, as seen by clients without support for links: decision 0070. */
describe('symbolic links of the host', () => {
  let folder: string;
  let server: Ring3;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ring3-links-'));
    server = await startRing3(folder);
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
    mkdirSync(join(folder, 'dir'));
    mkdirSync(join(folder, 'tree'));
    for (const name of ['dir/in.txt', 'real', 'tree/own']) writeFileSync(join(folder, name), 'precious');
    writeFileSync(join(folder, 'large'), Buffer.alloc(100_000));
    const links = { l: 'real', d: 'dir', big: 'large', lost: 'missing', out: '/etc/hostname', 'tree/up': '../real' };
    for (const [name, target] of Object.entries(links)) symlinkSync(target, join(folder, name));
  });

  /** The type of each of these names, without following links: l link, f other, - missing. */
  const there = (...names: readonly string[]): string =>
    names
      .map((name) => {
        const found = lstatSync(join(folder, name), { throwIfNoEntry: false });
        return found === undefined ? '-' : found.isSymbolicLink() ? 'l' : 'f';
      })
      .join('');
  const intact = (): void => {
    assert.equal(readFileSync(join(folder, 'real'), 'utf8'), 'precious');
    assert.equal(readFileSync(join(folder, 'dir/in.txt'), 'utf8'), 'precious');
    assert.ok(existsSync('/etc/hostname'));
  };

  describe('smbclient', need('smbclient'), () => {
    const user = (): string => `${server.user}%${server.password}`;
    const asked = async (...commands: readonly string[]): Promise<string> =>
      (await smbclient(commands, { port: server.port, user: user() })).output;

    test('del, rename, rmdir and deltree act on the link', async () => {
      assert.doesNotMatch(await asked('del l', 'del lost', 'del out', 'rename big other', 'rmdir d', 'deltree tree'), /NT_STATUS/);
      assert.equal(there('l', 'lost', 'out', 'big', 'd', 'tree', 'other', 'large'), '------lf');
      intact();
    });

    test('ls shows the target of a link, and mget fetches it', async () => {
      const listed = await asked('ls');
      assert.match(listed, /^ {2}d +D +0 /m);
      assert.match(listed, /^ {2}big +A +100000 /m);
      assert.match(listed, /^ {2}lost +Ar /m);
      const target = mkdtempSync(join(tmpdir(), 'ring3-links-'));
      try {
        await smbclient(['recurse', 'prompt', 'mget d big'], { port: server.port, user: user(), folder: target });
        assert.equal(readFileSync(join(target, 'd/in.txt'), 'utf8'), 'precious');
        assert.equal(lstatSync(join(target, 'big')).size, 100_000);
      } finally {
        rmSync(target, { recursive: true });
      }
    });
  });

  test('impacket: deleteFile, rename and deleteDirectory act on the link', need('impacket'), async () => {
    const program = [
      'import sys',
      'from impacket.smbconnection import SMBConnection',
      'connection = SMBConnection("127.0.0.1", "127.0.0.1", sess_port=int(sys.argv[1]))',
      'connection.login(sys.argv[2], sys.argv[3])',
      'for name in ["l", "lost", "out", "tree\\\\up"]: connection.deleteFile("share", name)',
      'connection.rename("share", "big", "other")',
      'connection.deleteDirectory("share", "d")',
    ].join('\n');
    const { status, output } = await run('/usr/bin/python3', ['-c', program, String(server.port), server.user, server.password]);
    assert.equal(status, 0, output);
    assert.equal(there('l', 'lost', 'out', 'tree/up', 'big', 'd', 'other', 'large'), '------lf');
    intact();
  });

  test('rclone copies the targets of links, and deletes the links', need('rclone'), async () => {
    const obscured = (await run('rclone', ['obscure', server.password])).output.trim();
    const remote = `:smb,host=127.0.0.1,port=${server.port},user=${server.user},pass=${obscured}:share`;
    const rclone = (...words: readonly string[]) => run('rclone', ['--config', '/dev/null', ...words]);
    const target = mkdtempSync(join(tmpdir(), 'ring3-links-'));
    try {
      const { status, output } = await rclone('copy', '--include', '{big,d/**,l}', remote, target);
      assert.equal(status, 0, output);
      assert.equal(lstatSync(join(target, 'big')).size, 100_000);
      assert.equal(readFileSync(join(target, 'd/in.txt'), 'utf8'), 'precious');
      for (const name of ['l', 'big', 'tree/up']) assert.equal((await rclone('deletefile', `${remote}/${name}`)).status, 0, name);
      assert.equal(there('l', 'big', 'tree/up', 'large'), '---f');
      intact();
    } finally {
      rmSync(target, { recursive: true });
    }
  });
});
