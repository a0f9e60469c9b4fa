import { equal, notEqual } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CreateOptions, Dialect, Fsctl, InfoType, NtStatus } from '@ring3/smb-proto';
import { asking, control, type Ids, idsOf, listing, reading, setting, watching, writing } from '../testing/elements.ts';
import { type Element, RawClient, testServer } from '../testing/raw-client.ts';

const more = 65537;
const big = new Uint8Array(more);
type Build = (ids: { readonly file: Ids; readonly folder: Ids }) => Element;

/** Every request with a payload, or a response payload, that can be larger than 64 KiB and is checked. */
const requests: Readonly<Record<string, Build>> = {
  'READ 3.3.5.12': ({ file }) => reading(file, more),
  'WRITE 3.3.5.13': ({ file }) => writing(file, big),
  'IOCTL, input 3.3.5.15': ({ file }) => control(file, Fsctl.SetZeroData, { input: big }),
  'IOCTL, output 3.3.5.15': ({ file }) => control(file, Fsctl.QueryAllocatedRanges, { maxOutputResponse: more }),
  'QUERY_DIRECTORY 3.3.5.18': ({ folder }) => listing(folder, '*', { outputBufferLength: more }),
  'CHANGE_NOTIFY 3.3.5.19': ({ folder }) => watching(folder, { outputBufferLength: more }),
  'QUERY_INFO, output 3.3.5.20': ({ file }) => asking(file, 18, { outputBufferLength: more }),
  'QUERY_INFO, input 3.3.5.20': ({ file }) => asking(file, 15, { input: big }),
  'QUERY_INFO of a file system 3.3.5.20': ({ file }) => asking(file, 5, { infoType: InfoType.FileSystem, outputBufferLength: more }),
  'SET_INFO 3.3.5.21': ({ file }) => setting(file, 4, big),
};

async function stage(dialect: number) {
  const client = await RawClient.at(testServer(), 'share', 'ann', 'secret', dialect);
  const file = idsOf(await client.create('file'));
  const folder = idsOf(await client.create('', { createOptions: CreateOptions.DirectoryFile }));
  const ask = async (build: Build, creditCharge: number): Promise<number> =>
    (await client.ask({ ...build({ file, folder }), header: { creditCharge } })).status;
  return { client, ask };
}

for (const dialect of [Dialect.Smb21, Dialect.Smb30, Dialect.Smb302]) {
  describe(`the credit charge at ${dialect.toString(16)} (MS-SMB2 3.3.5.2.5)`, () => {
    for (const [name, build] of Object.entries(requests)) {
      test(`${name}: a charge of 0 or 1 does not cover more than 64 KiB`, async () => {
        const { ask } = await stage(dialect);
        for (const charge of [0, 1]) equal(await ask(build, charge), NtStatus.InvalidParameter, `charge ${charge}`);
      });
    }

    test('a charge of 2 covers 65,537 bytes, and a charge of 0 covers 65,536', async () => {
      const { ask } = await stage(dialect);
      for (const name of ['WRITE 3.3.5.13', 'QUERY_INFO, output 3.3.5.20', 'QUERY_DIRECTORY 3.3.5.18']) {
        equal(await ask(requests[name] as Build, 2), NtStatus.Success, name);
      }
      equal(await ask(({ file }) => writing(file, big.subarray(1)), 0), NtStatus.Success);
    });
  });
}

test('2.0.2 has no credit charge: 65,536 bytes are the limit of a request (MS-SMB2 3.3.5.2.5, 3.3.5.13)', async () => {
  const { ask, client } = await stage(Dialect.Smb202);
  equal(await ask(({ file }) => writing(file, big.subarray(1)), 0), NtStatus.Success);
  notEqual(await ask(({ file }) => asking(file, 18, { outputBufferLength: 65536 }), 0), NtStatus.InvalidParameter);
  equal(client.ended, undefined);
});
