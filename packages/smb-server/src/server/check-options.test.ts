import { rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryStore } from '@ring3/vfs';
import { createSmbServer, type SmbServerOptions } from '../index.ts';

/** Calls it as a program without type checks does. */
const create = (options?: unknown): Promise<unknown> => createSmbServer(options as SmbServerOptions);

test('createSmbServer rejects options of a wrong shape with one sentence that names what is accepted', async () => {
  for (const options of [undefined, null, {}, 'files', { shares: undefined }])
    await rejects(create(options), { name: 'TypeError', message: /^createSmbServer needs \{ shares: \{ NAME: store \} \}/ });
  await rejects(create({ shares: { photos: '/srv' } }), { name: 'TypeError', message: /^share "photos" is '\/srv': accepted are a store/ });
  await rejects(create({ shares: { photos: undefined } }), /^TypeError: share "photos" is undefined/);
  await rejects(create({ shares: { photos: { readOnly: true } } }), /^TypeError: share "photos" has no store/);
  await rejects(create({ shares: { photos: { vfs: {} } } }), /^TypeError: share "photos" has no store/);
  await rejects(create({ shares: { photos: { root: () => 0 } } }), /^TypeError: the store of share "photos" has no features/);
  await rejects(
    create({ shares: { photos: createMemoryStore() }, prot: 3 }),
    /^TypeError: createSmbServer has no option "prot"; options: shares, /,
  );
});
