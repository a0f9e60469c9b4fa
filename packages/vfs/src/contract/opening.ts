import assert from 'node:assert/strict';
import { isCode } from '../vfs-error.ts';
import { content, type Declare, must, names, ok, refuses, tester, text } from './bench.ts';

/** Opening, creating, and properties of handles. */
export function opening(declare: Declare): void {
  declare('the root is a folder without a name, the same for everyone', [], async ({ vfs, root }) => {
    const other = await ok(vfs.root({ name: '', sid: 'S-1-5-7', groups: [], guest: true }));
    assert.equal(root.kind, 'folder');
    assert.equal(root.name, '');
    assert.equal(other.fileId, root.fileId);
    await ok(other.close());
    assert.deepEqual(await names(root), []);
  });

  declare('the root can be neither renamed nor unlinked', [], async (bench) => {
    const folder = await bench.folder('folder');
    await refuses(bench.root.rename(folder, 'root'), 'EINVAL', 'EBUSY');
    await refuses(bench.root.unlink(), 'EBUSY');
  });

  declare('a name that is not there answers ENOENT', [], async (bench) => {
    await refuses(bench.tryOpen('missing'), 'ENOENT');
    await refuses(bench.tryOpen('missing', { kind: 'folder' }), 'ENOENT');
    await refuses(bench.tryOpen('missing', { kind: 'file', access: 'write' }), 'ENOENT');
  });

  declare('create makes an empty file, or a folder, and is exclusive', [], async (bench) => {
    const file = await bench.file('file');
    const folder = await bench.folder('folder');
    assert.equal(file.kind, 'file');
    assert.equal(folder.kind, 'folder');
    assert.equal((await content(file)).length, 0);
    assert.deepEqual(await names(folder), []);
    for (const name of ['file', 'folder']) {
      await refuses(bench.tryCreate(name, 'file'), 'EEXIST');
      await refuses(bench.tryCreate(name, 'folder'), 'EEXIST');
    }
    await refuses(bench.tryCreate('any', 'file', bench.root, { kind: 'any' }), 'EINVAL');
    assert.deepEqual(await names(bench.root), ['file', 'folder']);
  });

  declare('of many who create one name at once, one succeeds', [], async (bench) => {
    const answers = await Promise.all(['race', 'RACE', 'Race', 'race', 'rAcE', 'racE'].map((name) => bench.tryCreate(name)));
    for (const answer of answers) {
      if (isCode(answer)) assert.equal(answer, 'EEXIST');
      else bench.keep(answer);
    }
    assert.equal(answers.filter(isCode).length, answers.length - 1);
    assert.equal((await names(bench.root)).length, 1);
  });

  declare('what is there must be of the kind that is asked for', [], async (bench) => {
    await bench.file('file');
    await bench.folder('folder');
    await refuses(bench.tryOpen('file', { kind: 'folder' }), 'ENOTDIR');
    await refuses(bench.tryOpen('folder', { kind: 'file' }), 'EISDIR');
    await refuses(bench.tryOpen('file', { kind: 'link' }), 'EINVAL');
    await refuses(bench.tryOpen('folder', { kind: 'link' }), 'EINVAL');
    assert.equal((await bench.open('file', { kind: 'any' })).kind, 'file');
    assert.equal((await bench.open('folder', { kind: 'any', access: 'read' })).kind, 'folder');
  });

  declare('a name is looked for in a folder, never in a file', [], async (bench) => {
    const file = await bench.file('file');
    await refuses(bench.tryOpen('name', {}, file), 'ENOTDIR');
    await refuses(bench.tryCreate('name', 'file', file), 'ENOTDIR');
  });

  declare('folders nest, and the same name may be in each', [], async (bench) => {
    const outer = await bench.folder('same');
    const inner = await bench.folder('same', outer);
    await bench.file('same', 'deep', inner);
    const found = await bench.open(
      'same',
      { kind: 'file' },
      await bench.open('same', { kind: 'folder' }, await bench.open('same', { kind: 'folder' })),
    );
    assert.equal(await text(found), 'deep');
    assert.deepEqual(await names(bench.root), ['same']);
  });

  declare('an unlinked folder takes no new entries', [], async (bench) => {
    const folder = await bench.folder('folder');
    await ok(folder.unlink());
    await refuses(bench.tryCreate('file', 'file', folder), 'ENOENT');
    await refuses(bench.tryOpen('file', {}, folder), 'ENOENT');
  });

  declare('a handle opened to look can be widened, by what it holds and not by its name', [], async (bench) => {
    await bench.file('old', 'content');
    await bench.file('other', 'of another');
    const handle = await bench.open('old', { kind: 'file', access: 'metadata' });
    await ok((await bench.open('old')).rename(bench.root, 'new'));
    await ok((await bench.open('other')).rename(bench.root, 'old'));
    await ok(handle.reopen?.('readWrite') ?? undefined);
    assert.equal(await text(handle), 'content');
    await ok(handle.write([Buffer.from('C')], 0));
    assert.equal(await text(await bench.open('new')), 'Content');
  });

  declare('several handles of one entry see the same data at once, and close one by one', [], async (bench) => {
    const first = await bench.file('file', 'one');
    const second = await ok(bench.vfs.open(bench.root, 'file', { access: 'readWrite', kind: 'file', disposition: 'open' }, tester));
    await ok(second.write([Buffer.from('two')], 3));
    assert.equal(await text(first), 'onetwo');
    await ok(second.close());
    assert.equal(await text(first), 'onetwo');
  });

  declare('a new entry has what it starts with from its first moment: attributes', ['attributes'], async (bench) => {
    const file = await bench.file('file', '', bench.root, { initial: { attributes: 0x22 } });
    assert.equal((await ok(file.stat())).attributes, 0x22);
    assert.equal((await ok((await bench.open('file')).stat())).attributes, 0x22);
  });

  declare('a new entry has what it starts with from its first moment: time of birth', ['times'], async (bench) => {
    const birth = 1_000_000_000_123_456_700n;
    const folder = await bench.folder('folder', bench.root, { initial: { birth } });
    assert.equal((await ok(folder.stat())).birth, birth);
  });

  declare('a new entry has what it starts with from its first moment: a descriptor', ['descriptor'], async (bench) => {
    const descriptor = Buffer.from('0100048000000000', 'hex');
    const file = await bench.file('file', '', bench.root, { initial: { descriptor } });
    assert.deepEqual(Buffer.from(await ok(must(file.getDescriptor, 'getDescriptor').call(file))), descriptor);
  });

  declare('a new entry has what it starts with from its first moment: extended attributes', ['xattr'], async (bench) => {
    const file = await bench.file('file', '', bench.root, { initial: { xattrs: new Map([['KEY', Buffer.from('value')]]) } });
    assert.equal(Buffer.from(await ok(must(file.getXattr, 'getXattr').call(file, 'KEY'))).toString(), 'value');
  });
}
