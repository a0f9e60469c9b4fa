/** Requests of real clients during a mount, and the causes of failed mounts on servers that passed their own tests. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fakeRandom } from '@ring3/kit';
import { Connection, encodeForFile, type FileId, type Reply, type Request, type Session } from '@ring3/smb-client';
import {
  Command,
  CreateDisposition,
  Dialect,
  FileFsSectorSizeInformation,
  Fsctl,
  FsInformationClass,
  InfoType,
  IoctlFlags,
  IoctlRequest,
  NtStatus,
  StatusError,
} from '@ring3/smb-proto';
import { connectMemory, createSmbServer, type SmbServer, type SmbServerOptions } from '@ring3/smb-server';
import { createMemoryStore } from '@ring3/vfs';
import { Frame } from '@ring3/wire';

const anyFile: FileId = new Uint8Array(16).fill(0xff);
const unknownCodes = [0, 0x0009_0000, 0x0009_ffff, 0x0014_0fff, 0x0011_0ffc, 0x8000_0000, 0xffff_ffff];
const dialects = Object.entries({ '2.0.2': Dialect.Smb202, '2.1': Dialect.Smb21, '3.0': Dialect.Smb30, '3.1.1': Dialect.Smb311 });

const start = (more: Partial<SmbServerOptions> = {}): Promise<SmbServer> =>
  createSmbServer({
    shares: { share: createMemoryStore() },
    users: { user: 'password' },
    listen: false,
    limits: { failedLogonDelayMs: 0 },
    ...more,
  });
const connected = (server: SmbServer, dialect: Dialect): Promise<Connection> =>
  Connection.open(connectMemory(server), { random: fakeRandom(5), dialects: [dialect] });
const loggedOn = async (server: SmbServer, dialect: Dialect): Promise<Session> =>
  (await connected(server, dialect)).logon({ user: 'user', password: 'password' });
const failsWith = (status: number) => (error: unknown) => error instanceof StatusError && error.status === status;

/** Sends a control code, also without a tree. */
function control(
  session: Session,
  ctlCode: number,
  { fileId = anyFile, treeId = 0, flags = IoctlFlags.IsFsctl as number } = {},
): Promise<Reply> {
  const body = encodeForFile(IoctlRequest, fileId, {
    ctlCode,
    maxInputResponse: 0,
    maxOutputResponse: 4096,
    flags,
    input: Buffer.alloc(24),
    output: new Uint8Array(),
  });
  const request: Request = { command: Command.Ioctl, body, session, treeId };
  return session.connection.send(request).reply;
}

for (const [name, dialect] of dialects) {
  describe(`while a client mounts at ${name}`, () => {
    test('an unknown control code is an invalid device request on a file, a directory and a pipe; without a file, none is open (MS-SMB2 3.3.5.15)', async () => {
      await using server = await start();
      const session = await loggedOn(server, dialect);
      const [tree, pipes] = [await session.connect('share'), await session.connect('IPC$')];
      const file = await tree.create({ name: 'file', createDisposition: CreateDisposition.Create });
      const folder = await tree.createDirectory('folder');
      const pipe = await pipes.create({ name: 'srvsvc' });
      for (const code of unknownCodes) {
        const seen = [
          await control(session, code, { fileId: file.fileId, treeId: tree.treeId }),
          await control(session, code, { fileId: folder.fileId, treeId: tree.treeId }),
          await control(session, code, { fileId: pipe.fileId, treeId: pipes.treeId }),
        ];
        assert.deepEqual(new Set(seen.map(({ status }) => status)), new Set([NtStatus.InvalidDeviceRequest]), code.toString(16));
        const without = [await control(session, code, { treeId: tree.treeId }), await control(session, code, { treeId: pipes.treeId })];
        assert.deepEqual(new Set(without.map(({ status }) => status)), new Set([NtStatus.FileClosed]), code.toString(16));
      }
      await file.write(0, [Buffer.from('still there')]);
    });

    test('a request that is not a file-system control is not supported (MS-SMB2 3.3.5.15)', async () => {
      await using server = await start();
      const session = await loggedOn(server, dialect);
      const { treeId } = await session.connect('share');
      assert.equal((await control(session, Fsctl.SrvRequestResumeKey, { flags: 0, treeId })).status, NtStatus.NotSupported);
    });

    test('a control code before any tree connect fails with NetworkNameDeleted, and the connection is kept (MS-SMB2 3.3.5.2.11)', async () => {
      await using server = await start();
      const session = await loggedOn(server, dialect);
      const codes = [Fsctl.DfsGetReferrals, Fsctl.QueryNetworkInterfaceInfo, Fsctl.SrvCopychunk, Fsctl.PipeTransceive, ...unknownCodes];
      for (const code of codes) assert.equal((await control(session, code)).status, NtStatus.NetworkNameDeleted, code.toString(16));
      await session.connect('share');
    });

    test('a control code without a file gets its response on any tree connect (MS-SMB2 3.3.5.15)', async () => {
      await using server = await start();
      const session = await loggedOn(server, dialect);
      const expected: readonly (readonly [number, number])[] = [
        [Fsctl.DfsGetReferrals, NtStatus.FsDriverRequired],
        [Fsctl.DfsGetReferralsEx, NtStatus.FsDriverRequired],
        [Fsctl.QueryNetworkInterfaceInfo, NtStatus.NotSupported],
        ...unknownCodes.map((code) => [code, NtStatus.FileClosed] as const),
      ];
      for (const share of ['share', 'IPC$']) {
        const { treeId } = await session.connect(share);
        for (const [code, status] of expected) assert.equal((await control(session, code, { treeId })).status, status, code.toString(16));
        for (const code of [Fsctl.SrvCopychunk, Fsctl.SetSparse, Fsctl.PipeTransceive, Fsctl.QueryAllocatedRanges]) {
          assert.equal((await control(session, code, { treeId })).status, NtStatus.FileClosed, code.toString(16));
        }
      }
    });

    test('FileFsSectorSizeInformation returns consistent sector sizes (MS-FSCC 2.5.7)', async () => {
      await using server = await start();
      const tree = await (await loggedOn(server, dialect)).connect('share');
      const root = await tree.create({ name: '', desiredAccess: 0x80 });
      const bytes = await root.queryInfo(InfoType.FileSystem, FsInformationClass.SectorSize);
      assert.equal(bytes.length, FileFsSectorSizeInformation.byteLength);
      const sectors = FileFsSectorSizeInformation.read(new Frame(bytes), 0);
      const sizes = [
        sectors.logicalBytesPerSector,
        sectors.physicalBytesPerSectorForAtomicity,
        sectors.physicalBytesPerSectorForPerformance,
        sectors.fileSystemEffectivePhysicalBytesPerSectorForAtomicity,
      ];
      for (const size of sizes) assert.ok(size >= 512 && size <= 65536 && (size & (size - 1)) === 0, String(sizes));
      assert.ok(Math.min(...sizes.slice(1)) >= sectors.logicalBytesPerSector, 'no physical sector is smaller than a logical one');
      assert.equal(sectors.flags & 3, 3, 'aligned');
      assert.deepEqual([sectors.byteOffsetForSectorAlignment, sectors.byteOffsetForPartitionAlignment], [0, 0]);
    });

    for (const how of ['guest', 'anonymous'] as const) {
      test(`${how === 'guest' ? 'a guest' : 'an anonymous client'} reads and writes, although the server signs and encrypts for all other clients (MS-SMB2 3.3.5.5.3)`, async () => {
        const shares = { open: { vfs: createMemoryStore(), guest: true }, closed: createMemoryStore() };
        await using server = await start({ shares, guest: true, anonymous: true, signing: 'required', encryption: 'desired' });
        const connection = await connected(server, dialect);
        const session = await connection.logon({ user: how === 'guest' ? 'stranger' : '', password: '' });
        assert.deepEqual([session.guest, session.anonymous, session.hasKeys], [how === 'guest', how === 'anonymous', false]);
        const tree = await session.connect('open');
        const file = await tree.create({ name: 'file', createDisposition: CreateDisposition.Create });
        await file.write(0, [Buffer.from('by nobody')]);
        assert.equal(Buffer.concat(await file.read(0, 100)).toString(), 'by nobody');
        const reply = await control(session, 0x0009_ffff, { treeId: tree.treeId });
        assert.deepEqual([reply.status, reply.signed, reply.encrypted], [NtStatus.FileClosed, false, false]);
        await assert.rejects(session.connect('closed'), failsWith(NtStatus.AccessDenied));
      });
    }

    test('if guests are allowed, a wrong password of a known user is still rejected', async () => {
      await using server = await start({ guest: true, anonymous: true });
      const connection = await connected(server, dialect);
      await assert.rejects(connection.logon({ user: 'user', password: 'wrong' }), failsWith(NtStatus.LogonFailure));
    });

    test('if they are not, unknown and anonymous users are rejected', async () => {
      await using server = await start();
      const connection = await connected(server, dialect);
      for (const user of ['stranger', '']) await assert.rejects(connection.logon({ user, password: '' }), failsWith(NtStatus.LogonFailure));
    });
  });
}
