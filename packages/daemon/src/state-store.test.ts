import { deepStrictEqual, strictEqual, throws } from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fakeRandom } from '@ring3/kit';
import { holdState, StateHeldError, StateStore } from './state-store.ts';

const inFolder = (run: (folder: string) => void): void => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-state-'));
  try {
    run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

test('users are kept with their hash alone, found whatever the case, and their ids are never given twice', () =>
  inFolder((folder) => {
    const hash = new Uint8Array(16).fill(7);
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

test('a second holder of the same state is told who holds it', () =>
  inFolder((folder) => {
    {
      using _held = holdState(folder);
      throws(
        () => holdState(folder),
        (error) => error instanceof StateHeldError && error.message.includes(`process ${process.pid}`),
      );
    }
    holdState(folder)[Symbol.dispose]();
  }));

test('a folder that others may enter, and a file that is no store, are refused in one line', () =>
  inFolder((folder) => {
    chmodSync(folder, 0o755);
    throws(() => new StateStore(folder), /chmod 700/);
    chmodSync(folder, 0o700);
    writeFileSync(
      join(folder, 'state.sqlite'),
      'not a database at all, but long enough to have a header of a hundred bytes or so, as it must be',
    );
    throws(() => new StateStore(folder), /not a database/);
    truncateSync(join(folder, 'state.sqlite'), 0);
    new StateStore(folder)[Symbol.dispose]();
  }));
