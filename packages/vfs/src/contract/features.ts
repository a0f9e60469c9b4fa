import assert from 'node:assert/strict';
import { type Feature, featureCalls, type Handle, type Vfs } from '../vfs.ts';
import { type Declare, must, ok } from './bench.ts';

/** Listed features have their methods, and methods without a feature do not exist. */
export function features(declare: Declare): void {
  declare('a feature is named exactly when its calls are there', [], async (bench) => {
    const handles: Handle[] = [bench.root, await bench.file('file'), await bench.folder('folder')];
    const promised = new Set<keyof Handle>();
    const known = new Set<keyof Handle>();
    for (const feature of Object.keys(featureCalls) as Feature[]) {
      for (const call of featureCalls[feature].handle) {
        known.add(call);
        if (bench.vfs.features.has(feature)) promised.add(call);
      }
      for (const call of featureCalls[feature].vfs) {
        assert.equal(
          typeof (bench.vfs as Vfs)[call] === 'function',
          bench.vfs.features.has(feature),
          `${feature} and ${call} of the store`,
        );
      }
    }
    for (const call of known) {
      for (const handle of handles) assert.equal(typeof handle[call] === 'function', promised.has(call), `${call} of a ${handle.kind}`);
    }
    for (const feature of bench.vfs.features) assert.ok(feature in featureCalls, `${feature} is a feature`);
  });

  declare('the space that is told makes sense', ['space'], async (bench) => {
    const { total, free, available, blockSize } = await ok(must(bench.root.space, 'space').call(bench.root));
    for (const bytes of [total, free, available]) assert.ok(Number.isSafeInteger(bytes) && bytes >= 0);
    assert.ok(free <= total && available <= total && total > 0);
    assert.ok(blockSize >= 512 && Number.isInteger(Math.log2(blockSize)));
  });

  declare('a handle tells where it is now', ['path'], async (bench) => {
    const folder = await bench.folder('Folder');
    const file = await bench.file('File', '', folder);
    const path = async (handle: Handle) => [...(await ok(must(handle.path, 'path').call(handle)))];
    assert.deepEqual(await path(bench.root), []);
    assert.deepEqual(await path(file), ['Folder', 'File']);
    await ok(folder.rename(bench.root, 'renamed'));
    assert.deepEqual(await path(file), ['renamed', 'File']);
    await ok(file.unlink());
    assert.equal(await must(file.path, 'path').call(file), 'ENOENT');
  });
}
