import assert from 'node:assert/strict';
import { type Declare, must, names, ok, refuses, text } from './bench.ts';

/** Named streams. */
export function streams(declare: Declare): void {
  declare('a stream has data of its own, beside the file’s', ['streams'], async (bench) => {
    const file = await bench.file('file', 'main');
    const stream = await bench.stream(file, 'Side', 'beside');
    assert.equal(stream.kind, 'file');
    assert.equal(stream.name, 'Side');
    assert.equal(await text(stream), 'beside');
    assert.equal(await text(file), 'main');
    assert.notEqual(stream.fileId, file.fileId);
    const stat = await ok(stream.stat());
    assert.equal(stat.size, 6);
    assert.equal(stat.fileId, file.fileId);
    const told = await ok(must(file.streams, 'streams').call(file));
    assert.deepEqual(
      told.map(({ name, size }) => ({ name, size })),
      [{ name: 'Side', size: 6 }],
    );
    await ok(stream.truncate(100_000));
    await ok(stream.write([Buffer.from('end')], 200_000));
    assert.equal((await ok(stream.stat())).size, 200_003);
    assert.equal((await ok(file.stat())).size, 4);
    assert.deepEqual(await names(bench.root), ['file']);
  });

  declare('streams are opened and created as entries are', ['streams'], async (bench) => {
    const file = await bench.file('file');
    const openStream = must(file.openStream, 'openStream').bind(file);
    await refuses(openStream('none', { access: 'read', disposition: 'open' }), 'ENOENT');
    const stream = await bench.stream(file, 'Name', 'x');
    await refuses(openStream('NAME', { access: 'readWrite', disposition: 'create' }), 'EEXIST');
    const again = await bench.stream(file, 'nAME', '', { access: 'read', disposition: 'open' });
    assert.equal(again.fileId, stream.fileId);
    assert.equal(again.name, 'Name');
    for (const name of ['', 'a/b', 'a:b', 'a\0']) await refuses(openStream(name, { access: 'readWrite', disposition: 'create' }), 'EINVAL');
  });

  declare('a change of a stream’s data moves the modified time of its file or directory', ['streams', 'times'], async (bench) => {
    for (const owner of [await bench.file('file', 'main'), await bench.folder('folder')]) {
      const setStat = must(owner.setStat, 'setStat').bind(owner);
      const stream = await bench.stream(owner, 'side', 'beside');
      for (const change of [async () => ok(stream.write([Buffer.from('x')], 0)), async () => ok(stream.truncate(3))]) {
        await ok(setStat({ modified: 1_000_000_000n }));
        await change();
        assert.ok((await ok(owner.stat())).modified > 1_000_000_000n);
      }
      await ok(setStat({ modified: 1_000_000_000n }));
      await ok(stream.unlink());
      assert.equal((await ok(owner.stat())).modified, 1_000_000_000n, 'the data of the file did not change');
    }
  });

  declare('a stream is unlinked alone, or goes with its file', ['streams'], async (bench) => {
    const file = await bench.file('file', 'main');
    const first = await bench.stream(file, 'first', '1');
    const second = await bench.stream(file, 'second', '2');
    await ok(first.unlink());
    await refuses(first.unlink(), 'ENOENT');
    assert.equal(await text(first), '1');
    const told = await ok(must(file.streams, 'streams').call(file));
    assert.deepEqual(
      told.map(({ name }) => name),
      ['second'],
    );
    await ok(file.unlink());
    const fresh = await bench.file('file');
    assert.deepEqual([...(await ok(must(fresh.streams, 'streams').call(fresh)))], []);
    assert.equal(await text(second), '2');
  });

  declare('a stream is renamed within its file', ['streams'], async (bench) => {
    const file = await bench.file('file');
    const other = await bench.file('other');
    const stream = await bench.stream(file, 'one', '1');
    await bench.stream(file, 'two', '2');
    const { fileId } = stream;
    await refuses(stream.rename(file, 'TWO'), 'EEXIST');
    await refuses(stream.rename(other, 'x'), 'EINVAL');
    await ok(stream.rename(file, 'ONE'));
    await ok(stream.rename(file, 'Two', { replace: true }));
    assert.equal(stream.name, 'Two');
    assert.equal(stream.fileId, fileId);
    assert.deepEqual(
      (await ok(must(file.streams, 'streams').call(file))).map(({ name, size }) => `${name}:${size}`),
      ['Two:1'],
    );
    assert.equal(await text(await bench.stream(file, 'two', '', { access: 'read', disposition: 'open' })), '1');
  });

  declare('a temporary stream is not listed until it has a name, and removed without one', ['streams'], async (bench) => {
    const file = await bench.file('file', 'main');
    const listed = async (): Promise<string[]> =>
      (await ok(must(file.streams, 'streams').call(file))).map(({ name, size }) => `${name}:${size}`);
    const temporary = { access: 'readWrite', disposition: 'temporary' } as const;
    const kept = await bench.stream(file, '', 'data', temporary);
    const dropped = await bench.stream(file, '', 'other', temporary);
    const backup = await bench.stream(file, '', 'main', temporary);
    assert.deepEqual(await listed(), []);
    assert.equal(await text(kept), 'data');
    await ok(backup.rename(file, ''));
    await ok(kept.rename(file, 'name'));
    await ok(dropped.close());
    await ok(backup.unlink());
    await ok(backup.close());
    assert.deepEqual(await listed(), ['name:4']);
    assert.equal(await text(await bench.stream(file, 'NAME', '', { access: 'read', disposition: 'open' })), 'data');
    assert.equal(await text(file), 'main');
  });

  declare(
    'a temporary stream does not move the times of its file, which a process that ends before it has a name leaves as it was',
    ['streams', 'times'],
    async (bench) => {
      const file = await bench.file('file', 'main');
      const times = { modified: 1_000_000_000_000_000_000n, changed: 1_100_000_000_000_000_000n };
      await ok(must(file.setStat, 'setStat').call(file, times));
      const stream = await bench.stream(file, '', 'data', { access: 'readWrite', disposition: 'temporary' });
      await ok(stream.truncate(2));
      const { modified, changed } = await ok(file.stat());
      assert.deepEqual({ modified, changed }, times);
      await ok(stream.rename(file, 'name'));
      assert.equal(await text(await bench.stream(file, 'name', '', { access: 'read', disposition: 'open' })), 'da');
    },
  );

  declare('streams go with a renamed file, and folders have them too', ['streams'], async (bench) => {
    const folder = await bench.folder('folder');
    await bench.stream(folder, 'of a folder', 'x');
    const file = await bench.file('file');
    const stream = await bench.stream(file, 'side', 'beside');
    await ok(file.rename(folder, 'moved'));
    assert.equal(await text(stream), 'beside');
    const found = await bench.open('moved', {}, folder);
    assert.equal(await text(await bench.stream(found, 'side', '', { access: 'read', disposition: 'open' })), 'beside');
    assert.deepEqual(await names(folder), ['moved']);
    const told = await ok(must(folder.streams, 'streams').call(folder));
    assert.deepEqual(
      told.map(({ name }) => name),
      ['of a folder'],
    );
  });
}
