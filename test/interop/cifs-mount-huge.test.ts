import assert from 'node:assert/strict';
import { statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lenient, scene, withoutMounts } from './cifs/scene.ts';

const { bavail, bsize } = statfsSync(tmpdir());
const skip = withoutMounts ?? (bavail * bsize < 6 * 2 ** 30 ? `${tmpdir()} has less than 6 GiB left` : false);

test('the cifs client of a Linux kernel carries 5 GiB there and back', { skip }, async () => {
  await scene(lenient, async ({ folder, options, run }) => {
    await run(['huge', options('vers=3.1.1'), 'huge']);
    assert.equal(statSync(join(folder, 'huge')).size, 5 * 2 ** 30);
  });
});
