import { deepStrictEqual, match, strictEqual, throws } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ConfigurationError } from './configuration-error.ts';
import { loadConfiguration, sharesOf, unknownUsers } from './load.ts';
import { absentShares, nestedShares } from './share-check.ts';
import { withStored } from './stored-shares.ts';

const place = (t: TestContext) => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-config-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const name of ['a', 'b']) mkdirSync(join(folder, name));
  const put = (name: string, content: string | Uint8Array): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  return { folder, put };
};
const refused = (path: string, message: RegExp): void =>
  throws(
    () => loadConfiguration(path),
    (error) => message.test((error as Error).message) && !(error as Error).message.includes('\n'),
  );

test('a file that is not text is rejected with the line: a NUL byte, another encoding; a byte order mark is ignored', (t) => {
  const { put } = place(t);
  strictEqual(loadConfiguration(put('bom.toml', '\ufeff[server]\nport = 5\n')).server.port, 5);
  strictEqual(loadConfiguration(put('bom.conf', '\ufeff[global]\ntcp port = 5\n')).server.port, 5);
  refused(put('nul.toml', '[server]\n\nport = \0 5\n'), /nul\.toml:3: there is a NUL byte: this is not a text file$/);
  refused(
    put('latin.toml', Buffer.from('[server]\n# gr\xfcn\nname = "x"\n', 'latin1')),
    /latin\.toml:2: this is not UTF-8: save the file in that encoding$/,
  );
  refused(put('cut.toml', Buffer.from([0x23, 0x0a, 0x23, 0xc3])), /cut\.toml:2: this is not UTF-8/);
  refused(put('utf16.conf', Buffer.from('[global]\n', 'utf16le')), /utf16\.conf:1: there is a NUL byte/);
});

test('an unreadable file is reported: missing, a directory, endless', (t) => {
  const { folder, put } = place(t);
  refused(join(folder, 'none.toml'), /none\.toml cannot be read: there is no such file$/);
  refused(join(folder, 'a'), /a cannot be read: it is a directory$/);
  refused(join(put('file', ''), 'x.toml'), /file\/x\.toml cannot be read: not a directory$/);
  refused(put('long.toml', Buffer.alloc((4 << 20) + 1, 0x23)), /long\.toml cannot be read: it is longer than 4 MiB$/);
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  symlinkSync('fifo', join(folder, 'to-fifo'));
  for (const name of ['fifo', 'to-fifo'])
    refused(join(folder, name), /fifo cannot be read: it is a FIFO, and opening it would wait for a writer$/); // fifo(7)
  refused('/dev/zero', /zero cannot be read: it is longer than 4 MiB$/);
});

test('a directory may be missing now, which is warned about; relative paths count from the file', (t) => {
  const { folder, put } = place(t);
  const good = loadConfiguration(put('good.toml', '[share.one]\npath = "a"\nread-only = true\n[share.two]\nstore = "memory"\n'));
  deepStrictEqual(sharesOf(good.shares), [
    { name: 'one', path: join(folder, 'a'), readOnly: true },
    { name: 'two', store: 'memory' },
  ]);
  const { shares } = loadConfiguration(put('later.toml', '[share.one]\npath = "a"\n\n[share.two]\n# here\npath = "none"\n'));
  deepStrictEqual(absentShares(shares), [
    `${join(folder, 'later.toml')}:6: share two is offered when there is a directory ${join(folder, 'none')}: there is none now`,
  ]);
  put('file', '');
  refused(put('bad.toml', '[share.one]\npath = "file"\n'), /bad\.toml:2: \S+file is a file, not a directory$/);
});

test('the same folder may be shared twice, by one store: its modes are one', (t) => {
  const { folder, put } = place(t);
  symlinkSync('a', join(folder, 'link'));
  const two = (more: string) => put('two.toml', `[share.one]\npath = "a"\nfile-mode = "640"\n[share.two]\npath = "link"\n${more}`);
  strictEqual(loadConfiguration(two('file-mode = "640"\nread-only = true\n')).shares.length, 2);
  refused(
    two('file-mode = "600"\n'),
    /two\.toml:5: share one has the same directory with other modes: file-mode and folder-mode must be the same$/,
  );
});

test('a folder inside of another that is shared is warned about: its clients do not see what the others hold', (t) => {
  const { folder, put } = place(t);
  mkdirSync(join(folder, 'a', 'deep', 'er'), { recursive: true });
  const file = put(
    'n.toml',
    '[share.all]\npath = "a"\n[share.same]\npath = "a"\n[share.inner]\npath = "a/deep/er"\n[share.other]\npath = "b"\n',
  );
  deepStrictEqual(nestedShares(loadConfiguration(file).shares), [
    `${file}:6: share inner is inside share same: clients of one do not see the locks and caches of the other's clients`,
  ]);
  deepStrictEqual(
    nestedShares([
      { name: 'root', path: '/', at: 'f:1' },
      { name: 'none', store: 'memory', at: 'f:2' },
    ]),
    [],
  );
});

test("the kernel server's configuration starts without a share whose path is not a directory, as the kernel server does", (t) => {
  const { folder, put } = place(t);
  put('file', '');
  put('ksmbdpwd.db', 'anna:h42AFGBs2ilnekTvoTU/xw==\nANNA:h42AFGBs2ilnekTvoTU/xw==\n');
  const conf = put(
    'ksmbd.conf',
    `[one]\npath = ${folder}/a\nvalid users = anna, ghost\nforce user = daemon\n[gone]\npath = ${folder}/file\n[other]\npath = b\n`,
  );
  const { shares, users, warnings } = loadConfiguration(conf);
  deepStrictEqual(
    shares.map(({ name, path }) => [name, path]),
    [
      ['one', join(folder, 'a')],
      ['other', join(folder, 'b')],
    ],
  );
  deepStrictEqual(
    users.map(({ name }) => name),
    ['anna', 'daemon'],
  );
  deepStrictEqual(
    warnings.map((line) => line.slice(folder.length + 1)),
    [
      'ksmbd.conf:4: [one] force user is honoured for clients; on this host files are created as the user that ring3 runs as (--as)',
      `ksmbdpwd.db:2: "ANNA" is ignored: names are compared without case, and line 1 has "anna"`,
      `ksmbd.conf:6: [gone] is not shared: ${folder}/file is a file, not a directory`,
    ],
  );
  deepStrictEqual(
    unknownUsers(shares, (name) => users.some((user) => user.name === name)),
    [`${conf}:2: share one names unknown users: ghost`],
  );
});

test('stored shares are added to the configured ones; one that cannot be offered is omitted with a warning', (t) => {
  const { folder } = place(t);
  const configured = [{ name: 'Photos', path: join(folder, 'a'), at: 'f:2' }];
  const { shares, warnings } = withStored(
    configured,
    [
      { name: 'photos', options: { path: join(folder, 'b') } },
      { name: 'papers', options: { path: join(folder, 'b'), 'read-only': true } },
      { name: 'scratch', options: { store: 'memory' } },
      { name: 'gone', options: { path: join(folder, 'none') } },
      { name: 'odd', options: { path: join(folder, 'b'), frobnicate: 7 } },
      { name: 'odder', options: { path: join(folder, 'b'), users: 'anna' } },
      { name: 'empty', options: {} },
      { name: 'again', options: { path: join(folder, 'b'), 'file-mode': '600' } },
    ],
    '/state',
  );
  deepStrictEqual(shares, [
    ...configured,
    { path: join(folder, 'b'), 'read-only': true, name: 'papers', at: '/state' },
    { store: 'memory', name: 'scratch', at: '/state' },
    { path: join(folder, 'none'), name: 'gone', at: '/state' },
  ]);
  deepStrictEqual(warnings, [
    '/state: the stored share photos is not offered: share Photos exists already: f:2',
    '/state: the stored share odd is not offered: unknown key "frobnicate"',
    '/state: the stored share odder is not offered: users is a list of strings, not "anna"',
    '/state: the stored share empty is not offered: it needs either a path or a store',
    '/state: the stored share again is not offered: share papers has the same directory with other modes: file-mode and folder-mode must be the same',
  ]);
});

test('an error prints only text on a terminal', (t) => {
  const { put } = place(t);
  throws(
    () => loadConfiguration(put('x.toml', '[server]\n"\\u001b[31m" = 1\n')),
    (error) => {
      match((error as Error).message, /unknown key "server\.\\u001b\[31m"/);
      return error instanceof ConfigurationError;
    },
  );
});
