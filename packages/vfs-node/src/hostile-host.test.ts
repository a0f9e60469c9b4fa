import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isCode, VfsError } from '@ring3/vfs';
import { Bench, entries, names, ok, refuses, tester, text } from '@ring3/vfs/contract';
import type { EntryHandle } from './entry-handle.ts';
import { createNodeStore, type NodeStore, type NodeStoreOptions } from './node-store.ts';

/** A served directory inside a directory with files that must never be reached. */
class Host implements AsyncDisposable {
  readonly outside = mkdtempSync(join(tmpdir(), 'ring3-host-'));
  readonly share = join(this.outside, 'share');
  readonly state = join(this.outside, 'state');
  readonly #benches: Bench[] = [];

  constructor() {
    mkdirSync(this.share);
    writeFileSync(join(this.outside, 'secret'), 'secret');
  }

  path(...names: string[]): string {
    return join(this.share, ...names);
  }

  async serve(options: Partial<NodeStoreOptions> = {}): Promise<Bench> {
    const store = createNodeStore(this.share, { state: this.state, ...options });
    const bench = new Bench(store, await ok(store.root(tester)));
    this.#benches.push(bench);
    return bench;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const bench of this.#benches) await bench.close();
    rmSync(this.outside, { recursive: true });
  }
}
test('each root resolves the path of the share: a directory put there later is served, and open handles keep the former one', async () => {
  await using host = new Host();
  const bench = await host.serve();
  const fds = openFiles();
  writeFileSync(host.path('old'), 'old');
  const old = await bench.open('old');
  renameSync(host.share, join(host.outside, 'moved'));
  await refuses(bench.vfs.root(tester), 'ENOENT');
  assert.deepEqual(await names(bench.root), ['old']);
  writeFileSync(host.share, 'a file');
  await refuses(bench.vfs.root(tester), 'ENOTDIR');
  rmSync(host.share);
  mkdirSync(host.share);
  writeFileSync(host.path('new'), 'new');
  const root = await ok(bench.vfs.root(tester));
  assert.notEqual(root.fileId, bench.root.fileId);
  assert.deepEqual(await names(root), ['new']);
  assert.equal((await ok(bench.vfs.root(tester))).fileId, root.fileId);
  const again = await ok(bench.vfs.root(tester, undefined, bench.root));
  assert.equal(again.fileId, bench.root.fileId);
  assert.deepEqual(await names(again), ['old']);
  await ok(again.close());
  assert.equal(await text(old), 'old');
  await ok(old.rename(bench.root, 'renamed'));
  assert.deepEqual(await ok(old.path!()), ['renamed']);
  renameSync(join(host.outside, 'moved', 'renamed'), join(host.outside, 'moved', 'by another'));
  await ok(old.unlink());
  assert.deepEqual(readdirSync(join(host.outside, 'moved')), []);
  assert.ok(openFiles() < fds + 8);
});

test('a share that no client uses holds no descriptor: its disk can be unmounted', async () => {
  await using host = new Host();
  const before = openFiles();
  const store = createNodeStore(host.share, { state: host.state });
  const held = (): boolean => readdirSync('/proc/self/fd').some((fd) => readlink(fd)?.startsWith(host.share) === true);
  const readlink = (fd: string): string | undefined => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return undefined; // the descriptor of the listing itself
    }
  };
  assert.equal(held(), false);
  const root = await ok(store.root(tester));
  assert.equal(held(), true);
  const again = await ok(store.root(tester));
  await ok(root.close());
  assert.deepEqual(await names(again), []);
  await ok(again.close());
  assert.equal(held(), false);
  await store.close?.();
  assert.equal(openFiles(), before);
});

test('a share whose directory is missing is served when it is created, but never if it would contain the state', async () => {
  await using host = new Host();
  rmSync(host.share, { recursive: true });
  assert.throws(() => createNodeStore(host.share, { state: host.state }), { code: 'ENOENT' });
  const store = createNodeStore(host.share, { state: host.state, mayBeAbsent: true });
  await refuses(store.root(tester), 'ENOENT');
  symlinkSync('.', host.share);
  await refuses(store.root(tester), 'EACCES');
  rmSync(host.share);
  mkdirSync(host.share);
  const bench = new Bench(store, await ok(store.root(tester)));
  assert.equal(await text(await bench.file('file', 'there')), 'there');
  await bench.close();
});

test('checkUnlink returns the error of unlink: permissions of the directory, immutable files, mount points', async (t) => {
  await using host = new Host();
  mkdirSync(host.path('folder'));
  writeFileSync(host.path('folder/file'), '');
  const bench = await host.serve();
  const folder = await bench.open('folder', { kind: 'folder' });
  const file = await bench.open('file', {}, folder);
  await ok(file.checkUnlink!());
  await ok(folder.checkUnlink!());
  await refuses(bench.root.checkUnlink!(), 'EBUSY');
  if (process.geteuid!() !== 0) {
    chmodSync(host.path('folder'), 0o555);
    await refuses(file.checkUnlink!(), 'EACCES');
    await refuses(file.unlink(), 'EACCES');
    chmodSync(host.path('folder'), 0o755);
  }
  for (const name of ['folder/file', 'folder'] as const) {
    if (spawnSync('chattr', ['+i', host.path(name)]).status !== 0) return t.skip('no file is immutable here');
    try {
      await refuses(file.checkUnlink!(), 'EPERM');
      await refuses(file.unlink(), 'EPERM');
    } finally {
      spawnSync('chattr', ['-i', host.path(name)]);
    }
  }
  await ok(folder.checkUnlink!('newEntry'));
  assert.equal(spawnSync('chattr', ['+a', host.path('folder')]).status, 0);
  try {
    await refuses(file.checkUnlink!(), 'EPERM');
    await refuses(folder.checkUnlink!('newEntry'), 'EPERM');
    await refuses((await bench.file('new', '', folder)).unlink(), 'EPERM');
  } finally {
    spawnSync('chattr', ['-a', host.path('folder')]);
  }
  await ok(file.unlink());
  await ok(file.checkUnlink!());
});

test('the space of a handle is that of its volume', async (t) => {
  await using host = new Host();
  if (statSync('/dev').dev === statSync('/dev/shm').dev) return t.skip('/dev/shm is no volume of its own');
  const store = createNodeStore('/dev', { state: host.state });
  const bench = new Bench(store, await ok(store.root(tester)));
  const folder = await bench.open('shm', { kind: 'folder' });
  for (const [handle, path] of [
    [bench.root, '/dev'],
    [folder, '/dev/shm'],
  ] as const) {
    const { total, blockSize } = await ok(handle.space!());
    const { blocks, bsize } = statfsSync(path);
    assert.deepEqual([total, blockSize], [blocks * bsize, bsize]);
  }
  await bench.close();
});

const scansOf = (bench: Bench): number => (bench.vfs as NodeStore).tree.names.scans;
const openFiles = (): number => readdirSync('/proc/self/fd').length;

test('links that lead out of the share return EACCES, whichever program made them; links inside are followed', async () => {
  await using host = new Host();
  mkdirSync(host.path('folder/deep'), { recursive: true });
  writeFileSync(host.path('folder/File'), 'inside');
  for (const [name, target] of [
    ['absolute', '/etc/passwd'],
    ['absolute inside', host.path('folder')],
    ['up', '..'],
    ['relative', '../secret'],
    ['through', 'folder/../../secret'],
    ['by link', 'up/secret'],
    ['good', 'folder/deep/../FILE'],
    ['proc', '/proc/self/root'],
  ] as const) {
    symlinkSync(target, host.path(name));
  }
  const bench = await host.serve();
  for (const name of ['absolute', 'absolute inside', 'up', 'relative', 'through', 'by link', 'proc']) {
    for (const kind of ['any', 'file', 'folder'] as const) await refuses(bench.tryOpen(name, { kind, access: 'read' }), 'EACCES');
  }
  assert.equal(await text(await bench.open('good', { access: 'read' })), 'inside');
});

test('a directory that another program repeatedly replaces by a link never leads out of the share', async () => {
  await using host = new Host();
  mkdirSync(host.path('flip'));
  writeFileSync(host.path('flip/secret'), 'inside');
  symlinkSync(host.outside, host.path('link'));
  const index = new URL('../../linux/src/index.ts', import.meta.url).href;
  const script = `
    import { openAt, renameAt, OpenFlag, RenameFlag } from ${JSON.stringify(index)};
    const dir = openAt(-100, ${JSON.stringify(host.share)}, OpenFlag.Path | OpenFlag.Directory);
    console.log('ready');
    for (;;) renameAt(dir, 'flip', dir, 'link', RenameFlag.Exchange);`;
  const flipper = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await new Promise((resolve) => flipper.stdout.once('data', resolve));
    const bench = await host.serve();
    const seen = new Set<string>();
    for (let i = 0; i < 1500 || !seen.has('inside'); i++) {
      const folder = await bench.vfs.open(
        bench.root,
        'flip',
        { access: 'metadata', kind: 'any', disposition: 'open', follow: i % 2 === 0 },
        tester,
      );
      if (isCode(folder)) {
        seen.add(folder);
        continue;
      }
      if (folder.kind === 'folder') {
        const file = await bench.vfs.open(folder, 'secret', { access: 'read', kind: 'file', disposition: 'open' }, tester);
        if (isCode(file)) seen.add(file);
        else {
          seen.add(await text(file));
          await file.close();
        }
      }
      await folder.close();
    }
    assert.ok(!seen.has('secret'), 'read a file outside the share');
  } finally {
    const ended = new Promise((resolve) => flipper.once('exit', resolve));
    flipper.kill('SIGKILL');
    await ended;
  }
});

test('FIFOs, sockets and devices are neither listed nor opened, and no call blocks on them', async () => {
  await using host = new Host();
  execFileSync('mkfifo', [host.path('fifo')]);
  const server = createServer().listen(host.path('socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  symlinkSync('fifo', host.path('to fifo'));
  writeFileSync(host.path('file'), 'x');
  const bench = await host.serve();
  assert.deepEqual(await names(bench.root), ['file', 'to fifo']);
  assert.deepEqual((await entries(bench.root, 10, true)).length, 2);
  for (const name of ['fifo', 'FIFO', 'socket', 'to fifo']) {
    for (const access of ['metadata', 'read', 'readWrite'] as const) {
      await refuses(bench.tryOpen(name, { access }), 'EACCES');
    }
  }
  await refuses(bench.tryCreate('fifo'), 'EEXIST');
  await refuses(bench.tryCreate('Fifo'), 'EEXIST');
  const file = await bench.open('file', { access: 'metadata' });
  await refuses(file.rename(bench.root, 'fifo'), 'EEXIST');
  const reading = await bench.open('file', { access: 'metadata' });
  renameSync(host.path('fifo'), host.path('file')); // the name leads to a FIFO now, but the handle still opens the file
  assert.equal(await text(reading), 'x');
  await new Promise((resolve) => server.close(resolve));
});

test('host names that are not UTF-8, or not valid on Windows, are listed, found, renamed and removed', async () => {
  await using host = new Host();
  const raw = Buffer.concat([Buffer.from(`${host.share}/`), Buffer.from([0x66, 0xff, 0x2e, 0xc3])]);
  writeFileSync(raw, 'raw');
  writeFileSync(host.path('\uf022 as it is'), 'private');
  writeFileSync(host.path('a:b?'), 'colon');
  const bench = await host.serve();
  const reported = await names(bench.root);
  assert.deepEqual(reported, ['a:b?', 'f\uf0ff.\uf0c3', '\uf022 as it is'].sort());
  assert.equal(await text(await bench.open('f\uf0ff.\uf0c3')), 'raw');
  assert.equal(await text(await bench.open('F\uf0ff.\uf0c3')), 'raw');
  assert.equal(await text(await bench.open('A\uf022B\uf025')), 'colon');
  assert.equal(await text(await bench.open('\uf022 AS IT IS')), 'private');
  await refuses(bench.tryCreate('F\uf0ff.\uf0c3'), 'EEXIST');
  const file = await bench.open('f\uf0ff.\uf0c3');
  await ok(file.rename(bench.root, 'g\uf0fe'));
  assert.deepEqual(
    readdirSync(host.share, { encoding: 'buffer' }).filter((name) => name[0] === 0x67),
    [Buffer.from([0x67, 0xfe])],
  );
  await ok(file.unlink());
  assert.equal(readdirSync(host.share).length, 2);
});

test('a handle follows a file that another program renames and never touches a replacement', async () => {
  await using host = new Host();
  const bench = await host.serve();
  const folder = await bench.folder('folder');
  const moved = await bench.file('moved', 'mine');
  renameSync(host.path('moved'), host.path('folder/elsewhere'));
  writeFileSync(host.path('moved'), 'another program');
  assert.equal(await text(moved), 'mine');
  assert.deepEqual([...(await ok(moved.path!()))], ['folder', 'elsewhere']);
  await ok(moved.rename(bench.root, 'back'));
  assert.equal(readFileSync(host.path('back'), 'utf8'), 'mine');
  assert.equal(readFileSync(host.path('moved'), 'utf8'), 'another program');
  const replaced = await bench.open('moved');
  writeFileSync(host.path('new'), 'newer');
  renameSync(host.path('new'), host.path('moved'));
  await refuses(replaced.unlink(), 'ENOENT');
  await refuses(replaced.rename(folder, 'x'), 'ENOENT');
  assert.equal(await text(replaced), 'another program');
  assert.equal(readFileSync(host.path('moved'), 'utf8'), 'newer');
  assert.equal(await text(await bench.open('moved')), 'newer');
  renameSync(host.path('folder'), host.path('renamed'));
  assert.equal(folder.kind, 'folder');
  await bench.file('in it', 'x', folder);
  assert.ok(existsSync(host.path('renamed/in it')));
  assert.deepEqual([...(await ok(folder.path!()))], ['renamed']);
});

test('no link leads through the parent of a directory that was moved out of the share', async () => {
  await using host = new Host();
  const bench = await host.serve();
  const folder = await bench.folder('folder');
  await bench.link('up', '../file', folder);
  await bench.file('file', 'inside');
  renameSync(host.path('folder'), join(host.outside, 'taken'));
  writeFileSync(join(host.outside, 'file'), 'outside');
  await refuses(bench.tryOpen('up', { access: 'read' }, folder), 'EACCES');
});

test('a name in another case costs one directory scan per change of another program, and none for changes of the store', async () => {
  await using host = new Host();
  const bench = await host.serve();
  const folder = await bench.folder('folder');
  for (let i = 0; i < 300; i++) await ok((await ok(bench.tryCreate(`File ${i}`, 'file', folder))).close());
  const before = scansOf(bench);
  for (let i = 0; i < 300; i++) {
    const file = await ok(bench.tryOpen(`FILE ${i}`, {}, folder));
    await ok(i % 2 === 0 ? file.unlink() : file.rename(folder, `Renamed ${i}`));
    await ok(file.close());
    await refuses(bench.tryOpen(`file ${i}`, {}, folder), 'ENOENT');
  }
  assert.equal(scansOf(bench), before);
  writeFileSync(host.path('folder/From Outside'), 'x');
  assert.equal((await bench.open('from outside', {}, folder)).name, 'From Outside');
  await refuses(bench.tryCreate('FROM OUTSIDE', 'file', folder), 'EEXIST');
  assert.equal(scansOf(bench), before + 1);
  const exact = await host.serve();
  await exact.open('folder');
  await exact.open('Renamed 1', {}, await exact.open('folder'));
  assert.equal(scansOf(exact), 0, 'an exact name needs no scan');
});

test('of several spellings on the host, a lookup always finds the same one, and an exact name its own', async () => {
  await using host = new Host();
  for (const name of ['b.txt', 'B.txt', 'B.TXT']) writeFileSync(host.path(name), name);
  const bench = await host.serve();
  for (const name of ['b.txt', 'B.txt', 'B.TXT']) assert.equal(await text(await bench.open(name)), name);
  assert.equal((await bench.open('b.TXT')).name, 'B.TXT');
  assert.equal((await (await host.serve()).open('b.TXT')).name, 'B.TXT');
  await ok((await bench.open('B.TXT')).unlink());
  assert.equal((await bench.open('b.TXT')).name, 'B.txt');
});

test('a directory too large for one turn is scanned in parts, and only one creator of a name succeeds', async () => {
  await using host = new Host();
  mkdirSync(host.path('many'));
  for (let i = 0; i < 6000; i++) linkSync(join(host.outside, 'secret'), host.path('many', `Entry ${i}`));
  const bench = await host.serve();
  const folder = await bench.open('many', { kind: 'folder' });
  const answers = await Promise.all(['new', 'NEW', 'New', 'ENTRY 17', 'neW'].map((name) => bench.tryCreate(name, 'file', folder)));
  assert.deepEqual(
    answers.map((answer) => (isCode(answer) ? answer : 'made')),
    ['made', 'EEXIST', 'EEXIST', 'EEXIST', 'EEXIST'],
  );
  for (const answer of answers) if (!isCode(answer)) bench.keep(answer);
  assert.equal((await bench.open('ENTRY 5999', {}, folder)).name, 'Entry 5999');
  assert.equal((await entries(folder, 1000)).length, 6001);
});

test('ids, attributes, times of birth, descriptors, extended attributes and streams survive a restart', async () => {
  await using host = new Host();
  for (const hostAttributes of [true, false]) {
    const bench = await host.serve({ hostAttributes });
    const name = `file ${hostAttributes}`;
    const file = await bench.file(name, 'data', bench.root, { initial: { attributes: 0x22, birth: 1_600_000_000_000_000_000n } });
    const large = Buffer.alloc(30_000, 7);
    await ok(file.setDescriptor!(large));
    await ok(file.setXattr!('KEY', Buffer.from('value')));
    await ok(file.setXattr!('LONG', large));
    const small = await bench.stream(file, 'Small', 'zone');
    await ok(small.close());
    const long = await bench.stream(file, 'Long', 'x'.repeat(5000));
    const ids = [file.fileId, small.fileId, long.fileId];
    await ok(long.close());
    await bench.vfs.close?.();

    const again = await host.serve({ hostAttributes });
    const found = await again.open(name);
    const stat = await ok(found.stat());
    assert.equal(stat.attributes, 0x22);
    assert.equal(stat.birth, 1_600_000_000_000_000_000n);
    assert.deepEqual(Buffer.from(await ok(found.getDescriptor!())), large);
    assert.equal(Buffer.from(await ok(found.getXattr!('KEY'))).toString(), 'value');
    assert.deepEqual(Buffer.from(await ok(found.getXattr!('LONG'))), large);
    const streams = [
      await again.stream(found, 'SMALL', '', { access: 'read', disposition: 'open' }),
      await again.stream(found, 'LONG', '', { access: 'read', disposition: 'open' }),
    ];
    assert.equal(await text(streams[0]!), 'zone');
    assert.equal((await ok(streams[1]!.stat())).size, 5000);
    assert.deepEqual([found.fileId, ...streams.map(({ fileId }) => fileId)], ids);
    await ok(found.unlink());
    assert.equal(await text(streams[0]!), 'zone');
    await ok(streams[0]!.write([Buffer.from('!')], 4));
    assert.equal(await text(streams[0]!), 'zone!');
    assert.deepEqual(existsSync(join(host.state, 'streams')) ? readdirSync(join(host.state, 'streams')) : [], []);
  }
});

test('data of a stream survives a kill of the store, and a rename of the file keeps a short stream', async (t) => {
  await using host = new Host();
  const bench = await host.serve();
  const file = await bench.file('file');
  const open = await bench.stream(file, 'open', 'not closed');
  const closed = await bench.stream(file, 'closed', 'short');
  await ok(closed.close());
  const again = await host.serve(); // the first store is never closed, as after a kill
  const found = await again.open('file');
  assert.equal(await text(await again.stream(found, 'open', '', { access: 'read', disposition: 'open' })), 'not closed');
  assert.equal(open.name, 'open');
  if (!(bench.root as EntryHandle).entry.inode.device.hasXattrs) return t.skip('the host keeps no attributes');
  execFileSync('cp', ['--preserve=xattr', host.path('file'), host.path('copy')]);
  const copy = await again.open('copy');
  assert.equal(await text(await again.stream(copy, 'closed', '', { access: 'read', disposition: 'open' })), 'short');
});

test('a client cannot reach the values of the store by the names of extended attributes', async () => {
  await using host = new Host();
  const bench = await host.serve();
  const file = await bench.file('file');
  await ok(file.setDescriptor!(Buffer.from('descriptor')));
  await ok(file.setStat!({ attributes: 2 }));
  assert.deepEqual([...(await ok(file.listXattrs!()))], []);
  for (const name of ['ring3.descriptor', 'ring3.dos', 'ring3.stream.x']) {
    await refuses(file.getXattr!(name), 'EACCES');
    await refuses(file.setXattr!(name, Buffer.from('x')), 'EACCES');
  }
  for (const name of ['', 'nul\0']) {
    await refuses(file.getXattr!(name), 'EINVAL');
    await refuses(file.setXattr!(name, Buffer.from('x')), 'EINVAL');
  }
});

test('data that is not in the cache is read completely, off the main thread', async () => {
  await using host = new Host();
  const bytes = Buffer.alloc(3_000_000, 'cold data ');
  writeFileSync(host.path('cold'), bytes);
  execFileSync('sync', [host.path('cold')]);
  const bench = await host.serve();
  const file = await bench.open('cold', { access: 'read' });
  const { Advice, advise, close, openAt } = await import('@ring3/linux');
  const fd = openAt(-100, host.path('cold'), 0);
  for (const offset of [0, 1_500_000]) {
    advise(fd, 0, 0, Advice.DontNeed);
    const target = Buffer.alloc(2_000_000);
    const length = await ok(file.read(target, offset));
    assert.equal(length, Math.min(2_000_000, 3_000_000 - offset));
    assert.ok(target.subarray(0, length).equals(bytes.subarray(offset, offset + length)));
  }
  close(fd);
});

test('changes of other programs are reported: new, written, renamed, removed, also below', async () => {
  await using host = new Host();
  const bench = await host.serve();
  mkdirSync(host.path('folder'));
  const reported: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const watch = await ok(
    bench.root.watch!({ recursive: true }, (change) => {
      reported.push('path' in change ? `${change.what} ${change.kind} ${change.path.join('/')}` : change.what);
      if (reported.at(-1) === 'removed file last') resolve();
    }),
  );
  writeFileSync(host.path('folder/a'), 'x');
  renameSync(host.path('folder/a'), host.path('b'));
  symlinkSync('b', host.path('link'));
  renameSync(host.path('folder'), host.path('moved'));
  writeFileSync(host.path('moved/c'), '');
  utimesSync(host.path('moved/c'), 1, 1);
  renameSync(host.path('moved'), join(host.outside, 'moved'));
  writeFileSync(join(host.outside, 'moved/unseen'), '');
  writeFileSync(host.path('last'), '');
  unlinkSync(host.path('last'));
  await promise;
  watch.close();
  for (const expected of [
    'added file folder/a',
    'data file folder/a',
    'renamed file b',
    'added link link',
    'renamed folder moved',
    'added file moved/c',
    'description file moved/c',
    'removed folder moved',
    'added file last',
  ]) {
    assert.ok(reported.includes(expected), `${expected} of ${reported.join(', ')}`);
  }
  assert.ok(!reported.some((line) => line.includes('unseen')));
});

test('a rename to another name of the same file leaves one name and the data', async () => {
  await using host = new Host();
  const bench = await host.serve();
  const file = await bench.file('one', 'data');
  await ok(file.link!(bench.root, 'two'));
  await refuses(file.rename(bench.root, 'TWO'), 'EEXIST');
  await ok(file.rename(bench.root, 'two', { replace: true }));
  assert.deepEqual(readdirSync(host.share), ['two']);
  assert.equal(file.name, 'two');
  await ok(file.rename(bench.root, 'two', { replace: true }));
  assert.equal(readFileSync(host.path('two'), 'utf8'), 'data');
  assert.equal(statSync(host.path('two')).nlink, 1);
});

test('all descriptors are closed', async () => {
  await using host = new Host();
  const first = await host.serve();
  await first.file('warm', 'up');
  const before = openFiles();
  {
    const bench = await host.serve();
    const folder = await bench.folder('folder');
    const file = await bench.file('file', Buffer.alloc(300_000), folder);
    await bench.link('link', 'folder/file');
    await bench.open('LINK');
    await refuses(bench.tryOpen('link/x'), 'EINVAL');
    await refuses(bench.tryOpen('x', {}, file), 'ENOTDIR');
    await refuses(bench.tryOpen('link', { kind: 'folder' }), 'ENOTDIR');
    await entries(folder, 1, true);
    await bench.stream(file, 'stream', 'x'.repeat(3000));
    const watch = await ok(bench.root.watch!({ recursive: true }, () => {}));
    await ok(file.flush!());
    await ok(file.rename(bench.root, 'renamed'));
    await ok(file.unlink());
    watch.close();
    await bench.close();
  }
  while (openFiles() > before) await new Promise(setImmediate); // inotify's descriptor is closed in the thread pool
});

test('the state must not be inside the share, and the share must be a directory', async () => {
  await using host = new Host();
  symlinkSync('share', join(host.outside, 'link'));
  for (const state of [host.share, host.path('state'), host.path('a/b'), join(host.outside, 'link', 'state')]) {
    assert.throws(
      () => createNodeStore(host.share, { state }),
      (error: unknown) => error instanceof VfsError && error.code === 'EINVAL',
    );
  }
  assert.throws(
    () => createNodeStore(host.path('none'), { state: host.state }),
    (error: unknown) => error instanceof VfsError && error.code === 'ENOENT',
  );
  assert.throws(
    () => createNodeStore(join(host.outside, 'secret'), { state: host.state }),
    (error: unknown) => error instanceof VfsError && error.code === 'ENOTDIR',
  );
});
