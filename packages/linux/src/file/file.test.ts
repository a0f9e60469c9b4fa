import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { close } from '../close.ts';
import { check, Errno, errnoName, SystemError } from '../errno.ts';
import { EntryType, FolderReader } from './directory.ts';
import {
  Advice,
  AllocateMode,
  advise,
  allocate,
  allocateLater,
  cloneLater,
  cloneRangeLater,
  copyRangeLater,
  IoFlag,
  readAt,
  readAtLater,
  seekData,
  seekHole,
  sync,
  syncDataLater,
  syncLater,
  truncate,
  truncateLater,
  writeAt,
  writeAtLater,
} from './io.ts';
import { AtFlag, linkAt, makeFolder, makeLink, RenameFlag, readLink, renameAt, unlinkAt, unlinkAtLater } from './name.ts';
import { descriptorPath, OpenFlag, openAt } from './open.ts';
import { FileStat, fileHandle, fileSystemStat, Mode, setTimes, setTimesAt, stat, statAt } from './stat.ts';
import { getXattr, listXattrs, removeXattr, setXattr, XattrFlag } from './xattr.ts';

const folder = mkdtempSync(join(tmpdir(), 'ring3-file-'));
after(() => rmSync(folder, { recursive: true }));
const root = openAt(-100, folder, OpenFlag.ReadOnly | OpenFlag.Directory);
after(() => close(root));
const create = (name: string): number => check(openAt(root, name, OpenFlag.ReadWrite | OpenFlag.Create | OpenFlag.Exclusive), 'openat');
const reference = (name: string): number => check(openAt(root, name, OpenFlag.Path | OpenFlag.NoFollow), 'openat');

test('an error is a negative number, has a name, and can be thrown', () => {
  const answer = openAt(root, 'nothing', OpenFlag.ReadOnly);
  assert.equal(answer, -Errno.ENOENT);
  assert.equal(errnoName(answer), 'ENOENT');
  assert.equal(errnoName(-4711), 'E4711');
  assert.throws(
    () => check(answer, 'openat', 'nothing'),
    (error: unknown) =>
      error instanceof SystemError && error.code === 'ENOENT' && error.errno === 2 && error.message === 'openat nothing: ENOENT',
  );
});

test('folders, links and second names are made, read, renamed and taken away', () => {
  assert.equal(makeFolder(root, 'folder'), 0);
  assert.equal(makeFolder(root, 'folder'), -Errno.EEXIST);
  const fd = create('one');
  assert.equal(linkAt(root, 'one', root, 'two'), 0);
  assert.equal(linkAt(-100, descriptorPath(fd), root, 'three', AtFlag.Follow), 0);
  assert.equal(statSync(join(folder, 'three')).nlink, 3);
  assert.equal(makeLink('a ⛰ target', root, 'link'), 0);
  assert.equal(readLink(root, 'link').toString(), 'a ⛰ target');
  const link = reference('link');
  assert.equal(readLink(link, '').toString(), 'a ⛰ target');
  close(link);
  assert.equal(readLink(root, 'one'), -Errno.EINVAL);
  assert.equal(renameAt(root, 'one', root, 'folder', RenameFlag.NoReplace), -Errno.EEXIST);
  assert.equal(renameAt(root, 'link', root, 'folder', RenameFlag.Exchange), 0);
  assert.equal(readLink(root, 'folder').toString(), 'a ⛰ target');
  assert.equal(unlinkAt(root, 'link'), -Errno.EISDIR);
  assert.equal(unlinkAt(root, 'link', AtFlag.RemoveFolder), 0);
  for (const name of ['one', 'two', 'three', 'folder']) assert.equal(unlinkAt(root, name), 0);
  assert.equal(unlinkAt(root, 'one'), -Errno.ENOENT);
  close(fd);
});

test('statx tells what Node tells, to the nanosecond and with a time of birth', () => {
  const fd = create('stat');
  writeAt(fd, Buffer.from('hello'), 0);
  const found = new FileStat();
  const same = new FileStat();
  assert.equal(statAt(root, 'stat', found), 0);
  assert.equal(stat(fd, same), 0);
  const node = statSync(join(folder, 'stat'), { bigint: true });
  assert.ok(found.isA(Mode.Regular) && found.isSame(same));
  assert.equal(found.inode, node.ino);
  assert.equal(BigInt(found.size), node.size);
  assert.equal(found.modified, node.mtimeNs);
  assert.equal(found.changed, node.ctimeNs);
  assert.equal(found.accessed, node.atimeNs);
  if (found.birth !== undefined) assert.equal(found.birth, node.birthtimeNs);
  assert.equal(BigInt(found.allocated), node.blocks * 512n);
  assert.equal(statAt(root, 'nothing', found), -Errno.ENOENT);
  close(fd);
});

test('times are set to the nanosecond, before 1970 too, by name, descriptor and reference; the other is left alone', () => {
  const fd = create('times');
  const found = new FileStat();
  assert.equal(setTimes(fd, -1_500_000_001n, 1_700_000_000_123_456_789n), 0);
  stat(fd, found);
  assert.deepEqual([found.accessed, found.modified], [-1_500_000_001n, 1_700_000_000_123_456_789n]);
  const path = reference('times');
  assert.equal(setTimes(path, undefined, 5n), 0);
  stat(path, found);
  assert.deepEqual([found.accessed, found.modified], [-1_500_000_001n, 5n]);
  assert.equal(setTimesAt(root, 'times', 7n, undefined), 0);
  stat(fd, found);
  assert.deepEqual([found.accessed, found.modified], [7n, 5n]);
  assert.equal(setTimes(fd, -1n, 10_000_000_000_000_000_001n), 0, 'the year 2286');
  stat(fd, found);
  assert.deepEqual([found.accessed, found.modified], [-1n, 10_000_000_000_000_000_001n]);
  close(path);
  close(fd);
});

test('a folder is read in parts, resumed anywhere, and holds no dots', async () => {
  const names = Array.from({ length: 300 }, (_, i) => `entry ${i} ${'ü'.repeat(i % 100)}`);
  mkdirSync(join(folder, 'many'));
  for (const name of names) writeFileSync(join(folder, 'many', name), '');
  symlinkSync('x', join(folder, 'many', 'link'));
  const fd = openAt(root, 'many', OpenFlag.ReadOnly | OpenFlag.Directory);
  const reader = new FolderReader(fd, 1024);
  const seen: string[] = [];
  const cursors: bigint[] = [];
  while (reader.next() === 1) {
    seen.push(reader.text);
    cursors.push(reader.cursor);
    assert.equal(reader.type, reader.text === 'link' ? EntryType.Link : EntryType.Regular);
    assert.equal(reader.name.toString(), reader.text);
  }
  assert.equal(reader.next(), 0);
  assert.deepEqual([...seen].sort(), [...names, 'link'].sort());
  assert.equal(reader.reset(fd, cursors[149]), 0);
  const rest: string[] = [];
  while ((await reader.fill()) === 1) while (reader.isBuffered && reader.next() === 1) rest.push(reader.text);
  assert.deepEqual(rest, seen.slice(150));
  assert.equal(reader.reset(fd), 0);
  assert.equal(reader.next(), 1);
  assert.equal(reader.text, seen[0]);
  close(fd);
  assert.equal(new FolderReader(fd).next(), -Errno.EBADF);
});

test('several buffers are read and written as one, and a cached read says so', async () => {
  const fd = create('io');
  const parts = [Buffer.from('one '), Buffer.alloc(0), Buffer.from('two '), Buffer.from('three')];
  assert.equal(writeAt(fd, parts, 3), 13);
  assert.equal(await writeAtLater(fd, [Buffer.from('|'), Buffer.from('end')], 16), 4);
  const [a, b] = [Buffer.alloc(7), Buffer.alloc(100)];
  assert.equal(readAt(fd, [a, b], 0), 20);
  assert.equal(a.toString() + b.toString('utf8', 0, 13), '\0\0\0one two three|end');
  assert.equal(await readAtLater(fd, b, 15), 5);
  assert.equal(b.toString('utf8', 0, 5), 'e|end');
  const cached = readAt(fd, a, 0, IoFlag.NoWait);
  assert.ok(cached === 7 || cached === -Errno.EAGAIN || cached === -Errno.EOPNOTSUPP, errnoName(cached));
  assert.equal(await syncDataLater(fd), 0);
  assert.equal(advise(fd, 0, 0, Advice.DontNeed), 0);
  assert.equal(advise(-1, 0, 0, Advice.DontNeed), -Errno.EBADF);
  assert.equal(readAt(fd, b, 20), 0);
  assert.equal(readAt(fd, b, 2 ** 52), 0);
  assert.equal(readAt(fd, b, -1), -Errno.EINVAL);
  const many = Array.from({ length: 3000 }, (_, i) => Buffer.from([i]));
  assert.equal(writeAt(fd, many, 0), 1024, 'as many as one call takes');
  close(fd);
});

test('sizes, holes and reserved room', async (t) => {
  const fd = create('sparse');
  assert.equal(truncate(fd, 1 << 20), 0);
  assert.equal(await truncateLater(fd, 1 << 21), 0);
  assert.equal(writeAt(fd, Buffer.alloc(65536, 1), 1 << 20), 65536);
  assert.equal(seekData(fd, 0), 1 << 20);
  assert.equal(seekHole(fd, 1 << 20), (1 << 20) + 65536);
  assert.equal(seekHole(fd, 0), 0);
  assert.equal(seekData(fd, (1 << 20) + 65536), -Errno.ENXIO);
  const punched = allocate(fd, AllocateMode.PunchHole | AllocateMode.KeepSize, 1 << 20, 65536);
  if (punched === -Errno.EOPNOTSUPP) t.diagnostic('no holes are punched here');
  else assert.deepEqual([punched, seekData(fd, 0)], [0, -Errno.ENXIO]);
  assert.equal(await allocateLater(fd, 0, 0, 1 << 22), 0);
  assert.equal(statSync(join(folder, 'sparse')).size, 1 << 22);
  assert.deepEqual([sync(fd), await syncLater(fd), await syncDataLater(fd)], [0, 0, 0]);
  close(fd);
  assert.equal(await unlinkAtLater(root, 'sparse'), 0);
  assert.equal(await truncateLater(-1, 0), -Errno.EBADF);
});

test('a range is copied inside the kernel, and shared where the file system can', async () => {
  const source = create('source');
  const target = create('target');
  writeAt(source, Buffer.from('0123456789'), 0);
  assert.equal(await copyRangeLater(source, 2, target, 4, 100), 8);
  assert.equal(readFileSync(join(folder, 'target'), 'latin1'), '\0\0\0\x0023456789');
  assert.equal(await copyRangeLater(source, 10, target, 0, 5), 0);
  const clones = [await cloneLater(source, target), await cloneRangeLater(source, 0, target, 0, 0)];
  for (const answer of clones)
    assert.ok(answer === 0 || [Errno.EOPNOTSUPP, Errno.EINVAL, Errno.ENOTTY].includes(-answer as never), errnoName(answer));
  close(source);
  close(target);
});

test('extended attributes are set, listed, read and removed by descriptor, reference and path', (t) => {
  const fd = create('xattr');
  const into = Buffer.alloc(64);
  const answer = setXattr(fd, 'user.ring3', Buffer.from('value'));
  if (answer === -Errno.EOPNOTSUPP) return t.skip('no extended attributes here');
  assert.equal(answer, 0);
  const path = reference('xattr');
  for (const target of [fd, { dir: path, name: '' }, { dir: root, name: 'xattr' }, { dir: root, name: Buffer.from('xattr') }]) {
    assert.equal(getXattr(target, 'user.ring3', into), 5);
    assert.equal(into.toString('utf8', 0, 5), 'value');
    assert.equal(getXattr(target, 'user.ring3', into.subarray(0, 0)), 5);
    assert.equal(getXattr(target, 'user.ring3', into.subarray(0, 1)), -Errno.ERANGE);
    assert.equal(getXattr(target, 'user.none', into), -Errno.ENODATA);
    const names = listXattrs(target);
    assert.ok(typeof names === 'object' && names.includes('user.ring3'));
    assert.equal(setXattr(target, 'user.ring3', into, XattrFlag.Create), -Errno.EEXIST);
    assert.equal(setXattr(target, 'user.more', new Uint8Array(0)), 0);
    assert.equal(removeXattr(target, 'user.more'), 0);
    assert.equal(removeXattr(target, 'user.more'), -Errno.ENODATA);
  }
  close(path);
  close(fd);
});

test('the file system tells its room; a file handle is the same until the file is gone', () => {
  const found = fileSystemStat(root);
  assert.ok(typeof found === 'object' && found.total >= found.free && found.free >= found.available && found.blockSize >= 512);
  assert.ok(found.longestName >= 143);
  assert.equal(fileSystemStat(-1), -Errno.EBADF);
  const fd = create('handle');
  const path = reference('handle');
  assert.deepEqual(fileHandle(fd), fileHandle(path));
  assert.deepEqual(fileHandle(root, 'handle'), fileHandle(path));
  close(fd);
  close(path);
  unlinkAt(root, 'handle');
});

test('a thousand failing calls in the pool at once each answer their own errno', async () => {
  const file = create('errno');
  const kinds = [
    () => truncateLater(-1, 0).then((answer) => [answer, -Errno.EBADF]),
    () => truncateLater(file, -1).then((answer) => [answer, -Errno.EINVAL]),
    () => unlinkAtLater(root, 'nothing').then((answer) => [answer, -Errno.ENOENT]),
    () => unlinkAtLater(file, 'x').then((answer) => [answer, -Errno.ENOTDIR]),
    () => unlinkAtLater(root, 'x'.repeat(300)).then((answer) => [answer, -Errno.ENAMETOOLONG]),
    () => readAtLater(root, Buffer.alloc(8), 0).then((answer) => [answer, -Errno.EISDIR]),
    () => writeAtLater(file, Buffer.alloc(8), 0).then((answer) => [answer, 8]),
  ];
  const answers = await Promise.all(
    Array.from({ length: 1000 }, (_, i) => {
      assert.equal(openAt(root, `nothing${i}`, OpenFlag.ReadOnly), -Errno.ENOENT); // calls on the main thread occur in between
      return kinds[i % kinds.length]!();
    }),
  );
  for (const [answer, expected] of answers) assert.equal(answer, expected);
  close(file);
});

test('buffers of calls in the pool survive collection', async () => {
  const file = create('collect');
  const expected = Buffer.alloc(64 * 1024, 'pattern');
  writeAt(file, expected, 0);
  const reads = Array.from({ length: 64 }, () => {
    const buffer = Buffer.allocUnsafeSlow(64 * 1024);
    return readAtLater(file, [buffer.subarray(0, 1000), buffer.subarray(1000)], 0).then(() => buffer);
  });
  for (let i = 0; i < 200; i++) Buffer.allocUnsafeSlow(1 << 20); // provokes the collector
  for (const buffer of await Promise.all(reads)) assert.ok(buffer.equals(expected));
  close(file);
});
