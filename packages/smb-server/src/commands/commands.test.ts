import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import {
  AccessMask,
  CancelRequest,
  ChangeNotifyRequest,
  CloseRequest,
  CloseResponse,
  Command,
  CreateAction,
  CreateDisposition,
  CreateOptions,
  CreateResponse,
  Dialect,
  EncryptionCapabilities,
  ErrorResponse,
  encodeSymbolicLink,
  FileAttributes,
  FileInformationClass,
  FileRenameInformation,
  FileStandardInformation,
  FlushRequest,
  Fsctl,
  FsInformationClass,
  HeaderFlags,
  InfoType,
  IoctlRequest,
  IoctlResponse,
  LockRequest,
  NegotiateContextType,
  NegotiateResponse,
  NtStatus,
  OplockBreak,
  PreauthIntegrityCapabilities,
  QueryDirectoryRequest,
  QueryDirectoryResponse,
  QueryInfoRequest,
  QueryInfoResponse,
  ReadRequest,
  ReadResponse,
  SessionSetupResponse,
  SetInfoRequest,
  SigningAlgorithm,
  SigningCapabilities,
  TreeConnectRequest,
  TreeConnectResponse,
  ValidateNegotiateInfoRequest,
  ValidateNegotiateInfoResponse,
  WriteRequest,
  WriteResponse,
} from '@ring3/smb-proto';
import { createMemoryStore } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import { idsOf } from '../testing/elements.ts';
import { type Element, RawClient, testServer } from '../testing/raw-client.ts';

const none = new Uint8Array(0);
type Ids = { persistentFileId: number; volatileFileId: number };
const closing = (ids: Ids, flags = 0): Element => ({ command: Command.Close, body: CloseRequest.encode({ flags, ...ids }) });
const reading = (ids: Ids, length: number, offset = 0, minimumCount = 0): Element => ({
  command: Command.Read,
  body: ReadRequest.encode({ ...ids, flags: 0, length, offset, minimumCount, channel: 0, remainingBytes: 0, readChannelInfo: none }),
});
const writing = (ids: Ids, text: string, offset = 0): Element => ({
  command: Command.Write,
  body: WriteRequest.encode({ ...ids, offset, channel: 0, remainingBytes: 0, flags: 0, writeChannelInfo: none, data: [Buffer.from(text)] }),
});
const asking = (ids: Ids, fileInfoClass: number, outputBufferLength = 1024, infoType = 1): Element => ({
  command: Command.QueryInfo,
  body: QueryInfoRequest.encode({ ...ids, infoType, fileInfoClass, outputBufferLength, additionalInformation: 0, flags: 0, input: none }),
});
const setting = (ids: Ids, fileInfoClass: number, buffer: Uint8Array): Element => ({
  command: Command.SetInfo,
  body: SetInfoRequest.encode({ ...ids, infoType: 1, fileInfoClass, additionalInformation: 0, buffer }),
});
const listing = (ids: Ids, fileName: string, flags = 0): Element => ({
  command: Command.QueryDirectory,
  body: QueryDirectoryRequest.encode({
    ...ids,
    fileInformationClass: FileInformationClass.Names,
    flags,
    fileIndex: 0,
    fileName,
    outputBufferLength: 65536,
  }),
});
const control = (ctlCode: number, more: Partial<Parameters<typeof IoctlRequest.encode>[0]> = {}): Element => ({
  command: Command.Ioctl,
  body: IoctlRequest.encode({
    ctlCode,
    persistentFileId: -1,
    volatileFileId: -1,
    maxInputResponse: 0,
    maxOutputResponse: 1024,
    flags: 1,
    input: none,
    output: none,
    ...more,
  }),
});

test('NEGOTIATE selects the highest common dialect, and fails with NOT_SUPPORTED without one (3.3.5.4)', async () => {
  const all = [Dialect.Smb202, Dialect.Smb21, Dialect.Smb30, Dialect.Smb302];
  for (const dialect of all) {
    const client = new RawClient(testServer({ dialects: { max: dialect } }));
    const answer = (await client.negotiate([...all, 0x0999])).read(NegotiateResponse);
    strictEqual(answer.dialectRevision, dialect);
    strictEqual(answer.maxReadSize, dialect === Dialect.Smb202 ? 65536 : 8 * 1024 * 1024);
  }
  const strange = new RawClient(testServer({ dialects: { min: Dialect.Smb30 } }));
  strictEqual((await strange.negotiate([Dialect.Smb202, 0x0999])).status, NtStatus.NotSupported);
  const silent = new RawClient(testServer());
  strictEqual((await silent.negotiate([])).status, NtStatus.InvalidParameter);
});

const preauth = (hashAlgorithms = [1]) => ({
  contextType: NegotiateContextType.PreauthIntegrityCapabilities,
  data: PreauthIntegrityCapabilities.encode({ hashAlgorithms, salt: new Uint8Array(4) }).head,
});
const contexts = (...more: { contextType: number; data: Uint8Array }[]) => more.map((context) => ({ ...context, reserved: 0 }));

test('NEGOTIATE of 3.1.1 selects hash, cipher and signing by contexts, and ignores unknown ones (3.3.5.4)', async () => {
  const client = new RawClient(testServer());
  const answer = await client.negotiate(
    [Dialect.Smb311],
    contexts(
      preauth(),
      { contextType: NegotiateContextType.EncryptionCapabilities, data: EncryptionCapabilities.encode({ ciphers: [1, 4] }).head },
      { contextType: NegotiateContextType.SigningCapabilities, data: SigningCapabilities.encode({ signingAlgorithms: [1, 2] }).head },
      { contextType: 0x7777, data: new Uint8Array(3) },
    ),
  );
  const { negotiateContexts } = answer.read(NegotiateResponse);
  const [, encryption, signing, ...rest] = negotiateContexts.map(({ data }) => new Frame(data));
  deepStrictEqual(EncryptionCapabilities.read(encryption as Frame, 0).ciphers, [1]);
  deepStrictEqual(SigningCapabilities.read(signing as Frame, 0).signingAlgorithms, [SigningAlgorithm.AesGmac]);
  strictEqual(rest.length, 0);
});

test('NEGOTIATE of 3.1.1 without a common hash, without any hash, or with two fails (3.3.5.4)', async () => {
  for (const [offered, status] of [
    [[preauth([9])], NtStatus.SmbNoPreauthIntegrityHashOverlap],
    [[], NtStatus.InvalidParameter],
    [[preauth(), preauth()], NtStatus.InvalidParameter],
    [[{ contextType: 1, data: new Uint8Array(3) }], NtStatus.InvalidParameter],
  ] as const) {
    const client = new RawClient(testServer());
    strictEqual((await client.negotiate([Dialect.Smb311], contexts(...offered))).status, status);
  }
});

test('SESSION_SETUP: a wrong password, an unknown user and an anonymous client are rejected, and leave nothing behind (3.3.5.5)', async () => {
  const server = testServer();
  for (const [user, password] of [
    ['ann', 'wrong'],
    ['eve', 'secret'],
    ['', ''],
  ] as const) {
    const client = new RawClient(server);
    await client.negotiate();
    strictEqual((await client.logOn(user, password)).status, NtStatus.LogonFailure, user);
  }
  strictEqual(server.sessions.size, 0);
});

test('SESSION_SETUP accepts guests and anonymous clients if configured, never for shares without guest access', async () => {
  const server = testServer({
    guest: true,
    anonymous: true,
    shares: { open: { vfs: createMemoryStore(), guest: true }, closed: createMemoryStore() },
  });
  for (const user of ['eve', '']) {
    const client = new RawClient(server);
    await client.negotiate();
    const answer = await client.logOn(user, user === '' ? '' : 'any');
    strictEqual(answer.status, NtStatus.Success);
    strictEqual(answer.read(SessionSetupResponse).sessionFlags, user === '' ? 2 : 1);
    strictEqual((await client.connect('closed')).status, NtStatus.AccessDenied);
    strictEqual((await client.connect('open')).status, NtStatus.Success);
    strictEqual((await client.create('file')).status, NtStatus.Success);
  }
});

test('SESSION_SETUP ends the previous session of a client, if it is the same user’s (3.3.5.5.3)', async () => {
  const server = testServer();
  const old = await RawClient.at(server);
  const bob = new RawClient(server);
  await bob.negotiate();
  await bob.logOn('bob', 'word', old.sessionId);
  strictEqual(server.sessions.has(old.sessionId), true);
  const ann = new RawClient(server);
  await ann.negotiate();
  await ann.logOn('ann', 'secret', old.sessionId);
  strictEqual(server.sessions.has(old.sessionId), false);
});

test('SESSION_SETUP for an unknown session fails (3.3.5.5)', async () => {
  const client = new RawClient(testServer());
  await client.negotiate();
  client.sessionId = 12345;
  strictEqual((await client.logOn('ann', 'secret').catch((error: Error) => error.message)) === undefined, false);
  strictEqual(client.server.sessions.size, 0);
});

test('TREE_CONNECT finds shares without regard to case, reports the maximal access, and rejects unknown shares (3.3.5.7)', async () => {
  const client = await RawClient.at(testServer(), 'SHARE');
  strictEqual((await client.connect('nowhere')).status, NtStatus.BadNetworkName);
  strictEqual((await client.connect('')).status, NtStatus.BadNetworkName);
  const look = (await client.connect('look')).read(TreeConnectResponse);
  strictEqual(look.maximalAccess & AccessMask.FileWriteData, 0);
  strictEqual((await client.create('new')).status, NtStatus.AccessDenied);
  strictEqual((await client.connect('IPC$')).read(TreeConnectResponse).shareType, 2);
  strictEqual((await client.create('..\\passwd')).status, NtStatus.ObjectNameNotFound);
});

test('CREATE follows its disposition, if the file exists and if it does not (2.2.13)', async () => {
  const client = await RawClient.at(testServer());
  const { Supersede, Open, Create, OpenIf, Overwrite, OverwriteIf } = CreateDisposition;
  const act = async (name: string, createDisposition: number) => {
    const answer = await client.create(name, { createDisposition });
    if (answer.status !== 0) return answer.status;
    await client.ask(closing(idsOf(answer)));
    return answer.read(CreateResponse).createAction;
  };
  await act('there', Create);
  for (const [disposition, there, missing] of [
    [Supersede, CreateAction.Superseded, CreateAction.Created],
    [Open, CreateAction.Opened, NtStatus.ObjectNameNotFound],
    [Create, NtStatus.ObjectNameCollision, CreateAction.Created],
    [OpenIf, CreateAction.Opened, CreateAction.Created],
    [Overwrite, CreateAction.Overwritten, NtStatus.ObjectNameNotFound],
    [OverwriteIf, CreateAction.Overwritten, CreateAction.Created],
    [6, NtStatus.InvalidParameter, NtStatus.InvalidParameter],
  ] as const) {
    strictEqual(await act('THERE', disposition), there, `there ${disposition}`);
    strictEqual(await act(`missing${disposition}`, disposition), missing, `missing ${disposition}`);
  }
});

test('CREATE rejects names that lead out of the share or are invalid (MS-FSCC 2.1.5)', async () => {
  const client = await RawClient.at(testServer());
  for (const [name, status] of [
    ['..\\up', NtStatus.ObjectPathSyntaxBad],
    ['a\\..\\..\\b', NtStatus.ObjectPathSyntaxBad],
    ['a\\..\\b', NtStatus.InvalidParameter],
    ['\\abs', NtStatus.InvalidParameter],
    ['a/b', NtStatus.ObjectNameInvalid],
    ['nul\0byte', NtStatus.ObjectNameInvalid],
    ['star*', NtStatus.ObjectNameInvalid],
    ['no\\way', NtStatus.ObjectPathNotFound],
  ] as const) {
    strictEqual((await client.create(name)).status, status, JSON.stringify(name));
  }
});

test('a name may have half of a surrogate pair (MS-FSCC 2.1.5), that of a stream may not', async () => {
  const client = await RawClient.at(testServer());
  for (const name of ['lone\ud800', '\udc00x']) {
    strictEqual((await client.create(name)).status, NtStatus.Success);
    strictEqual((await client.create(name, { createDisposition: CreateDisposition.Open })).status, NtStatus.Success);
    strictEqual(
      (await client.create(name.toUpperCase(), { createDisposition: CreateDisposition.Create })).status,
      NtStatus.ObjectNameCollision,
    );
  }
  strictEqual((await client.create('file:lone\ud800')).status, NtStatus.ObjectNameInvalid);
});

test('CREATE checks share modes and pending deletions (MS-FSA 2.1.5.1.2)', async () => {
  const client = await RawClient.at(testServer());
  const first = idsOf(await client.create('file', { shareAccess: 1, desiredAccess: AccessMask.FileReadData }));
  strictEqual((await client.create('file', { desiredAccess: AccessMask.FileWriteData })).status, NtStatus.SharingViolation);
  strictEqual((await client.create('file', { desiredAccess: AccessMask.FileReadAttributes })).status, NtStatus.Success);
  await client.ask(closing(first));
  const doomed = idsOf(await client.create('gone', { createOptions: CreateOptions.DeleteOnClose }));
  const second = idsOf(await client.create('gone'));
  await client.ask(closing(doomed));
  strictEqual((await client.create('gone', { createDisposition: CreateDisposition.Open })).status, NtStatus.DeletePending);
  await client.ask(closing(second));
  strictEqual((await client.create('gone', { createDisposition: CreateDisposition.Open })).status, NtStatus.ObjectNameNotFound);
});

test('CREATE with invalid options or access fails (3.3.5.9)', async () => {
  const client = await RawClient.at(testServer());
  for (const [more, status] of [
    [{ impersonationLevel: 4 }, NtStatus.BadImpersonationLevel],
    [{ createOptions: CreateOptions.DirectoryFile | CreateOptions.NonDirectoryFile }, NtStatus.InvalidParameter],
    [{ createOptions: CreateOptions.OpenByFileId }, NtStatus.NotSupported],
    [{ createOptions: 0xff000000 }, NtStatus.InvalidParameter],
    [{ desiredAccess: 0 }, NtStatus.AccessDenied],
    [{ shareAccess: 8 }, NtStatus.InvalidParameter],
    [{ fileAttributes: FileAttributes.Directory << 2 }, NtStatus.InvalidParameter],
    [{ createOptions: CreateOptions.DeleteOnClose, desiredAccess: AccessMask.FileReadData }, NtStatus.InvalidParameter],
  ] as const) {
    strictEqual((await client.create('x', more)).status, status, JSON.stringify(more));
  }
});

test('WRITE and READ transfer data; they fail at the end of the file, on directories and without the right (3.3.5.12, 3.3.5.13)', async () => {
  const client = await RawClient.at(testServer());
  const file = idsOf(await client.create('file'));
  strictEqual((await client.ask(writing(file, 'hello', 3))).read(WriteResponse).count, 5);
  const answer = (await client.ask(reading(file, 100))).read(ReadResponse);
  strictEqual(Buffer.concat(answer.data).toString(), '\0\0\0hello');
  strictEqual((await client.ask(reading(file, 10, 8))).status, NtStatus.EndOfFile);
  strictEqual((await client.ask(reading(file, 10, 2 ** 53))).status, NtStatus.EndOfFile);
  strictEqual((await client.ask(reading(file, 10, 4, 9))).status, NtStatus.EndOfFile);
  strictEqual((await client.ask(reading(file, 0))).status, NtStatus.Success);
  const reader = idsOf(await client.create('file', { desiredAccess: AccessMask.FileReadData }));
  strictEqual((await client.ask(writing(reader, 'no'))).status, NtStatus.AccessDenied);
  const writer = idsOf(await client.create('file', { desiredAccess: AccessMask.FileWriteData }));
  strictEqual((await client.ask(reading(writer, 1))).status, NtStatus.AccessDenied);
  const folder = idsOf(await client.create('folder', { createOptions: CreateOptions.DirectoryFile }));
  strictEqual((await client.ask(reading(folder, 1))).status, NtStatus.InvalidDeviceRequest);
  strictEqual((await client.ask({ command: Command.Flush, body: FlushRequest.encode(file) })).status, NtStatus.Success);
});

test('READ above the negotiated maximum, or beyond its credit charge, fails (3.3.5.2.5)', async () => {
  const client = await RawClient.at(testServer());
  const file = idsOf(await client.create('file'));
  strictEqual((await client.ask(reading(file, 65537))).status, NtStatus.InvalidParameter);
  strictEqual((await client.ask(reading(file, 16 * 1024 * 1024))).status, NtStatus.InvalidParameter);
});

test('CLOSE reports size and times if requested, once (3.3.5.10)', async () => {
  const client = await RawClient.at(testServer());
  const file = idsOf(await client.create('file'));
  await client.ask(writing(file, '12345'));
  const answer = (await client.ask(closing(file, 1))).read(CloseResponse);
  strictEqual(answer.endOfFile, 5n);
  strictEqual((await client.ask(closing(file))).status, NtStatus.FileClosed);
});

test('QUERY_DIRECTORY lists each entry once, matches patterns, and ends (3.3.5.18)', async () => {
  const client = await RawClient.at(testServer());
  for (const name of ['a.txt', 'b.txt', 'c.doc']) await client.ask(closing(idsOf(await client.create(name))));
  const root = idsOf(await client.create('', { createOptions: CreateOptions.DirectoryFile, desiredAccess: AccessMask.FileListDirectory }));
  const names = (answer: Awaited<ReturnType<typeof client.ask>>): number =>
    Buffer.concat(answer.read(QueryDirectoryResponse).buffer).toString('utf16le').split('.').length - 1;
  const all = await client.ask(listing(root, '*.txt'));
  strictEqual(names(all), 2);
  strictEqual((await client.ask(listing(root, '*.txt'))).status, NtStatus.NoMoreFiles);
  strictEqual((await client.ask(listing(root, 'C.DOC', 0x10))).status, NtStatus.Success);
  strictEqual((await client.ask(listing(root, 'nothing*', 0x10))).status, NtStatus.NoSuchFile);
  const file = idsOf(await client.create('a.txt'));
  strictEqual((await client.ask(listing(file, '*'))).status, NtStatus.InvalidParameter);
});

test('QUERY_INFO returns what fits, and fails for unknown classes (3.3.5.20)', async () => {
  const client = await RawClient.at(testServer());
  const file = idsOf(await client.create('file'));
  await client.ask(writing(file, '123'));
  const answer = (await client.ask(asking(file, FileInformationClass.Standard))).read(QueryInfoResponse);
  strictEqual(FileStandardInformation.read(new Frame(Buffer.concat(answer.buffer)), 0).endOfFile, 3n);
  strictEqual((await client.ask(asking(file, FileInformationClass.Standard, 10))).status, NtStatus.InfoLengthMismatch);
  strictEqual((await client.ask(asking(file, FileInformationClass.All, 104))).status, NtStatus.BufferOverflow);
  strictEqual((await client.ask(asking(file, 99))).status, NtStatus.InvalidInfoClass);
  strictEqual((await client.ask(asking(file, 1, 100, 2))).status, NtStatus.Success);
  strictEqual((await client.ask(asking(file, 0, 0, 3))).status, NtStatus.BufferTooSmall);
  strictEqual((await client.ask(asking(file, 0, 100, 4))).status, NtStatus.NotSupported);
  strictEqual((await client.ask(asking(file, 0, 100, 9))).status, NtStatus.InvalidParameter);
});

test('BUFFER_TOO_SMALL has the required length, at 3.1.1 in an error context (2.2.2.1, 2.2.2.2)', async () => {
  for (const dialect of [Dialect.Smb302, Dialect.Smb311]) {
    const client = new RawClient(testServer());
    await client.negotiate([dialect], dialect === Dialect.Smb311 ? contexts(preauth()) : []);
    await client.logOn('ann', 'secret');
    const path = TreeConnectRequest.encode({ flags: 0, path: '\\\\server\\share' });
    client.treeId = (await client.ask({ command: Command.TreeConnect, body: path, sign: true })).header.treeId;
    const file = idsOf(await client.create('file'));
    const link = encodeSymbolicLink({ substituteName: 'to', printName: 'to', relative: true });
    const reparsePoint = idsOf(await client.create('link'));
    strictEqual((await client.ask(control(Fsctl.SetReparsePoint, { ...reparsePoint, input: link }))).status, NtStatus.Success);
    const descriptor = (await client.ask(asking(file, 0, 1000, 3))).read(QueryInfoResponse).buffer;
    const needed = Buffer.concat(descriptor).length;
    for (const [element, length] of [
      [asking(file, 0, 0, 3), needed],
      [asking(file, 0, needed - 1, 3), needed],
      [control(Fsctl.GetReparsePoint, { ...reparsePoint, maxOutputResponse: link.length - 1 }), link.length],
    ] as const) {
      const answer = await client.ask(element);
      strictEqual(answer.status, NtStatus.BufferTooSmall);
      const { errorContextCount, errorData } = answer.read(ErrorResponse);
      const data = Buffer.alloc(4);
      data.writeUInt32LE(length);
      if (dialect === Dialect.Smb302) deepStrictEqual([errorContextCount, Buffer.from(errorData)], [0, data]);
      else {
        strictEqual(errorContextCount, 1);
        deepStrictEqual(Buffer.from(errorData), Buffer.concat([Buffer.of(4, 0, 0, 0, 0, 0, 0, 0), data]));
      }
    }
  }
});

test('SET_INFO renames, truncates and deletes, by the rights of the open (3.3.5.21)', async () => {
  const client = await RawClient.at(testServer());
  const file = idsOf(await client.create('file'));
  const name = FileRenameInformation.encode({ replaceIfExists: 0, rootDirectory: 0n, fileName: 'other' }).head;
  strictEqual((await client.ask(setting(file, FileInformationClass.Rename, name))).status, NtStatus.Success);
  const empty = FileRenameInformation.encode({ replaceIfExists: 0, rootDirectory: 0n, fileName: '' }).head;
  strictEqual((await client.ask(setting(file, FileInformationClass.Rename, empty))).status >>> 30, 3);
  const outside = FileRenameInformation.encode({ replaceIfExists: 0, rootDirectory: 0n, fileName: '..\\out' }).head;
  strictEqual((await client.ask(setting(file, FileInformationClass.Rename, outside))).status, NtStatus.ObjectPathSyntaxBad);
  const end = new Uint8Array(8);
  end[0] = 7;
  strictEqual((await client.ask(setting(file, FileInformationClass.EndOfFile, end))).status, NtStatus.Success);
  strictEqual((await client.ask(setting(file, FileInformationClass.EndOfFile, end.subarray(0, 7)))).status, NtStatus.InfoLengthMismatch);
  strictEqual(
    (await client.ask(setting(file, FileInformationClass.EndOfFile, new Uint8Array(8).fill(255)))).status,
    NtStatus.InvalidParameter,
  );
  const looker = idsOf(await client.create('other', { desiredAccess: AccessMask.FileReadAttributes }));
  strictEqual((await client.ask(setting(looker, FileInformationClass.Disposition, Uint8Array.of(1)))).status, NtStatus.AccessDenied);
  strictEqual((await client.ask(setting(file, FileInformationClass.Disposition, Uint8Array.of(1)))).status, NtStatus.Success);
  for (const open of [file, looker]) await client.ask(closing(open));
  strictEqual((await client.create('other', { createDisposition: CreateDisposition.Open })).status, NtStatus.ObjectNameNotFound);
});

test('CHANGE_NOTIFY waits with an interim response, and CANCEL ends it once (3.3.5.16, 3.3.5.19)', async () => {
  const client = await RawClient.at(testServer());
  const folder = idsOf(await client.create('folder', { createOptions: CreateOptions.DirectoryFile }));
  const body = ChangeNotifyRequest.encode({ ...folder, flags: 0, outputBufferLength: 1024, completionFilter: 1 });
  const interim = await client.ask({ command: Command.ChangeNotify, body });
  strictEqual(interim.status, NtStatus.Pending);
  ok((interim.header.flags & HeaderFlags.AsyncCommand) !== 0);
  const header = { flags: HeaderFlags.AsyncCommand, processId: interim.header.processId, treeId: interim.header.treeId };
  const cancel: Element = { command: Command.Cancel, body: CancelRequest.encode({}), header };
  client.sendFrame(client.encode([cancel]));
  client.sendFrame(client.encode([cancel]));
  const [final] = (await client.next()) ?? [];
  strictEqual(final?.status, NtStatus.Cancelled);
  strictEqual(final?.header.credits, 0);
  strictEqual((await client.ask(closing(folder))).status, NtStatus.Success);
});

test('LOCK excludes other opens from a range until it is unlocked (3.3.5.14)', async () => {
  const client = await RawClient.at(testServer());
  const first = idsOf(await client.create('file'));
  const second = idsOf(await client.create('file'));
  await client.ask(writing(first, 'locked'));
  const locking = (open: Ids, flags: number): Element => ({
    command: Command.Lock,
    body: LockRequest.encode({ ...open, lockSequence: 0, locks: [{ offset: 0n, length: 4n, flags }] }),
  });
  strictEqual((await client.ask(locking(first, 0x12))).status, NtStatus.Success);
  strictEqual((await client.ask(locking(second, 0x12))).status, NtStatus.LockNotGranted);
  strictEqual((await client.ask(reading(second, 4))).status, NtStatus.FileLockConflict);
  strictEqual((await client.ask(locking(first, 4))).status, NtStatus.Success);
  strictEqual((await client.ask(reading(second, 4))).status, NtStatus.Success);
});

/** The codes that take no FileId, MS-SMB2 3.3.5.15. */
const withoutFile = [
  Fsctl.DfsGetReferrals,
  Fsctl.DfsGetReferralsEx,
  Fsctl.QueryNetworkInterfaceInfo,
  Fsctl.ValidateNegotiateInfo,
  Fsctl.PipeWait,
];

test('IOCTL with an unknown TreeId fails with NetworkNameDeleted, whatever its code and flags (3.3.5.15, 3.3.5.2.11)', async () => {
  const client = new RawClient(testServer());
  await client.negotiate();
  await client.logOn('ann', 'secret');
  for (const code of [...withoutFile, Fsctl.SetSparse, Fsctl.PipeTransceive, 0x00099999]) {
    strictEqual((await client.ask(control(code))).status, NtStatus.NetworkNameDeleted, code.toString(16));
  }
  strictEqual((await client.ask(control(Fsctl.SetSparse, { flags: 0 }))).status, NtStatus.NetworkNameDeleted);
  await client.connect('share');
  const { treeId } = client;
  client.treeId = treeId + 1;
  strictEqual((await client.ask(control(Fsctl.DfsGetReferrals))).status, NtStatus.NetworkNameDeleted);
  client.treeId = treeId;
  strictEqual((await client.ask(control(Fsctl.DfsGetReferrals))).status, NtStatus.FsDriverRequired);
});

test('IOCTL of a code that takes no FileId fails with InvalidParameter if there is one (3.3.5.15)', async () => {
  const client = await RawClient.at(testServer());
  const file = idsOf(await client.create('file'));
  for (const code of withoutFile) strictEqual((await client.ask(control(code, file))).status, NtStatus.InvalidParameter, code.toString(16));
});

test('IOCTL: all codes but five need an open; unknown ones are invalid device requests, and never end the connection (3.3.5.15)', async () => {
  const client = await RawClient.at(testServer());
  strictEqual((await client.ask(control(0x00099999))).status, NtStatus.FileClosed);
  strictEqual((await client.ask(control(0x00099999, idsOf(await client.create('other'))))).status, NtStatus.InvalidDeviceRequest);
  strictEqual((await client.ask(control(Fsctl.DfsGetReferrals))).status, NtStatus.FsDriverRequired);
  strictEqual((await client.ask(control(Fsctl.QueryNetworkInterfaceInfo))).status, NtStatus.NotSupported);
  strictEqual((await client.ask(control(Fsctl.SetSparse))).status, NtStatus.FileClosed);
  const file = idsOf(await client.create('file', { desiredAccess: AccessMask.FileReadData }));
  strictEqual((await client.ask(control(Fsctl.SetSparse, file))).status, NtStatus.AccessDenied);
  strictEqual((await client.ask(control(Fsctl.PipeTransceive, file))).status, NtStatus.InvalidDeviceRequest);
});

test('VALIDATE_NEGOTIATE_INFO repeats the negotiation; a changed one ends the connection (3.3.5.15.12)', async () => {
  const client = await RawClient.at(testServer());
  const asked = { capabilities: 0, guid: client.clientGuid, securityMode: 1, dialects: [Dialect.Smb302] };
  const input = ValidateNegotiateInfoRequest.encode(asked).head;
  const answer = (await client.ask(control(Fsctl.ValidateNegotiateInfo, { input }))).read(IoctlResponse);
  strictEqual(ValidateNegotiateInfoResponse.read(new Frame(Buffer.concat(answer.output)), 0).dialect, Dialect.Smb302);
  const changed = ValidateNegotiateInfoRequest.encode({ ...asked, dialects: [Dialect.Smb311, Dialect.Smb302] }).head;
  deepStrictEqual(await client.chain(control(Fsctl.ValidateNegotiateInfo, { input: changed })), []);
  ok(client.ended);
});

test('OPLOCK_BREAK without a break fails (3.3.5.22.1)', async () => {
  const client = await RawClient.at(testServer());
  const file = idsOf(await client.create('file'));
  const body = OplockBreak.encode({ ...file, oplockLevel: 0 });
  strictEqual((await client.ask({ command: Command.OplockBreak, body })).status, NtStatus.InvalidDeviceState);
});

test('QUERY_INFO supports each class of the file system that clients request during a mount, among them the sector sizes (3.3.5.20.2)', async () => {
  const client = await RawClient.at(testServer());
  const root = idsOf(await client.create('', { createOptions: CreateOptions.DirectoryFile }));
  const { Volume, Size, Device, Attribute, Control, FullSize, ObjectId, SectorSize } = FsInformationClass;
  for (const fsClass of [Volume, Size, Device, Attribute, Control, FullSize, ObjectId, SectorSize]) {
    const answer = await client.ask(asking(root, fsClass, 1024, InfoType.FileSystem));
    strictEqual(answer.status, NtStatus.Success, `class ${fsClass}`);
    strictEqual((await client.ask(asking(root, fsClass, 1, InfoType.FileSystem))).status, NtStatus.InfoLengthMismatch, `class ${fsClass}`);
  }
});

test('READ and WRITE on a directory: without the right ACCESS_DENIED, with it INVALID_DEVICE_REQUEST (3.3.5.12, 3.3.5.13)', async () => {
  const client = await RawClient.at(testServer());
  const none = new Uint8Array(0);
  for (const [desiredAccess, status] of [
    [AccessMask.FileReadAttributes, NtStatus.AccessDenied],
    [AccessMask.FileReadData | AccessMask.FileWriteData, NtStatus.InvalidDeviceRequest],
  ] as const) {
    const ids = idsOf(await client.create('directory', { createOptions: CreateOptions.DirectoryFile, desiredAccess }));
    const common = { ...ids, offset: 0, channel: 0, remainingBytes: 0, flags: 0 };
    const write = WriteRequest.encode({ ...common, writeChannelInfo: none, data: [new Uint8Array(1)] });
    strictEqual((await client.ask({ command: Command.Write, body: write })).status, status);
    const read = ReadRequest.encode({ ...common, length: 1, minimumCount: 0, readChannelInfo: none });
    strictEqual((await client.ask({ command: Command.Read, body: read })).status, status);
  }
});
