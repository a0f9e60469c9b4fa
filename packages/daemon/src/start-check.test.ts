import { deepStrictEqual, match, strictEqual } from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ntHash } from '@ring3/smb-proto';
import { hostFault, startWarnings, stateDirFault } from './start-check.ts';

const smb = { host: '127.0.0.1', port: 4450 };
const share = { name: 'a', path: '/a' };
const anna = new Map([['anna', 'secret']]);

test('an address of this machine can be listened on; another, and a name that is not known, say why', async () => {
  strictEqual(await hostFault('127.0.0.1'), undefined);
  strictEqual(await hostFault('0.0.0.0'), undefined);
  match((await hostFault('192.0.2.1')) ?? '', /^cannot listen on 192\.0\.2\.1: 192\.0\.2\.1 is not an address of this machine/); // RFC 5737
  const unknown = (): Promise<unknown> => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' })); // no test asks a name server
  match(
    (await hostFault('fileserver.lan', unknown)) ?? '',
    /^cannot listen on fileserver\.lan: the host name fileserver\.lan is not known/,
  );
});

test('a state directory that cannot be used says why; one that is missing can be made', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-check-'));
  t.after(() => rmSync(folder, { recursive: true }));
  strictEqual(stateDirFault(folder), undefined);
  strictEqual(stateDirFault(join(folder, 'a', 'b')), undefined);
  chmodSync(folder, 0o755);
  match(stateDirFault(folder) ?? '', /is open to other users/);
});

test('what a start would do unexpectedly is said: nothing shared, guests without a share or a server, no user', () => {
  const said = (settings: Parameters<typeof startWarnings>[0]): string[] =>
    startWarnings(settings, undefined).map((line) => line.split(':', 1)[0] ?? '');
  deepStrictEqual(said({ smb }), ['nothing is shared']);
  deepStrictEqual(said({ smb, shares: [share], users: anna }), []);
  deepStrictEqual(said({ smb, shares: [share] }), ['no user can log on']);
  deepStrictEqual(said({ smb, shares: [share], users: new Map([['anna', { logOn: false }]]) }), ['no user can log on']);
  deepStrictEqual(said({ smb, shares: [{ ...share, guest: true }], users: anna }), [
    'share a is open to guests, but the server accepts no guests',
  ]);
  deepStrictEqual(said({ smb: { ...smb, guest: true }, shares: [share] }), ['the server accepts guests, but no share is open to them']);
  deepStrictEqual(said({ smb: { ...smb, guest: true }, shares: [{ ...share, guest: true }] }), []);
});

test('stored users whose password is empty are named, with what to do', () => {
  const user = (name: string, password: string) => ({ name, rid: 1000, ntHash: ntHash(password) });
  const warnings = (...users: ReturnType<typeof user>[]) => startWarnings({ smb, shares: [share] }, { users: () => users });
  deepStrictEqual(warnings(user('anna', 'secret')), []);
  deepStrictEqual(warnings(user('anna', 'secret'), user('bob', '')), [
    'stored users with an empty password, with which every client can log on: bob ("ring3 user password NAME" sets one, "ring3 user delete NAME" removes the user)',
  ]);
  match(warnings(...Array.from({ length: 12 }, (_, i) => user(`u${i}`, '')))[0] ?? '', /: u0, u1, .*, u9 and 2 more \(/);
});
