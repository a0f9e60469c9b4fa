import { deepStrictEqual, notStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@ring3/kit';
import {
  CloseFlags,
  CloseResponse,
  CreateDisposition,
  CreateOptions,
  encodeSecurityDescriptor,
  FileAllocationInformation,
  FileAttributes,
  FileBasicInformation,
  FileEndOfFileInformation,
  FileInformationClass,
  FileZeroDataInformation,
  Fsctl,
  filetimeFromMs,
  fullEas,
  InfoType,
  IoctlResponse,
  NtStatus,
  QueryInfoResponse,
  SecurityInformation,
  SrvCopychunkCopy,
  SrvRequestResumeKeyResponse,
} from '@ring3/smb-proto';
import { createMemoryStore } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import { asking, closing, control, type Ids, idsOf, reading, renaming, setting, writing } from '../testing/elements.ts';
import { RawClient, testServer } from '../testing/raw-client.ts';

const stop = 0xffff_ffff_ffff_ffffn;
const resume = 0xffff_ffff_ffff_fffen;
/** A time long before the tests'. */
const past = filetimeFromMs(Date.UTC(2001, 8, 9, 1, 46, 40));

type Basic = Parameters<typeof FileBasicInformation.write>[2];
const basic = (changes: Partial<Basic>): Uint8Array => {
  const frame = Frame.alloc(FileBasicInformation.byteLength);
  FileBasicInformation.write(frame, 0, {
    creationTime: 0n,
    lastAccessTime: 0n,
    lastWriteTime: 0n,
    changeTime: 0n,
    fileAttributes: 0,
    ...changes,
  });
  return frame.bytes;
};
const structure = <T>(declaration: { byteLength: number; write(frame: Frame, at: number, value: T): void }, value: T): Uint8Array => {
  const frame = Frame.alloc(declaration.byteLength);
  declaration.write(frame, 0, value);
  return frame.bytes;
};

/** A client of a memory store whose clock the test moves. */
class Bench {
  readonly clock = new FakeClock();
  readonly store = createMemoryStore({ clock: this.clock });
  readonly server = testServer({ shares: { share: this.store }, clock: this.clock });
  client!: RawClient;

  static async make(): Promise<Bench> {
    const bench = new Bench();
    bench.client = await RawClient.at(bench.server);
    return bench;
  }

  async open(name: string, more: Parameters<RawClient['create']>[1] = {}): Promise<Ids> {
    return idsOf(await this.client.create(name, more));
  }

  /** Sends a request one second later. */
  async later(element: Parameters<RawClient['ask']>[0]): Promise<void> {
    this.clock.advance(1000);
    strictEqual((await this.client.ask(element)).status, NtStatus.Success);
  }

  set(ids: Ids, changes: Partial<Basic>): Promise<void> {
    return this.later(setting(ids, FileInformationClass.Basic, basic(changes)));
  }

  async query(ids: Ids) {
    const answer = await this.client.ask(asking(ids, FileInformationClass.Basic));
    return FileBasicInformation.read(new Frame(Buffer.concat(answer.read(QueryInfoResponse).buffer)), 0);
  }

  /** The same by another open, after this one is closed. */
  async afterClose(ids: Ids, name: string) {
    await this.later(closing(ids));
    const again = await this.open(name, { createDisposition: CreateDisposition.Open });
    const info = await this.query(again);
    await this.client.ask(closing(again));
    return info;
  }

  get now(): bigint {
    return filetimeFromMs(this.clock.wall());
  }
}

const eas = (): Uint8Array => {
  const list = [{ flags: 0, eaName: 'NAME', eaValue: Buffer.from('value') }];
  const frame = Frame.alloc(fullEas.size(list));
  fullEas.write(frame, 0, list);
  return frame.bytes;
};

/** Requests that change the data of an open file. */
const dataChanges: Readonly<Record<string, (ids: Ids) => Parameters<RawClient['ask']>[0]>> = {
  write: (ids) => writing(ids, 'x'),
  'end of file': (ids) => setting(ids, FileInformationClass.EndOfFile, structure(FileEndOfFileInformation, { endOfFile: 70n })),
  allocation: (ids) => setting(ids, FileInformationClass.Allocation, structure(FileAllocationInformation, { allocationSize: 1n })),
  'zero data': (ids) =>
    control(ids, Fsctl.SetZeroData, { input: structure(FileZeroDataInformation, { fileOffset: 0n, beyondFinalZero: 3n }) }),
};

for (const [what, change] of Object.entries(dataChanges)) {
  test(`${what}: the file is noted as modified, its archive attribute set (MS-FSA 2.1.4.17)`, async () => {
    const bench = await Bench.make();
    const file = await bench.open('file');
    await bench.later(writing(file, 'some data'));
    await bench.set(file, { fileAttributes: FileAttributes.Hidden });
    strictEqual((await bench.query(file)).fileAttributes, FileAttributes.Hidden);
    await bench.later(change(file));
    const { now } = bench;
    const info = await bench.query(file);
    deepStrictEqual([info.lastWriteTime, info.changeTime, info.lastAccessTime], [now, now, now]);
    strictEqual(info.fileAttributes, FileAttributes.Hidden | FileAttributes.Archive);
    const kept = await bench.afterClose(file, 'file');
    strictEqual(kept.lastWriteTime, now);
    ok(kept.lastAccessTime >= now);
    strictEqual(kept.fileAttributes, FileAttributes.Hidden | FileAttributes.Archive);
  });

  test(`${what}: times that the client of the open set stay, also after CLOSE (MS-FSA 2.1.4.17, 2.1.5.15.2)`, async () => {
    const bench = await Bench.make();
    const file = await bench.open('file');
    await bench.later(writing(file, 'some data'));
    const times = { lastWriteTime: past, changeTime: past + 1n, lastAccessTime: past + 2n };
    await bench.set(file, times);
    await bench.later(change(file));
    const { lastWriteTime, changeTime, lastAccessTime } = await bench.query(file);
    deepStrictEqual({ lastWriteTime, changeTime, lastAccessTime }, times);
    const kept = await bench.afterClose(file, 'file');
    deepStrictEqual([kept.lastWriteTime, kept.changeTime, kept.lastAccessTime], Object.values(times));
  });
}

test('a time set to -1 stays until it is set to -2, for this open only (MS-FSCC 2.4.7, MS-FSA 2.1.5.15.2)', async () => {
  const bench = await Bench.make();
  const file = await bench.open('file');
  const other = await bench.open('file');
  await bench.later(writing(file, 'data'));
  const { lastWriteTime } = await bench.query(file);
  await bench.set(file, { lastWriteTime: stop });
  await bench.later(writing(file, 'more'));
  strictEqual((await bench.query(file)).lastWriteTime, lastWriteTime);
  strictEqual((await bench.query(file)).changeTime, bench.now);
  await bench.later(writing(other, 'other'));
  const moved = bench.now;
  strictEqual((await bench.query(file)).lastWriteTime, moved, 'the write of another open moves it');
  await bench.later(writing(file, 'again'));
  strictEqual((await bench.query(file)).lastWriteTime, moved, 'and it stays there');
  await bench.set(file, { lastWriteTime: resume });
  await bench.later(writing(file, 'last'));
  strictEqual((await bench.query(file)).lastWriteTime, bench.now);
});

test('a read does not move LastAccessTime that the client set (MS-FSA 2.1.5.3)', async () => {
  const bench = await Bench.make();
  const file = await bench.open('file');
  await bench.later(writing(file, 'data'));
  await bench.set(file, { lastAccessTime: past });
  await bench.later(reading(file, 4));
  strictEqual((await bench.query(file)).lastAccessTime, past);
});

test('a change of extended attributes or of the name moves ChangeTime unless the client set it, and sets the archive attribute (MS-FSA 2.1.5.15.5)', async () => {
  for (const change of [(ids: Ids) => setting(ids, FileInformationClass.FullEa, eas()), (ids: Ids) => renaming(ids, 'renamed')]) {
    const bench = await Bench.make();
    const file = await bench.open('file');
    await bench.set(file, { fileAttributes: FileAttributes.Hidden });
    const before = await bench.query(file);
    await bench.later(change(file));
    const after = await bench.query(file);
    strictEqual(after.changeTime, bench.now);
    strictEqual(after.lastWriteTime, before.lastWriteTime);
    strictEqual(after.fileAttributes, FileAttributes.Hidden | FileAttributes.Archive);
    const held = await bench.open('held');
    await bench.set(held, { changeTime: stop });
    const { changeTime } = await bench.query(held);
    await bench.later(setting(held, FileInformationClass.FullEa, eas()));
    strictEqual((await bench.query(held)).changeTime, changeTime);
  }
});

test('attributes of one open that others change: the next write through any open sets the archive attribute', async () => {
  const bench = await Bench.make();
  const writer = await bench.open('file');
  await bench.later(writing(writer, 'data'));
  const other = await bench.open('file');
  await bench.set(other, { fileAttributes: FileAttributes.Normal });
  strictEqual((await bench.query(writer)).fileAttributes, FileAttributes.Normal);
  await bench.later(writing(writer, 'more'));
  strictEqual((await bench.query(other)).fileAttributes, FileAttributes.Archive);
});

test('a write to a named stream notes its file or directory (MS-FSA 2.1.4.17)', async () => {
  for (const createOptions of [CreateOptions.NonDirectoryFile, CreateOptions.DirectoryFile]) {
    const bench = await Bench.make();
    const owner = await bench.open('owner', { createOptions });
    const stream = await bench.open('owner:stream');
    await bench.set(owner, { fileAttributes: FileAttributes.Hidden });
    await bench.later(writing(stream, 'data'));
    const info = await bench.query(owner);
    deepStrictEqual([info.lastWriteTime, info.changeTime, info.lastAccessTime], [bench.now, bench.now, bench.now]);
    notStrictEqual(info.fileAttributes & FileAttributes.Archive, 0);
    await bench.set(stream, { lastWriteTime: past });
    await bench.later(writing(stream, 'more'));
    strictEqual((await bench.query(owner)).lastWriteTime, past);
  }
});

test('SRV_COPYCHUNK notes the target as modified, and keeps the times that both clients set (MS-FSA 2.1.4.17, 2.1.5.3)', async () => {
  const bench = await Bench.make();
  const source = await bench.open('source');
  const target = await bench.open('target');
  await bench.later(writing(source, 'some data'));
  await bench.set(target, { fileAttributes: FileAttributes.Hidden });
  await bench.set(source, { lastAccessTime: past });
  const keyed = (await bench.client.ask(control(source, Fsctl.SrvRequestResumeKey))).read(IoctlResponse);
  const { resumeKey: sourceKey } = SrvRequestResumeKeyResponse.read(new Frame(Buffer.concat(keyed.output)), 0);
  const input = SrvCopychunkCopy.encode({ sourceKey, chunks: [{ sourceOffset: 0n, targetOffset: 0n, length: 4 }] }).head;
  const copy = control(target, Fsctl.SrvCopychunk, { input });
  await bench.later(copy);
  const { now } = bench;
  const noted = await bench.query(target);
  deepStrictEqual([noted.lastWriteTime, noted.fileAttributes], [now, FileAttributes.Hidden | FileAttributes.Archive]);
  strictEqual((await bench.query(source)).lastAccessTime, past);
  await bench.set(target, { lastWriteTime: past });
  await bench.later(copy);
  strictEqual((await bench.query(target)).lastWriteTime, past);
});

test('SET_SPARSE and a new security descriptor move ChangeTime unless the client set it, and no other time (MS-FSA 2.1.5.10.39, 2.1.5.17)', async () => {
  const descriptor = encodeSecurityDescriptor({ control: 0, dacl: null });
  const changes = [
    (ids: Ids) => control(ids, Fsctl.SetSparse),
    (ids: Ids) => setting(ids, 0, descriptor, { infoType: InfoType.Security, additionalInformation: SecurityInformation.Dacl }),
  ];
  for (const change of changes) {
    const bench = await Bench.make();
    const file = await bench.open('file');
    const before = await bench.query(file);
    await bench.later(change(file));
    const after = await bench.query(file);
    deepStrictEqual([after.changeTime, after.lastWriteTime], [bench.now, before.lastWriteTime]);
    await bench.set(file, { changeTime: past });
    await bench.later(change(file));
    strictEqual((await bench.query(file)).changeTime, past);
  }
});

test('CLOSE with POSTQUERY_ATTRIB reports the times that stay (MS-SMB2 3.3.5.10)', async () => {
  const bench = await Bench.make();
  const file = await bench.open('file');
  await bench.set(file, { lastWriteTime: past });
  await bench.later(writing(file, 'data'));
  const written = bench.now;
  const answer = (await bench.client.ask(closing(file, CloseFlags.PostqueryAttrib))).read(CloseResponse);
  strictEqual(answer.lastWriteTime, past);
  ok(answer.lastAccessTime >= written);
});

test('a request that fails holds no time', async () => {
  const bench = await Bench.make();
  const file = await bench.open('file');
  const wrong = setting(file, FileInformationClass.Basic, basic({ lastWriteTime: stop, lastAccessTime: 1n << 63n }));
  strictEqual((await bench.client.ask(wrong)).status, NtStatus.InvalidParameter);
  await bench.later(writing(file, 'data'));
  strictEqual((await bench.query(file)).lastWriteTime, bench.now);
});
