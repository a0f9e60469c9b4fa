/** Changes that other programs, or the store itself, make below a share: clients that cache are notified (docs/decisions/0115-changes-of-others.md). */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fakeLog, type Log } from '@ring3/kit';
import { Capabilities, ChangeNotifyResponse, CreateOptions, Dialect, NtStatus, OplockBreak } from '@ring3/smb-proto';
import { createMemoryStore, type Handle, type Identity, type Vfs } from '@ring3/vfs';
import { createNodeStore } from '@ring3/vfs-node';
import { closing, idsOf, listing, opening, renaming, setting, watching, writing } from '../packages/smb-server/src/testing/elements.ts';
import { acknowledgingLease, granted, keyOf, leasing, next, nextBreak, R, RH, RW, RWH } from '../packages/smb-server/src/testing/leases.ts';
import { RawClient, testServer } from '../packages/smb-server/src/testing/raw-client.ts';

const directory = { createOptions: CreateOptions.DirectoryFile };
const list = 0x0010_0081;
const leasingDirectory = (key: number, state: number) => leasing(key, state, { ...directory, epoch: 0, desiredAccess: list });

async function clientsOf(vfs: Vfs, log?: Log) {
  const server = testServer({ shares: { share: vfs }, ...(log && { log }) });
  const first = await RawClient.at(server, 'share', 'ann', 'secret', Dialect.Smb302, keyOf(0xa), Capabilities.DirectoryLeasing);
  const second = await RawClient.at(server, 'share', 'bob', 'word', Dialect.Smb302, keyOf(0xb), Capabilities.DirectoryLeasing);
  return { server, first, second };
}

/** A share over a directory of the host, with `dir/file` and `dir/other`. */
async function hostStage(t: TestContext) {
  const base = mkdtempSync(join(tmpdir(), 'ring3-outside-'));
  const share = join(base, 'share');
  mkdirSync(join(share, 'dir'), { recursive: true });
  for (const name of ['file', 'other']) writeFileSync(join(share, 'dir', name), 'content');
  const vfs = createNodeStore(share, { state: join(base, 'state') });
  t.after(async () => {
    await vfs.close?.();
    rmSync(base, { recursive: true });
  });
  return { ...(await clientsOf(vfs)), path: (...names: string[]) => join(share, 'dir', ...names) };
}

type Path = (...names: string[]) => string;
/** Changes of `dir/file` by another program. */
const changesOfFile: Record<string, (path: Path) => void> = {
  'a write': (path) => appendFileSync(path('file'), 'more'),
  'a truncation': (path) => truncateSync(path('file'), 1),
  'a set time': (path) => utimesSync(path('file'), 1, 1),
  'changed permissions': (path) => chmodSync(path('file'), 0o600),
  'a rename': (path) => renameSync(path('file'), path('moved')),
  'a rename over it': (path) => renameSync(path('other'), path('file')),
  'a deletion': (path) => unlinkSync(path('file')),
};

for (const [what, change] of Object.entries(changesOfFile)) {
  test(`${what} of another program breaks each lease and oplock of the file to none, and the lease of its directory`, async (t) => {
    const { first, second, path } = await hostStage(t);
    await first.create('dir', leasingDirectory(9, RH));
    await first.create('dir\\file', leasing(1, R));
    await second.create('dir\\file', leasing(2, RH));
    change(path);
    const broken = [await nextBreak(first), await nextBreak(first)].map(({ key, from, to }) => ({ key, from, to }));
    assert.deepEqual(
      broken.sort((a, b) => (a.key ?? 0) - (b.key ?? 0)),
      [
        { key: 1, from: R, to: 0 },
        { key: 9, from: RH, to: 0 },
      ],
    );
    const { key, from, to } = await nextBreak(second);
    assert.deepEqual({ key, from, to }, { key: 2, from: RH, to: 0 });
  });
}

test('a write of another program breaks write caching, and an oplock', async (t) => {
  const { first, second, path } = await hostStage(t);
  await first.create('dir\\file', leasing(1, RWH));
  await second.create('dir\\other', { requestedOplockLevel: 9 });
  writeFileSync(path('file'), 'more');
  writeFileSync(path('other'), 'more');
  assert.deepEqual(await nextBreak(first), { from: RWH, to: 0, acknowledge: true, newEpoch: 0, key: 1 });
  assert.equal((await next(second)).read(OplockBreak).oplockLevel, 0);
});

const changesOfDirectory: Record<string, (path: Path) => void> = {
  'a new file': (path) => writeFileSync(path('new'), ''),
  'a new directory': (path) => mkdirSync(path('new')),
  'a new link': (path) => symlinkSync('file', path('new')),
  'a second name': (path) => linkSync(path('file'), path('new')),
  'a file that is moved out': (path) => renameSync(path('file'), path('..', 'file')),
  'a deleted file': (path) => unlinkSync(path('file')),
};

for (const [what, change] of Object.entries(changesOfDirectory)) {
  test(`${what}, by another program, breaks the lease of the directory and completes CHANGE_NOTIFY`, async (t) => {
    const { first, second, path } = await hostStage(t);
    await first.create('dir', leasingDirectory(1, RH));
    const watched = idsOf(await second.create('dir', { ...directory, desiredAccess: list }));
    assert.equal((await second.ask(watching(watched))).status, NtStatus.Pending);
    change(path);
    const { key, to } = await nextBreak(first);
    assert.deepEqual({ key, to }, { key: 1, to: 0 });
    assert.ok((await next(second)).read(ChangeNotifyResponse).buffer.length > 0);
  });
}

test('what a client does itself breaks none of its leases, however it is reported by the host', async (t) => {
  const { first, path } = await hostStage(t);
  await first.create('dir', leasingDirectory(9, RH));
  const mine = { parent: 9, epoch: 0 };
  const file = idsOf(await first.create('dir\\file', leasing(1, RWH, mine)));
  await first.ask(writing(file, 'x'.repeat(1000)));
  await first.ask(writing(file, Buffer.alloc(60_000, 'x'), 1 << 20));
  const buffer = new Uint8Array(40);
  new DataView(buffer.buffer).setUint32(32, 2, true);
  assert.equal((await first.ask(setting(file, 4, buffer))).status, NtStatus.Success);
  const made = idsOf(await first.create('dir\\made', leasing(2, RWH, mine)));
  await first.ask(writing(made, 'data'));
  assert.equal((await first.ask(renaming(made, 'dir\\renamed'))).status, NtStatus.Success);
  await first.ask(closing(made));
  // the host reports in order: when the change of another program has arrived, all changes before it have
  writeFileSync(path('mark'), '');
  assert.equal((await nextBreak(first)).key, 9);
  writeFileSync(path('file'), 'data');
  assert.equal((await nextBreak(first)).key, 1);
});

test('what a client opens and closes, or changes without an event of the host, hides no change of another program', async (t) => {
  const { first, path } = await hostStage(t);
  await first.create('dir\\file', leasing(1, R));
  for (let n = 0; n < 3; n++) {
    await first.ask(closing(idsOf(await first.create('dir\\file'))));
    writeFileSync(path('file'), `${n}`);
    assert.equal((await nextBreak(first)).key, 1);
    await first.create('dir\\file', leasing(1, R));
  }
});

test('a renamed file is watched in its new directory, and a file behind a link in its own', async (t) => {
  const { first, path } = await hostStage(t);
  symlinkSync('dir/other', path('..', 'link'));
  const file = idsOf(await first.create('dir\\file', leasing(1, RH)));
  await first.ask(renaming(file, 'here'));
  assert.equal(granted(await first.create('link', leasing(2, R)))?.leaseState, R);
  writeFileSync(path('other'), 'data');
  assert.equal((await nextBreak(first)).key, 2);
  writeFileSync(path('..', 'here'), 'data');
  assert.equal((await nextBreak(first)).key, 1);
});

test('a directory is watched no longer than something in it is cached, and ten seconds', async (t) => {
  const { first, server } = await hostStage(t);
  const file = idsOf(await first.create('dir\\file', leasing(1, RW)));
  assert.equal(server.watched.directories, 1);
  await first.ask(closing(file));
  assert.equal(server.watched.directories, 1);
  (server.clock as unknown as { advance(ms: number): void }).advance(10_000);
  assert.equal(server.watched.directories, 0);
  await first.ask(opening('dir\\file'));
  assert.equal(server.watched.directories, 0, 'an open that caches nothing needs no watch');
});

test('changes that the program of the server makes in a memory store break leases, those of clients only by the rules of the protocol', async () => {
  const vfs = createMemoryStore();
  const { first } = await clientsOf(vfs);
  const who: Identity = { name: '', sid: '', groups: [], guest: false };
  await first.create('dir', directory);
  const holder = idsOf(await first.create('dir', leasingDirectory(9, RH)));
  await first.create('dir\\file', leasing(1, RWH, { parent: 9, epoch: 0 }));
  await first.ask(listing(holder, '*'));
  const dir = (await vfs.open(
    (await vfs.root(who)) as Handle,
    'dir',
    { access: 'read', kind: 'folder', disposition: 'open' },
    who,
  )) as Handle;
  const file = (await vfs.open(dir, 'file', { access: 'readWrite', kind: 'file', disposition: 'open' }, who)) as Handle;
  await file.write([Buffer.from('data')], 0);
  const broken = [await nextBreak(first), await nextBreak(first)].map(({ key, to }) => [key, to]);
  assert.deepEqual(broken.sort(), [
    [1, 0],
    [9, 0],
  ]);
  await first.ask(acknowledgingLease(9, 0));
  assert.equal(granted(await first.create('dir', leasingDirectory(9, R)))?.leaseState, R);
  await file.rename(dir, 'other');
  assert.equal((await nextBreak(first)).key, 9);
});

test('if a directory cannot be watched, nothing in it is cached', async () => {
  const memory = createMemoryStore();
  const full: Vfs = {
    ...memory,
    features: memory.features,
    root: (who) => memory.root(who),
    open: async (dir, name, how, who) => {
      const handle = await memory.open(dir, name, how, who);
      if (typeof handle !== 'string' && handle.kind === 'folder') handle.watch = () => 'EMFILE';
      return handle;
    },
  };
  const log = fakeLog();
  const { first } = await clientsOf(full, log);
  await first.create('dir', directory);
  assert.equal(granted(await first.create('dir', leasingDirectory(1, RH)))?.leaseState, 0);
  assert.equal(granted(await first.create('dir\\file', leasing(2, RWH)))?.leaseState, 0);
  assert.equal(granted(await first.create('file', leasing(3, RWH)))?.leaseState, RWH, 'the root can be watched');
  assert.equal(log.lines.filter(({ what }) => what.startsWith('no more directories can be watched')).length, 1);
});
