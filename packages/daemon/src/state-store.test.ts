import { deepStrictEqual, match, ok, strictEqual, throws } from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { fakeRandom } from '@ring3/kit';
import { StateError } from './state-file.ts';
import { holdState, StateHeldError, StateStore } from './state-store.ts';

const inFolder = (run: (folder: string) => void): void => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-state-'));
  try {
    run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const hash = new Uint8Array(16).fill(7);

test('users are stored with their hash only and found in any case, and their ids are never assigned twice', () =>
  inFolder((folder) => {
    {
      using store = new StateStore(folder);
      strictEqual(store.addUser('Anna', hash), true);
      strictEqual(store.addUser('anna', hash), false);
      strictEqual(store.addUser('bob', hash), true);
      strictEqual(store.deleteUser('BOB'), true);
      strictEqual(store.deleteUser('bob'), false);
      strictEqual(store.setPassword('nobody', hash), false);
      strictEqual(store.ridOf('guest of a day'), store.ridOf('Guest of a day'));
      strictEqual(store.user('guest of a day'), undefined);
      strictEqual(store.deleteUser('guest of a day'), false);
    }
    using store = new StateStore(folder);
    strictEqual(store.addUser('carl', hash), true);
    const rids = store.users().map(({ name, rid }) => [name, rid] as const);
    deepStrictEqual(rids[0], ['Anna', 1000]);
    strictEqual(rids.length === 2 && rids[1]?.[0] === 'carl' && rids[1][1] > 1001, true, "bob's id is not given again");
    deepStrictEqual(store.user('ANNA')?.ntHash, hash);
    strictEqual(statSync(join(folder, 'state.sqlite')).mode & 0o777, 0o600);
  }));

test('names of users beyond ASCII are found whatever the case, by the table of file names (MS-UCODEREF 3.1.5.3)', () =>
  inFolder((folder) => {
    using store = new StateStore(folder);
    strictEqual(store.addUser('jürgen', hash), true);
    for (const name of ['JÜRGEN', 'Jürgen']) {
      strictEqual(store.user(name)?.name, 'jürgen', name);
      strictEqual(store.addUser(name, hash), false, name);
    }
    strictEqual(store.addUser('straße', hash), true);
    strictEqual(store.user('STRASSE'), undefined, 'one character is one character');
    strictEqual(store.ridOf('ΩMEGA'), store.ridOf('ωmega'));
    strictEqual(store.setPassword('JÜRGEN', new Uint8Array(16)), true);
    deepStrictEqual(store.user('jürgen')?.ntHash, new Uint8Array(16));
    strictEqual(store.deleteUser('JÜRGEN'), true);
    strictEqual(store.user('jürgen'), undefined);
  }));

test('a state of the second format, in which case beyond ASCII counted, keeps its users: the first has the name, the other its spelling', () =>
  inFolder((folder) => {
    const path = join(folder, 'state.sqlite');
    {
      const old = new DatabaseSync(path);
      old.exec(`CREATE TABLE identity (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
        CREATE TABLE user (rid INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE COLLATE NOCASE, nt_hash BLOB) STRICT;
        CREATE TABLE share (folded TEXT PRIMARY KEY, name TEXT NOT NULL, options TEXT NOT NULL) STRICT;
        INSERT INTO user VALUES (1000, 'jürgen', zeroblob(16)), (1001, 'JÜRGEN', zeroblob(16));
        PRAGMA user_version = 2;`);
      old.close();
    }
    using store = new StateStore(folder);
    deepStrictEqual(
      ['jürgen', 'JÜRGEN', 'Jürgen'].map((name) => store.user(name)?.rid),
      [1000, 1001, 1000],
    );
    strictEqual(store.deleteUser('JÜRGEN'), true);
    strictEqual(store.user('JÜRGEN')?.rid, 1000);
  }));

test('shares are kept with their options, found whatever the case', () =>
  inFolder((folder) => {
    {
      using store = new StateStore(folder);
      strictEqual(store.addShare({ name: 'Größe', options: { path: '/a', users: ['anna'], 'read-only': true } }), true);
      strictEqual(store.addShare({ name: 'GRÖSSE', options: { path: '/b' } }), false, 'as the file server folds names');
      strictEqual(store.addShare({ name: 'apples', options: { path: '/c' } }), true);
    }
    using store = new StateStore(folder);
    deepStrictEqual(store.shares(), [
      { name: 'apples', options: { path: '/c' } },
      { name: 'Größe', options: { path: '/a', users: ['anna'], 'read-only': true } },
    ]);
    strictEqual(store.deleteShare('APPLES'), true);
    strictEqual(store.deleteShare('apples'), false);
    strictEqual(store.shares().length, 1);
  }));

test('who the server is, is made once; starts are counted', () =>
  inFolder((folder) => {
    let guid: Uint8Array;
    {
      using store = new StateStore(folder);
      guid = store.identity('serverGuid', 16, fakeRandom(1));
      strictEqual(store.countStart(), 1);
    }
    using store = new StateStore(folder);
    deepStrictEqual(store.identity('serverGuid', 16, fakeRandom(2)), guid);
    strictEqual(store.countStart(), 2);
  }));

test('a second holder of the same state receives the name of the first', () =>
  inFolder((folder) => {
    {
      using _held = holdState(folder);
      throws(
        () => holdState(folder),
        (error) => error instanceof StateHeldError && error.message.endsWith(`is in use by the ring3 of process ${process.pid}`),
      );
      writeFileSync(join(folder, 'pid'), '12'); // not written to its end
      throws(() => holdState(folder), /is in use by another ring3$/);
      rmSync(join(folder, 'pid'));
      throws(() => holdState(folder), /is in use by another ring3$/);
    }
    writeFileSync(join(folder, 'lock.sqlite'), 'anything '.repeat(100));
    holdState(folder)[Symbol.dispose]();
  }));

test('a state of the first format is converted to the latest without loss; one of a later format is not changed', () =>
  inFolder((folder) => {
    const path = join(folder, 'state.sqlite');
    const first = new DatabaseSync(path);
    first.exec(`PRAGMA journal_mode = WAL;
      CREATE TABLE identity (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
      CREATE TABLE user (rid INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE COLLATE NOCASE, nt_hash BLOB) STRICT;
      INSERT INTO sqlite_sequence (name, seq) VALUES ('user', 999);
      INSERT INTO user (name, nt_hash) VALUES ('anna', x'07070707070707070707070707070707');
      PRAGMA user_version = 1;`);
    first.close();
    {
      using store = new StateStore(folder);
      deepStrictEqual(store.user('anna'), Object.assign(Object.create(null), { name: 'anna', ntHash: hash, rid: 1000 }));
      deepStrictEqual(store.shares(), []);
      strictEqual(store.addShare({ name: 'a', options: { path: '/a' } }), true);
      deepStrictEqual(readdirSync(folder), ['state.sqlite'], 'one file, which a copy saves');
    }
    const later = new DatabaseSync(path);
    later.exec('PRAGMA user_version = 99');
    later.close();
    throws(
      () => new StateStore(folder),
      /state\.sqlite was written by a later ring3 \(format 99; this version reads up to 3\): use that version$/,
    );
  }));

test('a state cut short at any length is never taken for a new one: one line says what to do', () =>
  inFolder((folder) => {
    {
      using store = new StateStore(folder);
      for (let i = 0; i < 200; i++) store.addUser(`user ${i}`, hash);
    }
    const path = join(folder, 'state.sqlite');
    const whole = readFileSync(path);
    ok(whole.length > 5 * 4096);
    const lengths = [0, 1, 99, 100, 511, 512, 513, 4095, 4096, 4097, whole.length - 4096, whole.length - 1];
    for (let length = 777; length < whole.length; length += 777) lengths.push(length);
    for (const length of lengths) {
      writeFileSync(path, whole.subarray(0, length));
      throws(
        () => new StateStore(folder),
        (error) =>
          error instanceof StateError &&
          /state\.sqlite is damaged \([^\n]+\): restore a copy, or move it away to start without its users and shares$/.test(error.message),
        `${length} bytes`,
      );
    }
    deepStrictEqual(readdirSync(folder), ['state.sqlite'], 'nothing is made beside it');
    writeFileSync(path, whole);
    using store = new StateStore(folder);
    strictEqual(store.users().length, 200);
  }));

test('garbage, pages of another time, and a database of another program are rejected', () =>
  inFolder((folder) => {
    const path = join(folder, 'state.sqlite');
    const refused = (): void => throws(() => new StateStore(folder), /state\.sqlite is damaged \([^\n]+\): restore a copy/);
    writeFileSync(path, 'not a database at all, but long enough to have a header of a hundred bytes or so, as it must be');
    refused();
    rmSync(path);
    {
      using store = new StateStore(folder);
      for (let i = 0; i < 100; i++) store.addUser(`user ${i}`, hash);
    }
    const whole = readFileSync(path);
    for (let page = 1; page * 4096 < whole.length; page++) {
      const broken = Buffer.from(whole);
      fakeRandom(page).fill(broken.subarray(page * 4096, page * 4096 + 200));
      writeFileSync(path, broken);
      refused();
    }
    rmSync(path);
    const foreign = new DatabaseSync(path);
    foreign.exec('CREATE TABLE user (a)');
    foreign.close();
    refused();
  }));

test('a missing state with a journal is not created again; the state of a first start that was killed is', () =>
  inFolder((folder) => {
    writeFileSync(join(folder, 'state.sqlite-journal'), 'left');
    throws(() => new StateStore(folder), /state\.sqlite is missing, and state\.sqlite-journal is there: put it back, or remove that too/);
    rmSync(join(folder, 'state.sqlite-journal'));
    writeFileSync(join(folder, 'state.sqlite.new-2147483646'), 'half');
    writeFileSync(join(folder, 'state.sqlite.new-2147483646-journal'), 'half');
    new StateStore(folder)[Symbol.dispose]();
    deepStrictEqual(readdirSync(folder), ['state.sqlite']);
  }));

test('a directory that other users may enter, and a path that is not a directory, are rejected in one line', () =>
  inFolder((folder) => {
    chmodSync(folder, 0o755);
    throws(() => new StateStore(folder), /chmod 700/);
    chmodSync(folder, 0o700);
    writeFileSync(join(folder, 'file'), '');
    throws(
      () => new StateStore(join(folder, 'file', 'state')),
      (error) => {
        match((error as Error).message, /^[^\n]*file\/state[^\n]*$/);
        return true;
      },
    );
    mkdirSync(join(folder, 'state.sqlite'));
    throws(() => new StateStore(folder), /state\.sqlite cannot be opened/);
    strictEqual(existsSync(join(folder, 'state.sqlite-journal')), false);
    rmSync(join(folder, 'state.sqlite'), { recursive: true });
    new StateStore(folder)[Symbol.dispose]();
    truncateSync(join(folder, 'state.sqlite'), 0);
    throws(() => new StateStore(folder), /damaged \(it is empty\)/);
  }));
