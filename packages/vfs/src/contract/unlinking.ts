import assert from 'node:assert/strict';
import { type Declare, names, ok, refuses, text } from './bench.ts';

/** Unlinking. */
export function unlinking(declare: Declare): void {
  declare('unlink takes the name away, and the handle stays usable', [], async (bench) => {
    const file = await bench.file('file', 'still ');
    const other = await bench.open('file');
    await ok(file.unlink());
    await refuses(bench.tryOpen('file'), 'ENOENT');
    assert.deepEqual(await names(bench.root), []);
    await ok(file.write([Buffer.from('here')], 6));
    assert.equal(await text(other), 'still here');
    assert.equal((await ok(file.stat())).links, 0);
    await ok(file.truncate(5));
    assert.equal(await text(other), 'still');
  });

  declare('the name is free at once, and a new entry under it is another', [], async (bench) => {
    const old = await bench.file('name', 'old');
    await ok(old.unlink());
    const fresh = await bench.file('NAME', 'new');
    assert.notEqual(fresh.fileId, old.fileId);
    assert.equal(await text(old), 'old');
    await refuses(old.unlink(), 'ENOENT');
    assert.equal(await text(await bench.open('name')), 'new');
  });

  declare('a folder must be empty', [], async (bench) => {
    const folder = await bench.folder('folder');
    const file = await bench.file('file', '', folder);
    await refuses(folder.unlink(), 'ENOTEMPTY');
    await ok(file.unlink());
    await ok(folder.unlink());
    assert.deepEqual(await names(bench.root), []);
    await refuses(folder.unlink(), 'ENOENT');
  });
}
