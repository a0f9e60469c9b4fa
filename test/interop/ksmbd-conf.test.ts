import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { readConfiguration } from '@ring3/daemon/config';
import fc from 'fast-check';
import { need, seeded } from './programs.ts';
import { type Ring3, ring3Command, serveRing3 } from './ring3.ts';
import { run as program, type Ran, smbclient } from './smbclient.ts';

const conf = (base: string): string => `; a configuration of the kernel server, as one finds them
[global]
	netbios name = ksmbd
	server string = the files of the office
	workgroup = OFFICE
	map to guest = bad user
	server signing = auto
	deadtime = 15
	max connections = 64
	hide dot files = yes
	veto files = /*.tmp/Thumbs.db/

[public]  # for everybody
	comment = look, but do not touch
	path = ${base}/public
	guest ok = yes
	read only = yes

[Projects]
	path = ${base}/projects
	valid users = anna, bob carl
	invalid users = carl
	read list = bob
	writeable = yes
	create mask = 0600
	force create mode = 0060
	directory mask = 0700

[archive]
	path = ${base}/archive
	write list = anna
	browseable = no
`;

/** With characters that are special in a shell, a colon-separated file or UTF-16. */
const password = 'pä$$ "w\'%rd;#:\\ €𝄞';

describe("the kernel server's configuration, with users of its own tools", need('ksmbd.adduser', 'smbclient'), () => {
  let base: string;
  let file: string;
  let users: string;
  let server: Ring3;

  const tool = (name: string, ...words: string[]): Ran => {
    const { status, stdout, stderr } = spawnSync(name, words, { encoding: 'utf8' });
    return { status, output: stdout + stderr };
  };
  const user = (...words: string[]): void => {
    const { status, output } = tool('ksmbd.adduser', '-c', file, '-i', users, ...words);
    assert.equal(status, 0, output);
  };
  const ring3 = (...words: string[]): Ran => tool(...ring3Command, ...words);
  const reload = (): string => {
    const { status, output } = ring3('ctl', '--control', server.at['control'] as string, 'reload');
    assert.equal(status, 0, output);
    return output;
  };
  const as = (name: string, share: string, ...commands: string[]): Promise<Ran> =>
    smbclient(commands, { port: server.port, share, user: name, folder: base });
  const works = async (name: string, share: string, ...commands: string[]): Promise<string> => {
    const { status, output } = await as(name, share, ...commands);
    assert.equal(status, 0, `${output}\nring3 said:\n${server.log()}`);
    return output;
  };
  const refused = async (name: string, share: string, how: RegExp, ...commands: string[]): Promise<void> => {
    const { status, output } = await as(name, share, ...commands);
    assert.match(output, how);
    assert.notEqual(status, 0, output);
  };

  before(async () => {
    base = mkdtempSync(join(tmpdir(), 'ring3-ksmbd-'));
    chmodSync(base, 0o755);
    for (const folder of ['public', 'projects', 'archive', 'more']) mkdirSync(join(base, folder));
    for (const name of ['hello', '.profile', 'old.tmp', 'thumbs.db']) writeFileSync(join(base, 'public', name), name);
    writeFileSync(join(base, 'local'), 'local');
    [file, users] = [join(base, 'ksmbd.conf'), join(base, 'ksmbdpwd.db')];
    writeFileSync(file, conf(base));
    user('-a', 'anna', '-p', password);
    for (const name of ['bob', 'carl', 'dave']) user('-a', name, '-p', `${name}'s own`);
    server = await serveRing3(['--config', file, '--host', '127.0.0.1']);
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    rmSync(base, { recursive: true, force: true });
  });

  test('it is read unchanged: no parameter is reported', () => {
    assert.equal(ring3('serve', '--config', file, '--check').output, `${file}: fine\n`);
    assert.match(server.log(), /^(?!.*ksmbd\.conf:)/s);
  });

  test('a user sees the browseable shares to which it has access', async () => {
    for (const [who, projects] of [
      [['-U', `anna%${password}`], true],
      [['-U', "dave%dave's own"], false],
      [['-N'], false],
    ] as const) {
      const { output } = await program('smbclient', [
        '--configfile=/dev/null',
        '-g',
        '-p',
        String(server.port),
        '-L',
        '//127.0.0.1',
        ...who,
      ]);
      assert.match(output, /^Disk\|public\|look, but do not touch$/m);
      assert.equal(/^Disk\|Projects\|$/m.test(output), projects, output);
      assert.doesNotMatch(output, /archive/);
    }
  });

  test('users have the access of the lists; new files and directories have the bits of the masks', async () => {
    await works(`anna%${password}`, 'projects', 'put local plan', 'mkdir drafts', 'put local drafts/first');
    assert.equal(statSync(join(base, 'projects/plan')).mode & 0o7777, 0o660);
    assert.equal(statSync(join(base, 'projects/drafts')).mode & 0o7777, 0o700);
    assert.match(await works("bob%bob's own", 'PROJECTS', 'get plan got'), /getting file/);
    assert.equal(readFileSync(join(base, 'got'), 'utf8'), 'local');
    await refused("bob%bob's own", 'projects', /NT_STATUS_ACCESS_DENIED/, 'put local other');
    await refused("carl%carl's own", 'projects', /tree connect failed: NT_STATUS_ACCESS_DENIED/, 'ls');
    await refused("dave%dave's own", 'projects', /tree connect failed: NT_STATUS_ACCESS_DENIED/, 'ls');
    await refused('anna%wrong', 'projects', /NT_STATUS_LOGON_FAILURE/, 'ls');
    await refused('stranger%x', 'projects', /tree connect failed: NT_STATUS_ACCESS_DENIED/, 'ls');
  });

  test('a write list makes a read-only share writable for its users', async () => {
    await works(`anna%${password}`, 'archive', 'put local 1999');
    assert.match(await works("dave%dave's own", 'archive', 'ls'), /1999/);
    await refused("dave%dave's own", 'archive', /NT_STATUS_ACCESS_DENIED/, 'put local 2000');
  });

  test('guests see the shares for guests; vetoed names are not visible, names with a leading dot are hidden', async () => {
    for (const name of ['stranger%x', "dave%dave's own"]) {
      const listed = await works(name, 'public', 'ls');
      assert.match(listed, /^ {2}hello +[AN] /m);
      assert.match(listed, /^ {2}\.profile +A?H /m);
      assert.doesNotMatch(listed, /\.tmp|thumbs/i);
      await refused(name, 'public', /NT_STATUS_(OBJECT_NAME_NOT_FOUND|ACCESS_DENIED|NO_SUCH_FILE)/, 'get old.tmp got');
      await refused(name, 'public', /NT_STATUS_ACCESS_DENIED/, 'put local new');
    }
    await refused(`anna%${password}`, 'projects', /NT_STATUS_/, 'put local work.TMP');
  });

  test('users that ksmbd.adduser changes and deletes, and shares that ksmbd.addshare adds, take effect at the next reload', async () => {
    user('-u', 'bob', '-p', 'another');
    user('-d', 'dave');
    const added = tool(
      'ksmbd.addshare',
      '-c',
      file,
      '-a',
      'more',
      '-o',
      `path = ${base}/more\nread only = no\nforce create mode = 0111\nforce user = nobody`,
    );
    assert.equal(added.status, 0, added.output);
    await works("bob%bob's own", 'projects', 'ls');
    const changes = reload();
    for (const change of [/share more/, /user bob/, /user dave/]) assert.match(changes, change);
    await refused("bob%bob's own", 'projects', /NT_STATUS_LOGON_FAILURE/, 'ls');
    await works('bob%another', 'projects', 'ls');
    await refused("dave%dave's own", 'archive', /NT_STATUS_ACCESS_DENIED/, 'ls'); // a guest now, like any unknown user
    await works('bob%another', 'more', 'put local made'); // as a user who need not be able to log on
    await refused('nobody%', 'more', /NT_STATUS_LOGON_FAILURE/, 'ls');
    assert.equal(statSync(join(base, 'more/made')).mode & 0o777, 0o755);
    await works(`anna%${password}`, 'archive', 'ls');
  });

  test("ring3 user changes the same file; ksmbd's tool reads it", async () => {
    const control = ['--control', server.at['control'] as string];
    process.env['RING3_PASSWORD'] = password;
    for (const words of [
      ['add', 'eve'],
      ['password', 'bob'],
      ['delete', 'carl'],
    ]) {
      const { status, output } = ring3('user', ...control, '--config', file, ...words);
      assert.deepEqual({ status, output }, { status: 0, output: '' });
    }
    delete process.env['RING3_PASSWORD'];
    await works(`eve%${password}`, 'archive', 'ls'); // visible at once
    await works(`bob%${password}`, 'projects', 'ls');
    const hash = (name: string): string | undefined => new RegExp(`^${name}:(.*)$`, 'm').exec(readFileSync(users, 'utf8'))?.[1];
    assert.equal(hash('eve'), hash('anna'), "ksmbd's tool and ring3 have the same hash of one password");
    assert.equal(hash('carl'), undefined);
    user('-u', 'eve', '-p', 'x');
  });
});

describe('the configuration agrees with the manual and the tools of the kernel server', need('ksmbd.adduser'), () => {
  /** The manual of the installed tool. */
  const manual = (): string => {
    const binary = realpathSync(execFileSync('sh', ['-c', 'command -v ksmbd.adduser'], { encoding: 'utf8' }).trim());
    return gunzipSync(readFileSync(join(dirname(binary), '../share/man/man5/ksmbd.conf.5.gz'))).toString();
  };

  const inFolder = (work: (file: string) => void): void => {
    const folder = mkdtempSync(join(tmpdir(), 'ring3-grammar-'));
    try {
      work(join(folder, 'ksmbd.conf'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  test('every parameter of ksmbd.conf(5) is known in its section, with the default of the manual', () =>
    inFolder((file) => {
      const read = (global: readonly string[], share: readonly string[]) => {
        writeFileSync(file, ['[x]', 'path = /x', ...share, '[global]', ...global, ''].join('\n'));
        const { shares, ...rest } = readConfiguration(file);
        return { ...rest, shares: shares.map(({ at: _at, ...share }) => share) };
      };
      const entries = [...manual().matchAll(/^\.TP\n\\fB([^\\\n]+?)(?:\\fR)? ?(?:\((.)\))?\n((?:.*\n)*?)(?=\.TP|\.SH)/gm)];
      assert.ok(entries.length > 50, `${entries.length} parameters`);
      const said = (place: 'G' | 'S'): string[] =>
        entries
          .filter(([, , marked = 'S']) => marked === place)
          .map(([, name, , text = '']) => `${name} = ${/^Default: \\fB.*? = ?(.*?)(?:\\fR.*)?$/m.exec(text)?.[1]?.trim() ?? ''}`);
      const { warnings, ...asInTheManual } = read(said('G'), said('S'));
      const { warnings: none, ...empty } = read([], []);
      assert.deepEqual(asInTheManual, empty);
      assert.deepEqual(none, []);
      // this default is `no`, and leases cannot be switched off: that is reported
      assert.deepEqual(
        warnings.map((warning) => warning.replace(/^\S+ /, '')),
        ['smb2 leases is not honoured: leases are granted on each share that allows oplocks'],
      );
      for (const [, name, place = 'S'] of entries)
        if (place === 'G' && name !== 'max connections' && name !== 'guest account')
          assert.match(read([], [`${name} = 1`]).warnings.join(), /belongs in \[global\]/, name ?? '');
    }));

  test('a file is read, or rejected, as ksmbd.addshare does', () =>
    inFolder((file) => {
      const meaning = (): object => {
        const { shares, server } = readConfiguration(file);
        const others = shares.filter(({ name }) => name !== 'added');
        return { server, shares: others.map(({ at: _at, name, ...share }) => [name, share]).sort() };
      };
      const word = fc.constantFrom('PATH', 'comment', 'server string', 'Valid Users', 'x');
      const value = fc.constantFrom('', '/srv', 'a b', 'a=b', '=', '[z]', 'ä€', 'yes', '"q"', 'C#', 'a;b');
      const blank = fc.constantFrom('', ' ', '\t');
      const line = fc.oneof(
        { weight: 20, arbitrary: fc.tuple(blank, word, blank, blank, value).map(([a, key, b, c, text]) => `${a}${key}${b}=${c}${text}`) },
        { weight: 15, arbitrary: fc.constantFrom('[x]', '[X]', ' [Global]', '[global] rest', '[y z]', '[x]y]') },
        { weight: 8, arbitrary: fc.constantFrom('', '; path = /no', '  # [y]', '#', '\t') },
        { weight: 1, arbitrary: fc.constantFrom('nonsense', '[x', '= 5', 'path', ']') },
      );
      fc.assert(
        fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
          const source = `${lines.join('\n')}\n`;
          writeFileSync(file, source);
          const { status } = spawnSync('ksmbd.addshare', ['-c', file, '-a', 'added', '-o', 'comment = none']);
          const after = readFileSync(file);
          writeFileSync(file, source);
          if (status !== 0) return void assert.throws(meaning, source);
          const before = meaning();
          writeFileSync(file, after);
          assert.deepEqual(before, meaning());
        }),
        { numRuns: 300, ...seeded },
      );
    }));
});
