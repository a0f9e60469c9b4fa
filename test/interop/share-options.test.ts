/** The effects of share options on smbclient, at ring3 and at smbd with equivalent configurations: the same commands, the same output. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection, connectTcp, type Open } from '@ring3/smb-client';
import {
  CreateDisposition,
  CreateOptions,
  decodeSecurityDescriptor,
  FileFsAttributeInformation,
  FileSystemAttributes,
  FsInformationClass,
  fileGenericRead,
  InfoType,
  OplockLevel,
} from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import { need } from './programs.ts';
import { type Ring3, startRing3 } from './ring3.ts';
import { smbclient } from './smbclient.ts';
import { type Smbd, startSmbd } from './smbd.ts';

const password = 'secret';
/** Users that exist on every Debian machine; smbd requires system users. */
const users = ['daemon', 'games', 'bin'];

/** Each share: its options in the configuration of ring3 and in smb.conf. */
const shares: Readonly<Record<string, { readonly folder: string; readonly ring3: string; readonly smbd: readonly string[] }>> = {
  veto: { folder: 'veto', ring3: 'veto = [".secret*", "*.tmp", "Exact", "a?c"]', smbd: ['veto files = /.secret*/*.tmp/Exact/a?c/'] },
  dotted: { folder: 'veto', ring3: 'veto = [".*", "*.*"]', smbd: ['veto files = /.*/*.*/'] },
  dot: { folder: 'dot', ring3: 'hide-dot-files = true', smbd: ['hide dot files = yes', 'store dos attributes = yes'] },
  nodot: { folder: 'dot', ring3: 'hide-dot-files = false', smbd: ['hide dot files = no', 'store dos attributes = yes'] },
  ro: {
    folder: 'lists',
    ring3: 'read-only = true\nwriters = ["daemon"]\nusers = ["daemon", "games", "bin"]\ninvalid-users = ["bin"]',
    smbd: ['read only = yes', 'write list = daemon', 'valid users = daemon games bin', 'invalid users = bin'],
  },
  rw: { folder: 'lists', ring3: 'readers = ["daemon"]', smbd: ['read list = daemon'] },
  both: { folder: 'lists', ring3: 'readers = ["daemon"]\nwriters = ["daemon"]', smbd: ['read list = daemon', 'write list = daemon'] },
  force: { folder: 'force', ring3: 'force-user = "games"', smbd: ['force user = games'] },
  unforced: { folder: 'force', ring3: 'force-user = "nosuchuser"', smbd: ['force user = nosuchuser'] },
  one: { folder: 'lists', ring3: 'max-connections = 1', smbd: ['max connections = 1'] },
  plain: { folder: 'plain', ring3: '', smbd: ['vfs objects = streams_xattr'] },
  nostreams: { folder: 'plain', ring3: 'streams = false', smbd: [] },
  nooplocks: { folder: 'plain', ring3: 'oplocks = false', smbd: ['oplocks = no'] },
};

/** The shared directories, the same for both; the host grants all users full access. */
function fill(base: string): void {
  const folders = [
    'veto/.secretdir/inner',
    'veto/d',
    'veto/links',
    'veto/only',
    'veto/nested/.secretdir',
    'dot/.folder',
    'lists',
    'force',
    'plain',
  ];
  const vetoed = ['.secret', '.secretdir/inner/f', 'a.tmp', 'd/b.TMP', 'exact', 'abc', 'only/x.tmp'].map((name) => `veto/${name}`);
  for (const name of folders) mkdirSync(join(base, name), { recursive: true });
  for (const name of [...vetoed, 'veto/d/shown', 'veto/Exact2', 'veto/visible', 'dot/.native']) writeFileSync(join(base, name), 'x');
  execFileSync('chmod', ['-R', 'a+rwX', base]);
  symlinkSync('../.secret', join(base, 'veto/links/file'));
  symlinkSync('../.secretdir', join(base, 'veto/links/folder'));
  symlinkSync('../visible', join(base, 'veto/links/good'));
}

/**
 * The compared parts of an output: statuses, names with the attributes D, H, R, and streams; not times, sizes and speeds, nor the attribute
 * A, in which the servers differ.
 */
function said(output: string): string[] {
  const told: string[] = [];
  for (const line of output.split('\n')) {
    const entry = /^ {2}(\S.*?) +([ADHNRSr]*) +\d+ {2}\w{3} /.exec(line);
    const attributes = /^attributes: (\w*)/.exec(line);
    if (entry !== null) told.push(`entry ${entry[1]} ${entry[2]?.replace(/[^DHR]/g, '')}`);
    else if (attributes !== null)
      told.push(
        `attributes ${[...(attributes[1] as string)]
          .filter((one) => 'HR'.includes(one))
          .sort()
          .join('')}`,
      );
    else if (/NT_STATUS_|^stream: /.test(line)) told.push(line.trim());
  }
  return told.sort();
}

describe('options of shares', need('smbclient', 'smbd'), () => {
  let base: string;
  let local: string;
  let ring3: Ring3;
  let smbd: Smbd;
  before(async () => {
    base = mkdtempSync(join(tmpdir(), 'ring3-share-options-'));
    chmodSync(base, 0o755);
    local = join(base, 'local');
    mkdirSync(local);
    writeFileSync(join(local, 'file'), 'data\n');
    const [ours, theirs] = [join(base, 'ours'), join(base, 'theirs')];
    for (const folder of [ours, theirs]) fill(folder);
    const tables = Object.entries(shares).map(([name, share]) => `[share.${name}]\npath = "${join(ours, share.folder)}"\n${share.ring3}\n`);
    writeFileSync(join(base, 'ring3.toml'), tables.join('\n'));
    const more = ['--config', join(base, 'ring3.toml'), '--encryption', 'off', '--console', 'off'];
    ring3 = await startRing3(join(ours, 'plain'), [...more, ...users.flatMap((user) => ['--user', `${user}:${password}`])]);
    const sections = Object.entries(shares).map(([name, share]) => [
      name,
      [`path = ${join(theirs, share.folder)}`, 'read only = no', ...share.smbd],
    ]);
    smbd = await startSmbd(join(theirs, 'plain'), [], Object.fromEntries(sections), users);
  });
  after(async () => {
    await ring3?.[Symbol.asyncDispose]();
    await smbd?.[Symbol.asyncDispose]();
    rmSync(base, { recursive: true, force: true });
  });

  const at = async (port: number, share: string, user: string, commands: readonly string[]): Promise<string[]> =>
    said((await smbclient(commands, { port, share, user: `${user}%${password}`, folder: local })).output);
  const ours = (share: string, user: string, ...commands: string[]): Promise<string[]> => at(ring3.port, share, user, commands);
  const theirs = (share: string, user: string, ...commands: string[]): Promise<string[]> => at(smbd.port, share, user, commands);
  /** Sends the same commands to both servers and compares the outputs. @returns the output */
  const same = async (share: string, user: string, ...commands: string[]): Promise<string[]> => {
    const [one, other] = [await ours(share, user, ...commands), await theirs(share, user, ...commands)];
    assert.deepEqual(one, other, `${share}: ${commands.join('; ')}\nring3 said:\n${ring3.log()}`);
    return one;
  };
  const onHost = (folder: string): [string[], string[]] => [
    readdirSync(join(base, 'ours', folder)).sort(),
    readdirSync(join(base, 'theirs', folder)).sort(),
  ];
  /** A connection of ring3's client to a share of one of the servers. */
  const opening = async <T>(
    port: number,
    share: string,
    user: string,
    work: (tree: Awaited<ReturnType<Session['connect']>>) => Promise<T>,
  ): Promise<T> => {
    await using connection = await Connection.open(await connectTcp(port));
    const session = await connection.logon({ user, password });
    return await work(await session.connect(share));
  };
  type Session = Awaited<ReturnType<Connection['logon']>>;

  test('vetoed names are not listed by any pattern', async () => {
    const listed = await same('veto', 'daemon', 'ls');
    assert.ok(listed.some((line) => line.startsWith('entry visible')));
    for (const line of listed) assert.doesNotMatch(line, /secret|tmp|abc|exact |Exact /);
    for (const pattern of ['.secret', 'a.tmp', 'ABC', 'd\\*', 'd\\b.TMP', 'only\\*']) await same('veto', 'daemon', `ls ${pattern}`);
    await same('dotted', 'daemon', 'ls');
  });

  test('vetoed names, and paths through them, cannot be opened', async () => {
    const names = ['.secret', '.SECRET', 'a.tmp', 'EXACT', 'abc', '.secretdir', '.secretdir\\inner\\f', 'd\\b.tmp', 'nowhere\\x.tmp'];
    for (const name of names) await same('veto', 'daemon', `get ${name} got`, `allinfo ${name}`, `rm ${name}`, `rmdir ${name}`);
    assert.deepEqual(...onHost('veto'));
  });

  test('vetoed names cannot be created by writing, renaming or linking', async () => {
    for (const name of ['new.tmp', '.secret', '.secretdir\\x', 'nowhere\\x.tmp', 'nowhere\\x'])
      await same(
        'veto',
        'daemon',
        `put file ${name}`,
        `mkdir ${name}`,
        `rename visible ${name}`,
        `hardlink visible ${name}`,
        `rename visible ${name} -f`,
      );
    await same('veto', 'daemon', 'rename .secret y', 'hardlink .secret y', 'rename .secretdir z');
    assert.deepEqual(...onHost('veto'));
    assert.ok(!existsSync(join(base, 'ours/veto/new.tmp')));
  });

  test('a directory that contains only vetoed names is not deleted', async () => {
    const told = await same('veto', 'daemon', 'rmdir only', 'rmdir nested', 'deltree only');
    assert.equal(told.filter((line) => line.includes('DIRECTORY_NOT_EMPTY')).length, 3);
  });

  test('a link to a vetoed name cannot be followed; at smbd it can', async () => {
    assert.deepEqual(await same('veto', 'daemon', 'get links\\good got'), []);
    assert.deepEqual(await ours('veto', 'daemon', 'get links\\file got', 'get links\\folder\\inner\\f got'), [
      'NT_STATUS_OBJECT_NAME_NOT_FOUND opening remote file \\links\\file',
      'NT_STATUS_OBJECT_PATH_NOT_FOUND opening remote file \\links\\folder\\inner\\f',
    ]);
    assert.deepEqual(await theirs('veto', 'daemon', 'get links\\file got'), []);
  });

  test('CHANGE_NOTIFY does not report vetoed names', async () => {
    const words = ['-oL', 'smbclient', '--configfile=/dev/null', '//127.0.0.1/veto', '-p', String(ring3.port), '-U', `daemon%${password}`];
    const watcher = spawn('stdbuf', [...words, '-c', 'notify d'], { stdio: ['ignore', 'pipe', 'ignore'] });
    let told = '';
    watcher.stdout.setEncoding('utf8').on('data', (text: string) => (told += text));
    const ended = once(watcher, 'exit');
    for (let i = 0; i < 100 && !told.includes('shown99'); i++) {
      writeFileSync(join(base, 'ours/veto/d', `hidden${i}.tmp`), 'x');
      await delay(50); // until it listens
      writeFileSync(join(base, 'ours/veto/d/shown99'), `${i}`);
    }
    watcher.kill();
    await ended;
    assert.match(told, /shown99/);
    assert.doesNotMatch(told, /tmp/i);
  });

  test('files whose names begin with a dot are hidden if the share has that option', async () => {
    const shown = await same('dot', 'daemon', 'put file .new', 'ls', 'ls .native', 'put file .new', 'setmode .new +r', 'ls .n*');
    for (const line of ['entry .native H', 'entry .folder DH', 'entry .new HR']) assert.ok(shown.includes(line), line);
    await same('dot', 'daemon', 'setmode .new -r', 'setmode .native -h', 'ls');
    assert.deepEqual(await ours('nodot', 'daemon', 'ls .native'), ['entry .native ']);
    // after a rename it is visible again; smbd stores the attribute with the file
    assert.ok((await ours('dot', 'daemon', 'rename .new new', 'ls new')).includes('entry new '));
    assert.ok((await theirs('dot', 'daemon', 'rename .new new', 'ls new')).includes('entry new H'));
  });

  test('the lists of users determine access and write access', async () => {
    for (const user of users) await same('ro', user, `put file ro-${user}`, `mkdir ro-${user}-folder`);
    for (const user of users) await same('rw', user, `put file rw-${user}`);
    assert.deepEqual(...onHost('lists'));
    assert.deepEqual(onHost('lists')[0], ['ro-daemon', 'ro-daemon-folder', 'rw-bin', 'rw-games']);
    assert.deepEqual(await same('ro', 'bin', 'ls'), ['tree connect failed: NT_STATUS_ACCESS_DENIED']);
  });

  test('a user in both the read list and the write list only reads, as in ksmbd.conf(5); at smbd the user writes, as in smb.conf(5)', async () => {
    assert.deepEqual(await ours('both', 'daemon', 'put file both'), ['NT_STATUS_ACCESS_DENIED opening remote file \\both']);
    assert.deepEqual(await theirs('both', 'daemon', 'put file both'), []);
  });

  test('files of a share with a forced user belong to that user; if the user does not exist, no client is accepted', async () => {
    for (const user of users) await same('force', user, `put file by-${user}`);
    const ownerOf = async (share: string, user: string, name: string): Promise<string | undefined> =>
      await opening(ring3.port, share, user, async (tree) => {
        const open = await tree.create({ name, createDisposition: CreateDisposition.OpenIf });
        return decodeSecurityDescriptor(await open.queryInfo(InfoType.Security, 0, { additionalInformation: 1 })).owner;
      });
    const games = await ownerOf('nodot', 'games', 'of games');
    assert.match(games as string, /^S-1-5-21-/);
    for (const user of users) assert.equal(await ownerOf('force', user, `by-${user}`), games);
    assert.deepEqual(await same('unforced', 'daemon', 'ls'), ['tree connect failed: NT_STATUS_NO_SUCH_USER']);
    assert.match(ring3.log(), /nosuchuser/);
  });

  test('a share rejects tree connects above its maximum of connections', async () => {
    const statuses: string[] = [];
    for (const { port } of [ring3, smbd]) {
      await opening(port, 'one', 'daemon', async () => statuses.push(...(await at(port, 'one', 'games', ['ls']))));
    }
    assert.deepEqual(statuses, [
      'tree connect failed: NT_STATUS_REQUEST_NOT_ACCEPTED',
      'tree connect failed: NT_STATUS_INSUFFICIENT_RESOURCES',
    ]);
    for (let i = 0; i < 100 && (await ours('one', 'games', 'ls')).some((line) => line.includes('NT_STATUS')); i++) await delay(20);
    assert.deepEqual(await ours('one', 'games', 'get nothing'), ['NT_STATUS_OBJECT_NAME_NOT_FOUND opening remote file \\nothing']);
  });

  test('without streams a colon is not allowed in names, and no streams are reported', async () => {
    await same('plain', 'daemon', 'put file a', 'put file a:s', 'mkdir d', 'put file d:s', 'allinfo a');
    const commands = [
      'get a:s got',
      'put file a:t',
      'get a::$DATA got',
      'put file new::$DATA',
      'get d:s got',
      'allinfo a',
      'rename a b:s',
      'ls',
    ];
    const told = await same('nostreams', 'daemon', ...commands);
    assert.equal(told.filter((line) => line.includes('OBJECT_NAME_INVALID')).length, 6);
    const streams = async (open: Open): Promise<number> => {
      const bytes = await open.queryInfo(InfoType.FileSystem, FsInformationClass.Attribute);
      return FileFsAttributeInformation.read(new Frame(bytes), 0, bytes.length).fileSystemAttributes & FileSystemAttributes.NamedStreams;
    };
    for (const { port } of [ring3, smbd]) {
      const root = { name: '', desiredAccess: fileGenericRead, createOptions: CreateOptions.DirectoryFile };
      assert.equal(await opening(port, 'nostreams', 'daemon', async (tree) => streams(await tree.create(root))), 0);
      assert.notEqual(await opening(port, 'plain', 'daemon', async (tree) => streams(await tree.create(root))), 0);
    }
  });

  test('without oplocks none is granted', async () => {
    for (const { port } of [ring3, smbd]) {
      const granted = async (share: string): Promise<number> =>
        await opening(port, share, 'daemon', async (tree) => {
          const asked = { name: 'oplock', requestedOplockLevel: OplockLevel.Batch, createDisposition: CreateDisposition.OpenIf };
          return (await tree.create(asked)).response.oplockLevel;
        });
      assert.equal(await granted('plain'), OplockLevel.Batch);
      assert.equal(await granted('nooplocks'), OplockLevel.None);
    }
  });
});
