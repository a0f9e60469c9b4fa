import { equal } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CreateOptions, Dialect, FileInformationClass, Fsctl, HeaderFlags, NtStatus } from '@ring3/smb-proto';
import { asking, closing, control, type Ids, idsOf, opening, reading, setting, watching, writing } from '../testing/elements.ts';
import { type Element, RawClient, testServer } from '../testing/raw-client.ts';

const changing: Readonly<Record<string, (ids: Ids) => Element>> = {
  WRITE: (ids) => writing(ids, 'x'),
  SET_INFO: (ids) => setting(ids, FileInformationClass.Position, new Uint8Array(8)),
  IOCTL: (ids) => control(ids, Fsctl.SrvRequestResumeKey),
};
const other: Readonly<Record<string, (ids: Ids) => Element>> = {
  QUERY_INFO: (ids) => asking(ids, FileInformationClass.Standard),
  READ: (ids) => reading(ids, 1),
};

async function stage(dialect: number = Dialect.Smb302) {
  const client = await RawClient.at(testServer(), 'share', 'ann', 'secret', dialect);
  const sent = (element: Element, sequence: number, flags = 0): Promise<number> =>
    client.ask({ ...element, header: { status: sequence, flags } }).then(({ status }) => status);
  const made = await client.ask({ ...opening('file'), header: { status: 7 } });
  const ids = idsOf(made);
  await sent(writing(ids, 'content'), 7);
  return { client, ids, sent };
}

describe('ChannelSequence (MS-SMB2 3.3.5.2.10)', () => {
  for (const [name, element] of Object.entries(changing)) {
    test(`${name} of an earlier sequence is not available, of the same and of a later one it is executed`, async () => {
      const { ids, sent } = await stage();
      for (const sequence of [6, 0, 7 + 0x8000, 0xffff])
        equal(await sent(element(ids), sequence), NtStatus.FileNotAvailable, String(sequence));
      equal(await sent(element(ids), 7), NtStatus.Success);
      equal(await sent(element(ids), 9), NtStatus.Success);
      equal(await sent(element(ids), 8), NtStatus.FileNotAvailable, 'the open has the later one');
      equal(await sent(element(ids), 9 + 0x7fff), NtStatus.Success);
      equal(await sent(element(ids), 9 + 0x7fff + 0x7fff - 0x10000), NtStatus.Success, 'it wraps');
    });
  }

  for (const [name, element] of Object.entries(other)) {
    test(`${name} of an earlier sequence is executed`, async () => {
      const { ids, sent } = await stage();
      equal(await sent(element(ids), 3), NtStatus.Success);
    });
  }

  test('a sequence belongs to its open', async () => {
    const { client, ids, sent } = await stage();
    const second = idsOf(await client.create('other'));
    equal(await sent(writing(ids, 'x'), 20), NtStatus.Success);
    equal(await sent(writing(second, 'x'), 0), NtStatus.Success);
    equal(await sent(writing(ids, 'x'), 0), NtStatus.FileNotAvailable);
  });

  test('a replay is executed while nothing of an earlier sequence is outstanding', async () => {
    const { client, sent } = await stage();
    const folder = idsOf(await client.create('folder', { createOptions: CreateOptions.DirectoryFile }));
    const times = setting(folder, FileInformationClass.Basic, new Uint8Array(40));
    const replay = HeaderFlags.ReplayOperation;
    equal(await sent(times, 0, replay), NtStatus.Success);
    equal(await sent(times, 1, replay), NtStatus.Success);
    equal(await sent(watching(folder), 1), NtStatus.Pending);
    equal(await sent(times, 1, replay), NtStatus.Success, 'it is of the same sequence');
    equal(await sent(times, 2, replay), NtStatus.FileNotAvailable, 'CHANGE_NOTIFY is outstanding');
    equal(await sent(times, 2, replay), NtStatus.FileNotAvailable);
    equal(await sent(times, 2), NtStatus.Success, 'no replay');
    const waited = client.next();
    client.sendFrame(client.encode([opening('folder\\new')]));
    await waited;
    await client.next();
    equal(await sent(times, 2, replay), NtStatus.Success, 'CHANGE_NOTIFY has its response');
  });

  for (const dialect of [Dialect.Smb202, Dialect.Smb21]) {
    test(`is not a field of ${dialect.toString(16)}`, async () => {
      const { ids, sent } = await stage(dialect);
      for (const element of Object.values(changing)) equal(await sent(element(ids), 3), NtStatus.Success);
      equal(await sent(closing(ids), 1), NtStatus.Success);
    });
  }
});
