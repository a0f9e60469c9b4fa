import assert from 'node:assert/strict';
import type { Answer, Handle, OpenHow } from '../vfs.ts';
import { type Declare, entries, must, names, ok, refuses, text } from './bench.ts';

/** Symbolic links, and files with several names. */
export function links(declare: Declare): void {
  declare('handles of a file know by which of its names they were opened', ['hardLinks'], async (bench) => {
    const file = await bench.file('one');
    if (file.entryKey === undefined) return; // the store does not report it
    await ok(must(file.link, 'link').call(file, bench.root, 'two'));
    const two = await bench.open('two');
    const again = await bench.open('ONE');
    assert.equal(two.fileId, file.fileId);
    assert.equal(again.entryKey, file.entryKey);
    assert.notEqual(two.entryKey, file.entryKey);
    await ok(file.rename(bench.root, 'three'));
    assert.equal((await bench.open('three')).entryKey, file.entryKey);
    assert.equal(again.entryKey, file.entryKey);
  });

  declare('a link is followed, or opened itself', ['links'], async (bench) => {
    const folder = await bench.folder('folder');
    const file = await bench.file('file', 'content', folder);
    const link = await bench.link('link', 'folder/FILE');
    assert.equal(link.kind, 'link');
    assert.equal((await ok(must(link.readLink, 'readLink').call(link))).target, 'folder/FILE');
    assert.equal((await ok(link.stat())).kind, 'link');
    for (const kind of ['any', 'file'] as const) {
      const found = await bench.open('link', { kind });
      assert.equal(found.fileId, file.fileId);
      assert.equal(found.name, 'file');
      assert.equal(await text(found), 'content');
    }
    for (const how of [{ kind: 'link' }, { kind: 'any', follow: false }] as const) {
      const found = await bench.open('LINK', { access: 'metadata', ...how });
      assert.equal(found.fileId, link.fileId);
      assert.equal(found.kind, 'link');
    }
    await refuses(bench.tryOpen('link', { kind: 'folder' }), 'ENOTDIR');
    await refuses(bench.tryOpen('link', { kind: 'file', follow: false }), 'ELOOP');
    await refuses(bench.tryOpen('link', { kind: 'folder', follow: false }), 'ELOOP');
    await refuses(must(file.readLink, 'readLink').call(file), 'EINVAL');
    assert.deepEqual((await entries(bench.root)).map(({ name, kind }) => `${name}:${kind}`).sort(), ['folder:folder', 'link:link']);
  });

  declare('a link may lead through other links, up and down, inside the share', ['links'], async (bench) => {
    const a = await bench.folder('a');
    const b = await bench.folder('b', a);
    await bench.file('file', 'found', bench.root);
    await bench.link('up', '../../file', b);
    await bench.link('to b', './a//b', bench.root);
    await bench.link('round', '../to b/up', a);
    assert.equal(await text(await bench.open('round', { kind: 'file' }, a)), 'found');
    const folder = await bench.open('to b', { kind: 'folder' });
    assert.equal(folder.fileId, b.fileId);
    assert.deepEqual(await names(folder), ['up']);
    assert.equal((await bench.open('up', { kind: 'any' }, folder)).name, 'file');
  });

  declare('a link that leads nowhere is still a link', ['links'], async (bench) => {
    const link = await bench.link('link', 'missing');
    await refuses(bench.tryOpen('link'), 'ENOENT');
    await refuses(bench.tryCreate('link'), 'EEXIST');
    await bench.file('missing', 'here now');
    assert.equal(await text(await bench.open('link')), 'here now');
    await ok(link.unlink());
    assert.deepEqual(await names(bench.root), ['missing']);
  });

  declare('a link never leads out of the share', ['links'], async (bench) => {
    const folder = await bench.folder('folder');
    await bench.file('x', '', folder);
    for (const target of ['/etc/passwd', '/', '..', '../x', 'folder/../../x', '../folder/x']) {
      await refuses(bench.tryCreate('link', 'link', bench.root, { target, access: 'metadata' }), 'EACCES');
    }
    await refuses(bench.tryCreate('link', 'link', bench.root, { target: '', access: 'metadata' }), 'EINVAL');
    const moved = await bench.link('link', '../file', folder);
    await bench.file('file', 'x');
    assert.equal(await text(await bench.open('link', {}, folder)), 'x');
    await ok(moved.rename(bench.root, 'moved'));
    await refuses(bench.tryOpen('moved'), 'EACCES');
    assert.deepEqual(await names(bench.root), ['file', 'folder', 'moved']);
  });

  declare('links in a circle answer ELOOP', ['links'], async (bench) => {
    await bench.link('a', 'b');
    await bench.link('b', 'a');
    await bench.link('self', 'self');
    for (const name of ['a', 'b', 'self']) await refuses(bench.tryOpen(name), 'ELOOP');
  });

  declare('rename and unlink are of the link, not of where it leads', ['links'], async (bench) => {
    const file = await bench.file('file', 'x');
    const link = await bench.link('link', 'file');
    await ok(link.rename(bench.root, 'renamed'));
    assert.deepEqual(await names(bench.root), ['file', 'renamed']);
    await ok((await bench.open('renamed', { kind: 'link', access: 'metadata' })).unlink());
    assert.deepEqual(await names(bench.root), ['file']);
    assert.equal(await text(file), 'x');
  });

  declare('a link takes the place of a file, of an empty directory and of a link, and a file that of a link', ['links'], async (bench) => {
    const old = { file: await bench.file('File', 'x'), folder: await bench.folder('folder'), link: await bench.link('link', 'a') };
    for (const [name, { fileId }] of Object.entries(old)) {
      const how: Partial<OpenHow> = { target: 'elsewhere', access: 'metadata', replaces: fileId };
      const made = bench.keep(await ok(bench.tryCreate(name, 'link', bench.root, how)));
      assert.equal((await ok(must(made.readLink, 'readLink').call(made))).target, 'elsewhere');
      assert.notEqual(made.fileId, fileId);
    }
    assert.deepEqual(await names(bench.root), ['File', 'folder', 'link']);
    assert.equal((await ok(old.file.stat())).links, 0);
    const link = await bench.open('link', { kind: 'link' });
    await bench.file('link', '', bench.root, { replaces: link.fileId });
    assert.equal((await ok((await bench.open('link')).stat())).kind, 'file');
  });

  declare('only the entry of that id is replaced, and no directory that has entries', ['links'], async (bench) => {
    const file = await bench.file('file', 'x');
    const folder = await bench.folder('folder');
    await bench.file('in it', '', folder);
    const link = (name: string, replaces: string): Answer<Handle> =>
      bench.tryCreate(name, 'link', bench.root, { target: 'x', access: 'metadata', replaces });
    await refuses(link('file', folder.fileId), 'ENOENT');
    await refuses(link('none', file.fileId), 'ENOENT');
    await refuses(link('folder', folder.fileId), 'ENOTEMPTY');
    await refuses(bench.tryCreate('file', 'link', bench.root, { target: '../x', replaces: file.fileId }), 'EACCES');
    await refuses(bench.tryCreate('file', 'folder', bench.root, { replaces: file.fileId }), 'EINVAL');
    assert.deepEqual((await entries(bench.root)).map(({ name, kind }) => `${name}:${kind}`).sort(), ['file:file', 'folder:folder']);
    assert.deepEqual(await names(await bench.open('folder', { kind: 'folder' })), ['in it']);
  });

  declare('a file may have several names', ['hardLinks'], async (bench) => {
    const folder = await bench.folder('folder');
    const file = await bench.file('one', 'shared');
    await ok(must(file.link, 'link').call(file, folder, 'two'));
    const other = await bench.open('two', {}, folder);
    assert.equal(other.fileId, file.fileId);
    assert.equal((await ok(file.stat())).links, 2);
    await ok(other.write([Buffer.from('S')], 0));
    assert.equal(await text(file), 'Shared');
    await ok(file.unlink());
    assert.deepEqual(await names(bench.root), ['folder']);
    assert.equal((await ok(other.stat())).links, 1);
    assert.equal(await text(await bench.open('two', {}, folder)), 'Shared');
  });

  declare('a second name must be free, or be replaced; a folder has one', ['hardLinks'], async (bench) => {
    const file = await bench.file('one', 'new');
    await bench.file('Taken', 'old');
    const folder = await bench.folder('folder');
    const link = must(file.link, 'link').bind(file);
    await refuses(link(bench.root, 'TAKEN'), 'EEXIST');
    await refuses(link(bench.root, 'one'), 'EEXIST');
    await refuses(link(bench.root, 'folder', { replace: true }), 'EISDIR');
    await ok(link(bench.root, 'taken', { replace: true }));
    assert.equal(await text(await bench.open('taken')), 'new');
    assert.deepEqual((await names(bench.root)).length, 3);
    await refuses(must(folder.link, 'link').call(folder, bench.root, 'other'), 'EPERM');
  });
}
