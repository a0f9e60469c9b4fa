import assert from 'node:assert/strict';
import { content, type Declare, names, ok, refuses, text } from './bench.ts';

/** Renaming. */
export function renaming(declare: Declare): void {
  declare('a rename moves the entry, with its data and its id, to any folder', [], async (bench) => {
    const folder = await bench.folder('folder');
    const file = await bench.file('file', 'content');
    const { fileId } = file;
    const { id64 } = await ok(file.stat());
    await ok(file.rename(folder, 'moved'));
    assert.equal(file.name, 'moved');
    assert.equal(file.fileId, fileId);
    await refuses(bench.tryOpen('file'), 'ENOENT');
    const found = await bench.open('moved', {}, folder);
    assert.equal(found.fileId, fileId);
    assert.equal((await ok(found.stat())).id64, id64);
    assert.equal(await text(found), 'content');
    assert.equal(await text(file), 'content');
    assert.deepEqual(await names(bench.root), ['folder']);
  });

  declare('another spelling of its own name is no clash', [], async (bench) => {
    const file = await bench.file('name', 'x');
    await ok(file.rename(bench.root, 'NAME'));
    assert.deepEqual(await names(bench.root), ['NAME']);
    assert.equal(file.name, 'NAME');
    await ok(file.rename(bench.root, 'Name', { replace: true }));
    assert.deepEqual(await names(bench.root), ['Name']);
    await ok(file.rename(bench.root, 'Name'));
    assert.deepEqual(await names(bench.root), ['Name']);
    assert.equal(await text(await bench.open('name')), 'x');
    const folder = await bench.folder('folder');
    await ok(folder.rename(bench.root, 'FOLDER'));
    assert.deepEqual(await names(bench.root), ['FOLDER', 'Name']);
  });

  declare('a name that is taken, in any case, answers EEXIST and nothing happens', [], async (bench) => {
    const file = await bench.file('file', 'mine');
    await bench.file('Taken', 'yours');
    await bench.folder('folder');
    for (const name of ['Taken', 'TAKEN', 'folder', 'Folder']) await refuses(file.rename(bench.root, name), 'EEXIST');
    assert.deepEqual(await names(bench.root), ['Taken', 'file', 'folder']);
    assert.equal(await text(await bench.open('taken')), 'yours');
  });

  declare('replace takes the place of a file; whoever has that open keeps it', [], async (bench) => {
    const file = await bench.file('file', 'new');
    const old = await bench.file('Taken', 'old');
    await ok(file.rename(bench.root, 'TAKEN', { replace: true }));
    assert.deepEqual(await names(bench.root), ['TAKEN']);
    assert.equal(await text(await bench.open('taken')), 'new');
    assert.equal(await text(old), 'old');
    assert.notEqual(old.fileId, file.fileId);
    await refuses(old.unlink(), 'ENOENT');
    assert.equal(await text(await bench.open('taken')), 'new');
  });

  declare('replaceDirectory: a folder takes the place of an empty folder, and of nothing else', [], async (bench) => {
    const folder = await bench.folder('folder');
    await bench.file('in it', 'x', folder);
    const empty = await bench.folder('Empty');
    const full = await bench.folder('full');
    await bench.file('kept', '', full);
    const file = await bench.file('file');
    const how = { replace: true, replaceDirectory: true };
    await refuses(folder.rename(bench.root, 'full', how), 'ENOTEMPTY');
    await refuses(folder.rename(bench.root, 'file', how), 'ENOTDIR');
    await refuses(file.rename(bench.root, 'Empty', how), 'EISDIR');
    await refuses(full.rename(bench.root, 'folder', how), 'ENOTEMPTY');
    const { fileId } = folder;
    await ok(folder.rename(bench.root, 'EMPTY', how));
    assert.deepEqual(await names(bench.root), ['EMPTY', 'file', 'full']);
    const found = await bench.open('empty', { kind: 'folder' });
    assert.equal(found.fileId, fileId);
    assert.deepEqual(await names(found), ['in it']);
    assert.equal((await ok(empty.stat())).links, 0);
    await refuses(bench.tryCreate('x', 'file', empty), 'ENOENT');
  });

  declare('replace never takes the place of a folder, nor a folder that of a file', [], async (bench) => {
    const file = await bench.file('file', 'x');
    const folder = await bench.folder('folder');
    await bench.folder('empty');
    await refuses(file.rename(bench.root, 'empty', { replace: true }), 'EISDIR');
    await refuses(folder.rename(bench.root, 'empty', { replace: true }), 'EISDIR');
    await refuses(folder.rename(bench.root, 'file', { replace: true }), 'ENOTDIR');
    assert.deepEqual(await names(bench.root), ['empty', 'file', 'folder']);
  });

  declare('a folder moves with all that is in it, and what is open below stays open', [], async (bench) => {
    const from = await bench.folder('from');
    const to = await bench.folder('to');
    const inner = await bench.folder('inner', from);
    const file = await bench.file('file', 'deep', inner);
    await ok(from.rename(to, 'moved'));
    assert.equal(await text(file), 'deep');
    await ok(file.write([Buffer.from('!')], 4));
    await bench.file('another', 'made after', inner);
    await ok(file.rename(inner, 'renamed'));
    const found = await bench.open('inner', { kind: 'folder' }, await bench.open('moved', { kind: 'folder' }, to));
    assert.deepEqual(await names(found), ['another', 'renamed']);
    assert.equal(found.fileId, inner.fileId);
    assert.equal(await text(await bench.open('renamed', {}, found)), 'deep!');
  });

  declare('a folder cannot move into itself', [], async (bench) => {
    const folder = await bench.folder('folder');
    const inner = await bench.folder('inner', folder);
    await refuses(folder.rename(folder, 'x'), 'EINVAL');
    await refuses(folder.rename(inner, 'x'), 'EINVAL');
    assert.deepEqual(await names(bench.root), ['folder']);
  });

  declare('a handle follows the renames that others make', [], async (bench) => {
    const first = await bench.file('one', 'x');
    const second = await bench.open('one');
    await ok(first.rename(bench.root, 'two'));
    assert.equal(second.name, 'two');
    await ok(second.rename(await bench.folder('folder'), 'three'));
    assert.equal(first.name, 'three');
    await ok(first.unlink());
    assert.deepEqual(await names(bench.root), ['folder']);
    assert.deepEqual(await names(await bench.open('folder', { kind: 'folder' })), []);
  });

  declare('a rename into what is no folder, or of what is gone, is refused', [], async (bench) => {
    const file = await bench.file('file');
    const other = await bench.file('other');
    await refuses(file.rename(other, 'x'), 'ENOTDIR');
    const folder = await bench.folder('folder');
    await ok(folder.unlink());
    await refuses(file.rename(folder, 'x'), 'ENOENT');
    await ok(file.unlink());
    await refuses(file.rename(bench.root, 'x'), 'ENOENT');
    assert.deepEqual(await names(bench.root), ['other']);
  });

  declare('names swap through a third', [], async (bench) => {
    const a = await bench.file('a', 'was a');
    const b = await bench.file('b', 'was b');
    await ok(a.rename(bench.root, 'c'));
    await ok(b.rename(bench.root, 'a'));
    await ok(a.rename(bench.root, 'b'));
    assert.equal((await content(await bench.open('a'))).toString(), 'was b');
    assert.equal((await content(await bench.open('b'))).toString(), 'was a');
  });
}
