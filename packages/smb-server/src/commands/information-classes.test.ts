import { equal, notEqual } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AccessMask, Dialect, InfoType, NtStatus } from '@ring3/smb-proto';
import { asking, type Ids, idsOf, setting } from '../testing/elements.ts';
import { RawClient, testServer } from '../testing/raw-client.ts';

/** File classes that MS-FSCC 2.4 documents, and those of them with "Set" among their uses. */
const documented = [
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 31, 32, 33, 34, 35, 36, 37, 38,
  39, 40, 44, 45, 46, 48, 50, 54, 59, 60, 64, 65, 78, 79, 80, 81,
];
const documentedSet = [4, 10, 11, 13, 14, 15, 16, 19, 20, 23, 32, 39, 40, 64, 65];
/** Those that MS-SMB2 2.2.37 lists, with the bytes of their fixed part, MS-FSCC 2.4. FullEa (15) and Stream (22) are lists. */
const queried: Readonly<Record<number, number>> = {
  4: 40,
  5: 24,
  6: 8,
  7: 4,
  8: 4,
  14: 8,
  16: 4,
  17: 4,
  18: 100,
  28: 16,
  34: 56,
  35: 8,
  48: 4,
  59: 24,
};
const queriedLists = [15, 22];
/** Of named pipes, and short names: a file has none. */
const queriedElsewhere = [21, 23, 24, 25];
/** Those that MS-SMB2 2.2.39 lists (64 and 65 by their descriptions), with the bytes of their fixed part. */
const setOnWire: Readonly<Record<number, number>> = {
  4: 40,
  10: 20,
  11: 20,
  13: 1,
  14: 8,
  16: 4,
  19: 8,
  20: 8,
  23: 8,
  39: 8,
  40: 4,
  64: 4,
  65: 20,
};

const every = Array.from({ length: 100 }, (_, fileInfoClass) => fileInfoClass);

async function stage(desiredAccess = 0x001f01ff): Promise<{ client: RawClient; file: Ids }> {
  const client = new RawClient(testServer());
  await client.negotiate([Dialect.Smb302]);
  await client.logOn('ann', 'secret');
  await client.connect('share');
  return { client, file: idsOf(await client.create('long name.text', { desiredAccess })) };
}

describe('QUERY_INFO of file information (MS-SMB2 3.3.5.20.1)', () => {
  test('a class that MS-FSCC documents and 2.2.37 does not list is not supported; an undocumented class is invalid', async () => {
    const { client, file } = await stage();
    for (const fileInfoClass of every) {
      const listed = fileInfoClass in queried || queriedLists.includes(fileInfoClass) || queriedElsewhere.includes(fileInfoClass);
      if (listed) continue;
      const status = documented.includes(fileInfoClass) ? NtStatus.NotSupported : NtStatus.InvalidInfoClass;
      for (const outputBufferLength of [0, 1, 4096]) {
        equal((await client.ask(asking(file, fileInfoClass, { outputBufferLength }))).status, status, `class ${fileInfoClass}`);
      }
    }
  });

  test('a listed class needs space for its fixed part', async () => {
    const { client, file } = await stage();
    for (const [name, fixed] of Object.entries(queried)) {
      const fileInfoClass = Number(name);
      if (fileInfoClass === 48) continue; // only at 3.1.1
      for (const outputBufferLength of [0, fixed - 1]) {
        const { status } = await client.ask(asking(file, fileInfoClass, { outputBufferLength }));
        equal(status, NtStatus.InfoLengthMismatch, `class ${fileInfoClass}, ${outputBufferLength} bytes`);
      }
      equal((await client.ask(asking(file, fileInfoClass))).status, NtStatus.Success, `class ${fileInfoClass}`);
    }
    equal((await client.ask(asking(file, 48))).status, NtStatus.NotSupported, 'FileNormalizedNameInformation at 3.0.2');
  });
});

describe('SET_INFO of file information (MS-SMB2 3.3.5.21.1)', () => {
  test('a class with "Set" among its uses that 2.2.39 does not list is not supported; a class without it is invalid', async () => {
    const { client, file } = await stage();
    for (const fileInfoClass of every) {
      if (fileInfoClass in setOnWire || fileInfoClass === 15) continue;
      const status = documentedSet.includes(fileInfoClass) ? NtStatus.NotSupported : NtStatus.InvalidInfoClass;
      for (const length of [1, 8, 200]) {
        equal((await client.ask(setting(file, fileInfoClass, new Uint8Array(length)))).status, status, `class ${fileInfoClass}`);
      }
    }
  });

  test('an empty buffer is invalid, whatever the class (MS-SMB2 3.3.5.21)', async () => {
    const { client, file } = await stage();
    for (const infoType of [InfoType.File, InfoType.FileSystem, InfoType.Security, InfoType.Quota]) {
      for (const fileInfoClass of every) {
        const { status } = await client.ask(setting(file, fileInfoClass, new Uint8Array(0), { infoType }));
        equal(status, NtStatus.InvalidParameter, `type ${infoType}, class ${fileInfoClass}`);
      }
    }
  });

  test('a listed class needs its fixed part', async () => {
    const { client, file } = await stage();
    for (const [name, fixed] of Object.entries(setOnWire)) {
      for (const length of [1, fixed - 1].filter((length) => length > 0 && length < fixed)) {
        const { status } = await client.ask(setting(file, Number(name), new Uint8Array(length)));
        equal(status, NtStatus.InfoLengthMismatch, `class ${name}, ${length} bytes`);
      }
      notEqual((await client.ask(setting(file, Number(name), new Uint8Array(fixed)))).status, NtStatus.InfoLengthMismatch, `class ${name}`);
    }
  });

  test('of a named pipe only the modes can be set', async () => {
    const { client } = await stage();
    await client.connect('IPC$');
    const pipe = idsOf(await client.create('srvsvc'));
    equal((await client.ask(setting(pipe, 23, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0)))).status, NtStatus.Success);
    equal((await client.ask(setting(pipe, 23, Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0)))).status, NtStatus.InvalidParameter);
    equal((await client.ask(setting(pipe, 23, new Uint8Array(7)))).status, NtStatus.InfoLengthMismatch);
    equal((await client.ask(setting(pipe, 20, new Uint8Array(8)))).status, NtStatus.InvalidParameter);
    equal((await client.ask(setting(pipe, 99, new Uint8Array(8)))).status, NtStatus.InvalidInfoClass);
  });
});

describe('file system information', () => {
  /** Bytes of the fixed part, MS-FSCC 2.5, of the classes that MS-SMB2 2.2.37 lists. */
  const fixed: Readonly<Record<number, number>> = { 1: 18, 3: 24, 4: 8, 5: 12, 6: 48, 7: 32, 8: 64, 11: 28 };

  test('QUERY_INFO of a class for local use is not supported, of an undocumented one invalid (MS-SMB2 3.3.5.20.2)', async () => {
    const { client, file } = await stage();
    for (const fsClass of every) {
      const ask = async (outputBufferLength: number): Promise<number> =>
        (await client.ask(asking(file, fsClass, { infoType: InfoType.FileSystem, outputBufferLength }))).status;
      const least = fixed[fsClass];
      if (least !== undefined) {
        equal(await ask(4096), NtStatus.Success, `class ${fsClass}`);
        for (const length of [0, least - 1]) equal(await ask(length), NtStatus.InfoLengthMismatch, `class ${fsClass}, ${length} bytes`);
      } else equal(await ask(4096), [2, 9, 10].includes(fsClass) ? NtStatus.NotSupported : NtStatus.InvalidInfoClass, `class ${fsClass}`);
    }
    const short = asking(file, 9, { infoType: InfoType.FileSystem, outputBufferLength: 4 });
    equal((await client.ask(short)).status, NtStatus.InfoLengthMismatch, 'FileFsDriverPathInformation');
  });

  test('SET_INFO of a class for local use is not supported, of one for queries or undocumented invalid (MS-SMB2 3.3.5.21.2)', async () => {
    const { client, file } = await stage();
    for (const fsClass of every) {
      if (fsClass === 6 || fsClass === 8) continue;
      const { status } = await client.ask(setting(file, fsClass, new Uint8Array(64), { infoType: InfoType.FileSystem }));
      equal(status, [2, 9, 10].includes(fsClass) ? NtStatus.NotSupported : NtStatus.InvalidInfoClass, `class ${fsClass}`);
    }
  });

  test('SET_INFO of FileFsControl and FileFsObjectId needs FILE_WRITE_DATA; no store does it (MS-SMB2 3.3.5.21.2, MS-FSCC 2.5)', async () => {
    for (const [desiredAccess, expected] of [
      [0x001f01ff, NtStatus.InvalidParameter],
      [AccessMask.FileReadAttributes, NtStatus.AccessDenied],
    ] as const) {
      const { client, file } = await stage(desiredAccess);
      for (const fsClass of [6, 8]) {
        const { status } = await client.ask(setting(file, fsClass, new Uint8Array(64), { infoType: InfoType.FileSystem }));
        equal(status, expected, `class ${fsClass}`);
      }
    }
  });
});
