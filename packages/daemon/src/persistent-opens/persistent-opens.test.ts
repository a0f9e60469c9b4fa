import { deepEqual, equal, rejects } from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { memoryPersistentOpens, type PersistentOpen, type PersistentOpens } from '@ring3/smb-server';
import { SqlitePersistentOpens } from './sqlite-persistent-opens.ts';

const open = (id: number, path = 'file'): PersistentOpen => ({
  id,
  share: 'share',
  path,
  fileId: 'f',
  identity: { name: 'ann', sid: 'S-1-5-21-1-2-3-1000', groups: [], guest: false },
  durableOwner: 'S-1-5-21-1-2-3-1000',
  quotaOwner: 'ANN',
  peer: '192.0.2.1:50000',
  grantedAccess: 3,
  shareAccess: 7,
  createOptions: 0,
  createAction: 1,
  since: 1_800_000_000_000,
  clientGuid: '0a'.repeat(16),
  createGuid: 'ff'.repeat(16),
  timeoutMs: 60_000,
  lease: { key: '01'.repeat(16), version: 2 },
  level: 'RWH',
  epoch: 2,
  deletePending: false,
  baseDeletePending: false,
  posixDelete: false,
  deleteOnClose: true,
});
const range = (offset: bigint, length: bigint, exclusive = true) => ({ offset, length, exclusive });

/** Stores, each with a function that returns what its next process reads. */
const stores: Readonly<Record<string, () => { store: PersistentOpens; next: () => PersistentOpens; end: () => Promise<void> }>> = {
  memory: () => {
    const store = memoryPersistentOpens();
    return { store, next: () => store, end: async () => {} };
  },
  sqlite: () => {
    const folder = mkdtempSync(join(tmpdir(), 'ring3-opens-'));
    const all = [new SqlitePersistentOpens(folder)];
    const next = (): PersistentOpens => {
      const another = new SqlitePersistentOpens(folder);
      all.push(another);
      return another;
    };
    const end = async (): Promise<void> => {
      for (const one of all) await one.close();
      rmSync(folder, { recursive: true });
    };
    return { store: all[0] as SqlitePersistentOpens, next, end };
  },
};

for (const [name, make] of Object.entries(stores)) {
  test(`${name}: what was committed is what the next process loads, in order; an open that ended is not in it`, async () => {
    const { store, next, end } = make();
    try {
      deepEqual(await store.load(), []);
      await store.commit([{ kind: 'open', open: open(2 ** 53 - 1) }]);
      const most = 2n ** 64n - 1n;
      const all = [
        store.commit([{ kind: 'open', open: open(5) }]),
        store.commit([{ kind: 'lock', id: 5, ranges: [range(most, 1n), range(0n, most, false)], sequence: { place: 64, number: 15 } }]),
        store.commit([{ kind: 'open', open: open(5, 'half of a pair \ud83d') }]), // MS-FSCC 2.1.5: any 16-bit units
        store.commit([{ kind: 'lock', id: 5, ranges: [range(7n, 0n)], sequence: { place: 64, number: 0 } }]),
        store.commit([{ kind: 'lock', id: 2 ** 53 - 1, ranges: [range(1n, 1n)], sequence: undefined }]),
        store.commit([{ kind: 'end', id: 2 ** 53 - 1 }]),
        store.commit([{ kind: 'end', id: 4711 }]),
      ];
      await Promise.all(all);
      deepEqual(await next().load(), [
        {
          open: open(5, 'half of a pair \ud83d'),
          locks: [range(most, 1n), range(0n, most, false), range(7n, 0n)],
          sequences: [{ place: 64, number: 0 }],
        },
      ]);
    } finally {
      await end();
    }
  });

  test(`${name}: an UNLOCK removes one lock of its range, an exclusive one before shared ones (MS-FSA 2.1.5.9)`, async () => {
    const { store, next, end } = make();
    try {
      await store.commit([{ kind: 'open', open: open(1) }]);
      const stack = [range(0n, 9n), range(0n, 9n, false), range(0n, 9n, false), range(0n, 8n)];
      await store.commit([{ kind: 'lock', id: 1, ranges: stack, sequence: undefined }]);
      await store.commit([{ kind: 'unlock', id: 1, ranges: [{ offset: 0n, length: 9n }], sequence: { place: 1, number: 1 } }]);
      const [kept] = await next().load();
      deepEqual(kept?.locks, [range(0n, 9n, false), range(0n, 9n, false), range(0n, 8n)]);
      deepEqual(kept?.sequences, [{ place: 1, number: 1 }]);
    } finally {
      await end();
    }
  });
}

test('without persistent opens there is no database; a damaged one rejects commits until it is removed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-opens-'));
  const path = join(folder, 'persistent-opens.sqlite');
  try {
    const unused = new SqlitePersistentOpens(folder);
    await unused.load();
    await unused.commit([]);
    await unused.close();
    equal(existsSync(path), false);
    writeFileSync(path, 'not a database '.repeat(1000));
    const store = new SqlitePersistentOpens(folder);
    await rejects(Promise.resolve(store.load()), /persistent-opens\.sqlite: .*not a database/);
    await rejects(store.commit([{ kind: 'open', open: open(1) }]), /not a database/);
    rmSync(path);
    await store.commit([{ kind: 'open', open: open(1) }]);
    deepEqual((await store.load()).length, 1);
    await store.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
