import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FakeClock } from '@ring3/kit';
import {
  AccessMask,
  CancelRequest,
  CloseRequest,
  Command,
  CreateDisposition,
  CreateOptions,
  CreateResponse,
  Dialect,
  FileEndOfFileInformation,
  FileInformationClass,
  FileRenameInformation,
  HeaderFlags,
  NtStatus,
  OplockBreak,
  OplockLevel,
  SetInfoRequest,
  WriteRequest,
} from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import { idsOf, opening, writing } from '../testing/elements.ts';
import { type Answer, type Element, RawClient, testServer } from '../testing/raw-client.ts';

type Ids = { persistentFileId: number; volatileFileId: number };
const none = new Uint8Array(0);
const { Ii, Exclusive, Batch } = OplockLevel;

async function stage(dialect: number = Dialect.Smb21) {
  const server = testServer();
  const first = await RawClient.at(server, 'share', 'ann', 'secret', dialect);
  const second = await RawClient.at(server, 'share', 'bob', 'word', dialect);
  return { server, clock: server.clock as FakeClock, first, second };
}
const next = async (client: RawClient): Promise<Answer> => ((await client.next()) as Answer[])[0] as Answer;
const acknowledging = (ids: Ids, oplockLevel: number): Element => ({
  command: Command.OplockBreak,
  body: OplockBreak.encode({ ...ids, oplockLevel: oplockLevel as OplockLevel }),
});
const levelOf = (answer: Answer): number => answer.read(CreateResponse).oplockLevel;

test('CREATE is granted the requested oplock if it is the only open, else level II, and none for a directory (3.3.5.9)', async () => {
  const { first, second } = await stage();
  for (const level of [Ii, Exclusive, Batch]) {
    const answer = await first.create(`alone ${level}`, { requestedOplockLevel: level });
    assert.equal(levelOf(answer), level);
  }
  await first.create('shared');
  assert.equal(levelOf(await second.create('shared', { requestedOplockLevel: Batch })), Ii);
  const folder = { requestedOplockLevel: Batch, createOptions: CreateOptions.DirectoryFile };
  assert.equal(levelOf(await first.create('folder', folder)), 0);
  assert.equal(levelOf(await first.create('lease', { requestedOplockLevel: OplockLevel.Lease })), 0);
});

test('a break notification is sent on the holder’s connection, with no message id, session or tree connect, unsigned (3.3.4.6)', async () => {
  const { first, second } = await stage();
  const held = idsOf(await first.create('file', { requestedOplockLevel: Exclusive }));
  assert.equal((await second.ask(opening('file'))).status, NtStatus.Pending);
  const { header, read } = await next(first);
  assert.equal(header.command, Command.OplockBreak);
  assert.deepEqual([header.messageId, header.sessionId, header.treeId, header.credits], [-1, 0, 0, 0]);
  assert.equal(header.flags, HeaderFlags.ServerToRedir);
  const { oplockLevel, ...ids } = read(OplockBreak);
  assert.equal(oplockLevel, Ii);
  assert.deepEqual({ persistentFileId: ids.persistentFileId, volatileFileId: ids.volatileFileId }, held);
});

test('a conflicting CREATE continues when the holder has acknowledged; the response has the new level (3.3.5.22.1)', async () => {
  const { first, second } = await stage();
  const held = idsOf(await first.create('file', { requestedOplockLevel: Batch }));
  await second.ask(opening('file', { requestedOplockLevel: Batch }));
  await next(first);
  const answer = await first.ask(acknowledging(held, Ii));
  assert.equal(answer.status, NtStatus.Success);
  assert.equal(answer.read(OplockBreak).oplockLevel, Ii);
  const opened = await next(second);
  assert.equal(opened.status, NtStatus.Success);
  assert.equal(levelOf(opened), Ii);
});

test('a CREATE that overwrites breaks to none; keeping level II is a violation, and the CREATE continues (3.3.5.22.1)', async () => {
  const { first, second } = await stage();
  const held = idsOf(await first.create('file', { requestedOplockLevel: Batch }));
  await second.ask(opening('file', { createDisposition: CreateDisposition.Overwrite }));
  assert.equal((await next(first)).read(OplockBreak).oplockLevel, 0);
  assert.equal((await first.ask(acknowledging(held, Ii))).status, NtStatus.InvalidOplockProtocol);
  assert.equal((await next(second)).status, NtStatus.Success);
});

test('an acknowledgment while the oplock is not Breaking is an invalid device state, and leaves the oplock (3.3.5.22.1)', async () => {
  for (const level of [Batch, Exclusive, Ii, 0]) {
    const { first } = await stage();
    const held = idsOf(await first.create('file', { requestedOplockLevel: level }));
    for (const acknowledged of [0, Ii, Exclusive, Batch, 0xff, 5]) {
      assert.equal((await first.ask(acknowledging(held, acknowledged))).status, NtStatus.InvalidDeviceState, `${level}: ${acknowledged}`);
    }
    assert.equal((await first.ask(acknowledging({ ...held, volatileFileId: 99999 }, 0))).status, NtStatus.FileClosed);
  }
});

test('level II that was broken to none is Breaking, but without a break of the file: its acknowledgment is a violation, once (3.3.4.6, MS-FSA 2.1.5.19)', async () => {
  const { first, second } = await stage();
  const held = idsOf(await first.create('file', { requestedOplockLevel: Ii }));
  const writer = idsOf(await second.create('file'));
  await second.ask(writing(writer, 'x'));
  assert.equal((await next(first)).read(OplockBreak).oplockLevel, 0);
  assert.equal((await first.ask(acknowledging(held, 0))).status, NtStatus.InvalidOplockProtocol);
  assert.equal((await first.ask(acknowledging(held, 0))).status, NtStatus.InvalidDeviceState);
});

test('an acknowledgment of a break with the level of leases is an invalid parameter, with a higher level a violation (3.3.5.22.1)', async () => {
  for (const [level, status] of [
    [0xff, NtStatus.InvalidParameter],
    [5, NtStatus.InvalidOplockProtocol],
    [Batch, NtStatus.InvalidOplockProtocol],
  ] as const) {
    const { first, second } = await stage();
    const held = idsOf(await first.create('file', { requestedOplockLevel: Batch }));
    await second.ask(opening('file'));
    await next(first);
    assert.equal((await first.ask(acknowledging(held, level))).status, status);
    assert.equal((await next(second)).status, NtStatus.Success, 'the break is over');
    assert.equal((await first.ask(acknowledging(held, 0))).status, NtStatus.InvalidDeviceState);
  }
});

test('a holder that does not acknowledge in 35 seconds loses its oplock (3.3.2.1, 3.3.6.1)', async () => {
  const { first, second, clock } = await stage();
  const held = idsOf(await first.create('file', { requestedOplockLevel: Exclusive }));
  await second.ask(opening('file'));
  await next(first);
  clock.advance(35_000);
  assert.equal((await next(second)).status, NtStatus.Success);
  assert.equal((await first.ask(acknowledging(held, Ii))).status, NtStatus.InvalidDeviceState);
});

test('CLOSE, and the end of the holder’s connection, end a break (3.3.4.17, 3.3.7.1)', async () => {
  for (const lost of [false, true]) {
    const { first, second } = await stage();
    const held = idsOf(await first.create('file', { requestedOplockLevel: Batch, shareAccess: 0 }));
    await second.ask(opening('file'));
    await next(first);
    if (lost) first.sendBytes(Uint8Array.of(0xee, 0, 0, 0));
    else await first.ask({ command: Command.Close, body: CloseRequest.encode({ flags: 0, ...held }) });
    assert.equal((await next(second)).status, NtStatus.Success);
  }
});

test('a CREATE that waits for a break can be cancelled (3.3.5.16)', async () => {
  const { first, second, server } = await stage();
  await first.create('file', { requestedOplockLevel: Batch });
  const { header } = await second.ask(opening('file'));
  const byAsyncId = { flags: HeaderFlags.AsyncCommand, processId: header.processId, treeId: header.treeId };
  second.sendFrame(second.encode([{ command: Command.Cancel, body: CancelRequest.encode({}), header: byAsyncId }]));
  assert.equal((await next(second)).status, NtStatus.Cancelled);
  assert.equal(server.opens.size, 1);
});

test('an open for attributes only breaks nothing and does not wait (MS-FSA 2.1.4.12)', async () => {
  const { first, second } = await stage();
  await first.create('file', { requestedOplockLevel: Batch, shareAccess: 0 });
  const desiredAccess = AccessMask.FileReadAttributes | AccessMask.FileWriteAttributes | AccessMask.Synchronize;
  assert.equal((await second.ask(opening('file', { desiredAccess }))).status, NtStatus.Success);
});

test('a write, and a new size, break level II of all opens at once, the writer’s own too, without acknowledgment (MS-FSA 2.1.4.12)', async () => {
  const size = new Uint8Array(8);
  FileEndOfFileInformation.write(new Frame(size), 0, { endOfFile: 1n });
  const changes: ((ids: Ids) => Element)[] = [
    (ids) => ({
      command: Command.Write,
      body: WriteRequest.encode({
        ...ids,
        offset: 0,
        channel: 0,
        remainingBytes: 0,
        flags: 0,
        writeChannelInfo: none,
        data: [Buffer.from('x')],
      }),
    }),
    (ids) => ({
      command: Command.SetInfo,
      body: SetInfoRequest.encode({
        ...ids,
        infoType: 1,
        fileInfoClass: FileInformationClass.EndOfFile,
        additionalInformation: 0,
        buffer: size,
      }),
    }),
  ];
  for (const change of changes) {
    const { first, second } = await stage();
    await first.create('file', { requestedOplockLevel: Ii });
    const writer = idsOf(await second.create('file', { requestedOplockLevel: Ii }));
    const own = await second.ask(change(writer));
    assert.deepEqual([own.header.command, own.read(OplockBreak).oplockLevel], [Command.OplockBreak, 0]);
    assert.equal((await next(second)).status, NtStatus.Success);
    assert.equal((await next(first)).read(OplockBreak).oplockLevel, 0);
  }
});

/** A rename to `name`. */
const renaming = (ids: Ids, fileName: string): Element => {
  const { head } = FileRenameInformation.encode({ replaceIfExists: 1, rootDirectory: 0n, fileName });
  const fileInfoClass = FileInformationClass.Rename;
  return {
    command: Command.SetInfo,
    body: SetInfoRequest.encode({ ...ids, infoType: 1, fileInfoClass, additionalInformation: 0, buffer: head }),
  };
};
const closing = (ids: Ids): Element => ({ command: Command.Close, body: CloseRequest.encode({ flags: 0, ...ids }) });

test('replacing a file breaks a batch oplock on it: a holder that only cached its close releases it, another keeps it (MS-FSA 2.1.5.15.12)', async () => {
  for (const closes of [true, false]) {
    const { first, second } = await stage();
    const held = idsOf(await first.create('old', { requestedOplockLevel: Batch }));
    const fresh = idsOf(await second.create('new'));
    assert.equal((await second.ask(renaming(fresh, 'old'))).status, NtStatus.Pending);
    assert.equal((await next(first)).header.command, Command.OplockBreak);
    await first.ask(closes ? closing(held) : acknowledging(held, Ii));
    assert.equal((await next(second)).status, closes ? NtStatus.Success : NtStatus.AccessDenied);
  }
});

test('renaming a directory breaks the batch oplocks below it, and fails while something there stays open (MS-FSA 2.1.5.15.12)', async () => {
  for (const closes of [true, false]) {
    const { first, second } = await stage();
    const folder = idsOf(await second.create('folder', { createOptions: CreateOptions.DirectoryFile }));
    const held = idsOf(await first.create('folder\\file', { requestedOplockLevel: Batch }));
    assert.equal((await second.ask(renaming(folder, 'elsewhere'))).status, NtStatus.Pending);
    assert.equal((await next(first)).header.command, Command.OplockBreak);
    await first.ask(closes ? closing(held) : acknowledging(held, Ii));
    assert.equal((await next(second)).status, closes ? NtStatus.Success : NtStatus.AccessDenied);
  }
});
