import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@ring3/kit';
import { CreateOptions, FsInformationClass, filetimeFromNs, InfoType, QueryInfoResponse } from '@ring3/smb-proto';
import { createMemoryStore, type Handle, type Identity, type Space, type Vfs, type Way, wrap } from '@ring3/vfs';
import { asking, closing, type Ids, idsOf } from '../../testing/elements.ts';
import { RawClient, testServer } from '../../testing/raw-client.ts';

const mounted: Space = { total: 20 * 2 ** 20, free: 5 * 2 ** 20, available: 4 * 2 ** 20, blockSize: 1024, readOnly: true };

/** A store in which everything named `mounted` is on another volume. */
function stacked(): Vfs {
  const way: Way = {
    meets: (call) => call === 'space',
    meet: (_call, name, _parameters, go) => (name === 'mounted' ? (mounted as never) : go()),
  };
  return wrap(createMemoryStore({ capacity: 2 ** 30 }), way);
}

async function asked(client: RawClient, ids: Ids, informationClass: number): Promise<DataView> {
  const answer = await client.ask(asking(ids, informationClass, { infoType: InfoType.FileSystem }));
  const bytes = answer.read(QueryInfoResponse).buffer[0] as Uint8Array;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

test('sizes are of the volume that the open is on (MS-FSCC 2.5.8, 2.5.4, 2.5.7, 2.5.1)', async () => {
  const client = await RawClient.at(testServer({ shares: { share: stacked() } }));
  const root = idsOf(await client.create(''));
  const inside = idsOf(await client.create('mounted', { createOptions: CreateOptions.DirectoryFile }));
  const sizes = async (ids: Ids) => {
    const size = await asked(client, ids, FsInformationClass.Size);
    const full = await asked(client, ids, FsInformationClass.FullSize);
    const sector = await asked(client, ids, FsInformationClass.SectorSize);
    const unit = size.getUint32(16, true) * size.getUint32(20, true);
    strictEqual(full.getUint32(24, true) * full.getUint32(28, true), unit);
    const [total, available] = [size.getBigUint64(0, true), size.getBigUint64(8, true)];
    deepStrictEqual([full.getBigUint64(0, true), full.getBigUint64(8, true)], [total, available]);
    return [Number(total) * unit, Number(available) * unit, Number(full.getBigUint64(16, true)) * unit, sector.getUint32(4, true)];
  };
  deepStrictEqual(await sizes(root), [2 ** 30, 2 ** 30, 2 ** 30, 4096]);
  deepStrictEqual(await sizes(inside), [mounted.total, mounted.available, mounted.free, mounted.blockSize]);
  const readOnly = async (ids: Ids) => ((await asked(client, ids, FsInformationClass.Attribute)).getUint32(0, true) & 0x80000) !== 0;
  deepStrictEqual([await readOnly(root), await readOnly(inside)], [false, true]);
});

test('VolumeCreationTime does not change over a restart of the server (MS-FSCC 2.5.9)', async () => {
  const store = createMemoryStore();
  const anonymous: Identity = { name: '', sid: 'S-1-5-7', groups: [], guest: false };
  const { birth } = (await ((await store.root(anonymous)) as Handle).stat()) as { birth: bigint };
  for (const now of [1000, 2000]) {
    const client = await RawClient.at(testServer({ shares: { share: store }, clock: new FakeClock(now) }));
    const ids = idsOf(await client.create(''));
    strictEqual((await asked(client, ids, FsInformationClass.Volume)).getBigUint64(0, true), filetimeFromNs(birth));
    await client.ask(closing(ids));
  }
});
