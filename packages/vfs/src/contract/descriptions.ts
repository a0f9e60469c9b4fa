import assert from 'node:assert/strict';
import type { Handle } from '../vfs.ts';
import { type Declare, entries, must, ok, refuses } from './bench.ts';

/** Metadata of an entry: ids, times, attributes, extended attributes, security descriptors. */
export function descriptions(declare: Declare): void {
  declare('every entry has an id of its own, the same from every handle', [], async (bench) => {
    const handles = [bench.root, await bench.folder('folder')];
    for (let i = 0; i < 20; i++) handles.push(await bench.file(`f${i}`));
    const stats = await Promise.all(handles.map(async (handle) => await ok(handle.stat())));
    assert.equal(new Set(handles.map(({ fileId }) => fileId)).size, handles.length);
    assert.equal(new Set(stats.map(({ id64 }) => id64)).size, handles.length);
    for (const [i, stat] of stats.entries()) {
      assert.equal(stat.fileId, handles[i]!.fileId);
      assert.ok(stat.id64 >= 0n && stat.id64 < 2n ** 64n);
      assert.ok((stat.idHigh ?? 0n) >= 0n && (stat.idHigh ?? 0n) < 2n ** 64n);
    }
    assert.equal((await bench.open('F7')).fileId, handles[9]!.fileId);
    for (const { name, stat } of await entries(bench.root, 100, true)) {
      assert.equal(stat!.fileId, handles.find((handle) => handle.name === name)!.fileId);
    }
  });

  declare('stat tells size, kind, names and times', [], async (bench) => {
    const before = BigInt(Date.now()) * 1_000_000n;
    const file = await bench.file('file', 'x'.repeat(5000));
    const stat = await ok(file.stat());
    assert.equal(stat.kind, 'file');
    assert.equal(stat.size, 5000);
    assert.equal(stat.links, 1);
    assert.ok(Number.isSafeInteger(stat.allocated) && stat.allocated >= 0);
    for (const time of [stat.birth, stat.modified, stat.changed, stat.accessed]) {
      assert.equal(typeof time, 'bigint');
      const away = time - before;
      assert.ok(away > -10_000_000_000n && away < 60_000_000_000n, 'a new file is of now');
    }
    const folder = await ok((await bench.folder('folder')).stat());
    assert.equal(folder.kind, 'folder');
    assert.equal(folder.size, 0);
    assert.ok(folder.links >= 1);
  });

  declare('times are kept to 100 ns, each for itself, until the data changes', ['times'], async (bench) => {
    const file = await bench.file('file', 'x');
    const setStat = must(file.setStat, 'setStat').bind(file);
    await ok(setStat({ birth: 1_111_111_111_111_111_100n, modified: 1_222_222_222_222_222_200n, accessed: 1_333_333_333_333_333_300n }));
    let stat = await ok(file.stat());
    assert.equal(stat.birth, 1_111_111_111_111_111_100n);
    assert.equal(stat.modified, 1_222_222_222_222_222_200n);
    assert.equal(stat.accessed, 1_333_333_333_333_333_300n);
    await ok(setStat({ modified: 1_000_000_000_000_000_000n }));
    stat = await ok(file.stat());
    assert.equal(stat.birth, 1_111_111_111_111_111_100n);
    assert.equal(stat.modified, 1_000_000_000_000_000_000n);
    await ok(setStat({}));
    assert.equal((await ok(file.stat())).modified, 1_000_000_000_000_000_000n);
    await ok(file.write([Buffer.from('y')], 0));
    stat = await ok(file.stat());
    assert.ok(stat.modified > 1_500_000_000_000_000_000n, 'a write is a modification');
    assert.equal(stat.birth, 1_111_111_111_111_111_100n);
  });

  declare('a change time that was set is told, or passed over; the next change ends it', ['times'], async (bench) => {
    const file = await bench.file('file', 'x');
    const set = 1_111_111_111_111_111_100n;
    await ok(must(file.setStat, 'setStat').call(file, { modified: set, changed: set }));
    const { changed } = await ok(file.stat());
    assert.ok(changed === set || changed > 1_500_000_000_000_000_000n);
    await new Promise((resolve) => setTimeout(resolve, 40));
    await ok(file.write([Buffer.from('y')], 0));
    assert.ok((await ok(file.stat())).changed > 1_500_000_000_000_000_000n);
  });

  declare('folders have times too', ['times'], async (bench) => {
    const folder = await bench.folder('folder');
    await ok(must(folder.setStat, 'setStat').call(folder, { birth: 1_111_111_111_111_111_100n, modified: 1_222_222_222_222_222_200n }));
    const stat = await ok(folder.stat());
    assert.equal(stat.birth, 1_111_111_111_111_111_100n);
    assert.equal(stat.modified, 1_222_222_222_222_222_200n);
  });

  declare('attributes are kept bit for bit, and with the entry', ['attributes'], async (bench) => {
    const file = await bench.file('file');
    const folder = await bench.folder('folder');
    for (const attributes of [0x01, 0x27, 0x2220, 0x00]) {
      for (const handle of [file, folder]) {
        await ok(must(handle.setStat, 'setStat').call(handle, { attributes }));
        assert.equal((await ok(handle.stat())).attributes, attributes);
      }
    }
    await ok(must(file.setStat, 'setStat').call(file, { attributes: 0x06 }));
    await ok(file.rename(folder, 'elsewhere'));
    const [entry] = await entries(folder, 10, true);
    assert.equal(entry?.stat?.attributes, 0x06);
    await ok(must(file.setStat, 'setStat').call(file, { attributes: 0x01 }));
    await ok(file.write([Buffer.from('read-only is the server’s matter')], 0));
  });

  declare('extended attributes are kept, listed and removed', ['xattr'], async (bench) => {
    for (const handle of [await bench.file('file'), await bench.folder('folder')]) {
      const get = must(handle.getXattr, 'getXattr').bind(handle);
      const set = must(handle.setXattr, 'setXattr').bind(handle);
      const list = must(handle.listXattrs, 'listXattrs').bind(handle);
      assert.deepEqual([...(await ok(list()))], []);
      await refuses(get('NONE'), 'ENODATA');
      const value = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
      await ok(set('BINARY', value));
      await ok(set('empty', Buffer.alloc(0)));
      await ok(set('x.y-z', Buffer.from('1')));
      await ok(set('x.y-z', Buffer.from('22')));
      assert.deepEqual(Buffer.from(await ok(get('BINARY'))), value);
      assert.equal((await ok(get('empty'))).length, 0);
      assert.equal(Buffer.from(await ok(get('x.y-z'))).toString(), '22');
      assert.deepEqual([...(await ok(list()))].sort(), ['BINARY', 'empty', 'x.y-z']);
      await ok(set('empty', undefined));
      await ok(set('empty', undefined));
      await refuses(get('empty'), 'ENODATA');
      assert.deepEqual([...(await ok(list()))].sort(), ['BINARY', 'x.y-z']);
      const [entry] = (await entries(bench.root, 100, true)).filter(({ name }) => name === handle.name);
      const sizes = entry?.stat?.xattrSizes ?? new Map();
      assert.deepEqual([...sizes].sort(), [
        ['BINARY', 256],
        ['x.y-z', 2],
      ]);
      await ok(set('x.y-z', Buffer.from('333')));
      const again = (await entries(bench.root, 100, true)).find(({ name }) => name === handle.name);
      assert.equal(again?.stat?.xattrSizes?.get('x.y-z'), 3);
    }
    await bench.file('none');
    assert.equal((await entries(bench.root, 100, true)).find(({ name }) => name === 'none')?.stat?.xattrSizes, undefined);
  });

  declare('an extended attribute of 4 KiB goes with its entry; one that does not fit answers ENOSPC', ['xattr'], async (bench) => {
    const file = await bench.file('file');
    const value = Buffer.alloc(4096, 0xa5);
    await ok(must(file.setXattr, 'setXattr').call(file, 'LARGE', value));
    await ok(file.rename(await bench.folder('folder'), 'moved'));
    assert.deepEqual(Buffer.from(await ok(must(file.getXattr, 'getXattr').call(file, 'LARGE'))), value);
    await refuses(must(file.setXattr, 'setXattr').call(file, 'HUGE', Buffer.alloc(1_000_000)), 'ENOSPC');
  });

  declare('an object id is kept with its entry, and is that of only one entry', ['objectIds'], async (bench) => {
    const [file, folder] = [await bench.file('file'), await bench.folder('folder')];
    const id = (first: number): Uint8Array => new Uint8Array(64).map((_, i) => first + i);
    const get = (handle: Handle) => must(handle.getObjectId, 'getObjectId').call(handle);
    const set = (handle: Handle, value: Uint8Array | undefined) => must(handle.setObjectId, 'setObjectId').call(handle, value);
    for (const handle of [file, folder]) {
      await refuses(get(handle), 'ENODATA');
      await ok(set(handle, undefined));
    }
    await ok(set(file, id(1)));
    assert.deepEqual(Buffer.from(await ok(get(file))), Buffer.from(id(1)));
    const same = id(100);
    same.set(id(1).subarray(0, 16));
    await refuses(set(folder, same), 'EEXIST');
    await refuses(get(folder), 'ENODATA');
    await ok(set(file, same));
    await ok(set(folder, id(2)));
    await ok(file.rename(folder, 'elsewhere'));
    assert.deepEqual(Buffer.from(await ok(get(await bench.open('elsewhere', {}, folder)))), Buffer.from(same));
    await ok(set(file, undefined));
    await refuses(get(file), 'ENODATA');
    await ok(set(folder, id(1)));
  });

  declare('the object id of an entry that was removed is free', ['objectIds'], async (bench) => {
    const id = new Uint8Array(64).fill(7);
    const first = await ok(bench.tryCreate('first'));
    await ok(must(first.setObjectId, 'setObjectId').call(first, id));
    await ok(first.unlink());
    await ok(first.close());
    const second = await bench.file('second');
    await ok(must(second.setObjectId, 'setObjectId').call(second, id));
  });

  declare('a security descriptor is kept byte for byte, small or large', ['descriptor'], async (bench) => {
    for (const handle of [await bench.file('file'), await bench.folder('folder')]) {
      const get = must(handle.getDescriptor, 'getDescriptor').bind(handle);
      await refuses(get(), 'ENODATA');
      for (const size of [20, 5000, 64_000, 100]) {
        const descriptor = Buffer.from(Array.from({ length: size }, (_, i) => (i * 7) & 0xff));
        await ok(must(handle.setDescriptor, 'setDescriptor').call(handle, descriptor));
        assert.deepEqual(Buffer.from(await ok(get())), descriptor);
        descriptor.fill(0);
        assert.notDeepEqual(Buffer.from(await ok(get())), descriptor);
      }
    }
  });
}
