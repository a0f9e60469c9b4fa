import { deepStrictEqual, match, ok, strictEqual, throws } from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { KsmbdUsers, readKsmbdUsers } from './users.ts';

const anna = 'anna:h42AFGBs2ilnekTvoTU/xw=='; // MD4 of "secret", UTF-16LE

test('users are read; an invalid line is reported without its contents (ksmbdpwd.db(5))', () => {
  const { users, warnings } = readKsmbdUsers(`${anna}\r\n\nBjörn Ü:MdbP4NFq6TG3PFnX4MCJwA==`, 'pwd.db');
  deepStrictEqual(
    users.map(({ name, ntHash }) => [name, Buffer.from(ntHash).toString('hex')]),
    [
      ['anna', '878d8014606cda29677a44efa1353fc7'],
      ['Björn Ü', '31d6cfe0d16ae931b73c59d7e0c089c0'],
    ],
  );
  deepStrictEqual(warnings, []);
  for (const bad of ['bob:secret', 'bob', ':h42AFGBs2ilnekTvoTU/xw==', 'bob:h42AFGBs2ilnekTvoTU/xw', 'a:b:h42AFGBs2ilnekTvoTU/xw=='])
    throws(
      () => readKsmbdUsers(`${anna}\n${bad}\n`, 'pwd.db'),
      /^ConfigurationError: pwd\.db:2: a line must be NAME:BASE64, with a hash of 16 bytes$/,
    );
});

test('names that are one here, and names that no client can send, are passed over and named', () => {
  const { users, warnings } = readKsmbdUsers(`${anna}\nAnna:MdbP4NFq6TG3PFnX4MCJwA==\na"b:MdbP4NFq6TG3PFnX4MCJwA==\n`, 'pwd.db');
  deepStrictEqual(
    users.map(({ name }) => name),
    ['anna'],
  );
  strictEqual(warnings.length, 2);
  match(warnings[0] as string, /^pwd\.db:2: "Anna" is ignored: .* line 1 has "anna"$/);
});

test('users are added, changed and deleted; other lines, the mode and links stay unchanged', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-ksmbdpwd-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [path, real] = [join(folder, 'ksmbdpwd.db'), join(folder, 'real.db')];
  const hash = new Uint8Array(16);
  const users = new KsmbdUsers(path);
  deepStrictEqual(users.users(), []);
  strictEqual(users.deleteUser('anna'), false);
  strictEqual(users.addUser('Zoë', hash), true);
  strictEqual(statSync(path).mode & 0o777, 0o600);
  rmSync(path);
  writeFileSync(real, `${anna}\nbob:MdbP4NFq6TG3PFnX4MCJwA==\n`);
  chmodSync(real, 0o640);
  symlinkSync('real.db', path);
  strictEqual(users.addUser('ANNA', hash), false);
  strictEqual(users.addUser('carl', hash), true);
  strictEqual(users.setPassword('BOB', hash), true);
  strictEqual(users.setPassword('nobody', hash), false);
  strictEqual(readFileSync(real, 'utf8'), `${anna}\nbob:AAAAAAAAAAAAAAAAAAAAAA==\ncarl:AAAAAAAAAAAAAAAAAAAAAA==\n`);
  strictEqual(users.deleteUser('bob'), true);
  deepStrictEqual(
    users.users().map(({ name }) => name),
    ['anna', 'carl'],
  );
  strictEqual(statSync(real).mode & 0o777, 0o640);
  throws(() => users.addUser('a:b', hash), /invalid user name/);
  throws(() => users.addUser('ü'.repeat(24), hash), /1 to 47 bytes/);
  ok(users.addUser('ü'.repeat(23), hash));
  deepStrictEqual(readdirSync(folder).sort(), ['ksmbdpwd.db', 'real.db'], 'nothing is left behind');
});

test('what several change at once is all there: each change is made to what the one before left', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-ksmbdpwd-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'ksmbdpwd.db');
  const adds = (who: number): string =>
    `import(${JSON.stringify(new URL('users.ts', import.meta.url).href)}).then(({ KsmbdUsers }) => {
      for (let i = 0; i < 10; i++) new KsmbdUsers(${JSON.stringify(path)}).addUser('user${who}-' + i, new Uint8Array(16));
    })`;
  await Promise.all([0, 1, 2].map((who) => once(new Worker(adds(who), { eval: true }), 'exit')));
  strictEqual(new KsmbdUsers(path).users().length, 30);
  deepStrictEqual(readdirSync(folder), ['ksmbdpwd.db']);
});
