/**
 * A share whose file system hangs delays only its own requests. The file system is a FUSE program in which any operation can be made to
 * hang.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Advice, advise, close, currentFolder, OpenFlag, openAt, sync } from '@ring3/linux';
import { Connection, connectTcp, type Open, type TreeConnect } from '@ring3/smb-client';
import { AccessMask, CreateDisposition, CreateOptions, FileInformationClass, InfoType, NtStatus, type StatusError } from '@ring3/smb-proto';
import { need } from './programs.ts';
import { type Ring3, ring3Command, serveRing3 } from './ring3.ts';
import { run } from './smbclient.ts';

const [node, bin] = ring3Command;
const user = 'tester';
const password = 'secret';
const size = 1 << 20;

let base: string;
const at = (...names: string[]): string => join(base, ...names);

/** Waits until a file exists: the file system creates one when an operation hangs. */
async function appears(path: string): Promise<void> {
  const directory = watch(join(path, '..'));
  try {
    while (!existsSync(path)) await once(directory, 'change');
  } finally {
    directory.close();
  }
}

const hang = (operation: string): void => writeFileSync(at('control', `hang.${operation}`), '');
const release = (operation: string): void => {
  for (const name of [`hang.${operation}`, `pending.${operation}`]) rmSync(at('control', name), { force: true });
};

/** Removes a file from the page cache, so that its next read comes from the disk. */
function evict(path: string): void {
  const fd = openAt(currentFolder, path, OpenFlag.ReadOnly);
  sync(fd);
  advise(fd, 0, 0, Advice.DontNeed);
  close(fd);
}

const serve = (): Promise<Ring3> => serveRing3(['--config', at('ring3.toml'), '--user', `${user}:${password}`, '--console', '0']);

/** A separate connection with a tree connect to one of the shares. */
async function connect(ring3: Ring3, share: string): Promise<{ tree: TreeConnect; connection: Connection }> {
  const connection = await Connection.open(await connectTcp(ring3.port));
  try {
    const session = await connection.logon({ user, password });
    return { tree: await session.connect(share), connection };
  } catch (error) {
    await connection.close(true);
    throw error;
  }
}

const all = AccessMask.GenericAll;
const openFile = (tree: TreeConnect, name: string, createDisposition: number = CreateDisposition.OpenIf): Promise<Open> =>
  tree.create({ name, desiredAccess: all, createDisposition, shareAccess: 7 });
const statOf = (open: Open): Promise<Uint8Array> => open.queryInfo(InfoType.File, FileInformationClass.NetworkOpen);

/** The actions of clients of another share and of the administrator. */
async function othersWork(ring3: Ring3): Promise<void> {
  const { tree, connection } = await connect(ring3, 'good');
  const file = await openFile(tree, 'others.txt');
  await statOf(file);
  assert.equal(await file.write(0, [Buffer.alloc(size, 'x')]), size);
  await file.flush();
  evict(at('good', 'others.txt'));
  const read = await file.read(0, size);
  assert.equal(
    read.reduce((sum, { length }) => sum + length, 0),
    size,
  );
  await file.setInfo(InfoType.File, FileInformationClass.Disposition, Uint8Array.of(1));
  await file.close();
  await connection.close();
  assert.equal((await fetch(`${ring3.at['console']}/health`)).status, 200);
  const stats = await run(node, [bin, 'ctl', '--control', ring3.at['control'] as string, 'stats']);
  assert.equal(stats.status, 0, stats.output);
}

/** Operations of the file system, each with a client's request that causes it. */
const operations: readonly (readonly [operation: string, request: (tree: TreeConnect, file: Open) => Promise<unknown>])[] = [
  ['getattr', (_tree, file) => statOf(file)],
  ['getattr', (tree) => openFile(tree, 'there.txt').then((open) => open.close())],
  ['open', (tree) => openFile(tree, 'other.txt').then((open) => open.close())],
  ['create', (tree) => openFile(tree, 'new.txt', CreateDisposition.Create).then((open) => open.close())],
  [
    'mkdir',
    (tree) =>
      tree
        .create({ name: 'd', desiredAccess: all, createDisposition: 2, createOptions: CreateOptions.DirectoryFile })
        .then((open) => open.close()),
  ],
  ['setxattr', (_tree, file) => file.setInfo(InfoType.Security, 0, openToAll, 4)],
  ['getxattr', (tree) => openFile(tree, 'other.txt').then((open) => open.close())],
  ['listxattr', (_tree, file) => file.queryInfo(InfoType.File, FileInformationClass.FullEa).catch(noEas)],
  ['statfs', (_tree, file) => file.queryInfo(InfoType.FileSystem, 3)],
  ['read', (_tree, file) => Promise.all(Array.from({ length: 32 }, (_, i) => file.read(i * 4096, 4096)))],
  ['write', (_tree, file) => Promise.all(Array.from({ length: 32 }, (_, i) => file.write(i * 4096, [Buffer.alloc(4096)])))],
  ['fsync', (_tree, file) => Promise.all(Array.from({ length: 16 }, () => file.flush()))],
  ['flush', (tree) => openFile(tree, 'other.txt').then((open) => open.close())],
  ['readdir', (tree) => openFolder(tree).then((open) => open.queryDirectory(FileInformationClass.BothDirectory).then(() => open.close()))],
  ['truncate', (_tree, file) => file.setInfo(InfoType.File, FileInformationClass.EndOfFile, new Uint8Array(8))],
  ['rename', (tree) => renameFile(tree, 'other.txt', 'renamed.txt')],
  ['unlink', (tree) => deleteFile(tree, 'renamed.txt')],
];

/** SECURITY_DESCRIPTOR with a DACL that is present and null, self-relative: full access for all. MS-DTYP 2.4.6 */
const openToAll = Uint8Array.of(1, 0, 4, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

/** The response for a file without EAs. MS-FSA 2.1.5.11.10 */
function noEas({ status }: StatusError): void {
  assert.equal(status, NtStatus.NoEasOnFile);
}

const openFolder = (tree: TreeConnect): Promise<Open> =>
  tree.create({ name: '', desiredAccess: 0x81, createDisposition: 1, createOptions: CreateOptions.DirectoryFile, shareAccess: 7 });

async function renameFile(tree: TreeConnect, from: string, to: string): Promise<void> {
  const open = await openFile(tree, from);
  const name = Buffer.from(to, 'utf16le');
  const buffer = Buffer.alloc(20 + name.length);
  buffer.writeUInt32LE(name.length, 16);
  name.copy(buffer, 20);
  await open.setInfo(InfoType.File, FileInformationClass.Rename, buffer);
  await open.close();
}

async function deleteFile(tree: TreeConnect, name: string): Promise<void> {
  const open = await openFile(tree, name);
  await open.setInfo(InfoType.File, FileInformationClass.Disposition, Uint8Array.of(1));
  await open.close();
}

describe('a share on a file system that hangs', { ...need('gcc', 'fuse3') }, () => {
  let mounted: ReturnType<typeof spawn> | undefined;

  before(async () => {
    base = mkdtempSync(join(tmpdir(), 'ring3-slow-'));
    for (const name of ['good', 'data', 'control', 'slow']) mkdirSync(at(name));
    writeFileSync(at('ring3.toml'), `[share.good]\npath = "${at('good')}"\n[share.slow]\npath = "${at('slow')}"\n`);
    const flags = spawnSync('pkg-config', ['--cflags', '--libs', 'fuse3'], { encoding: 'utf8' }).stdout.trim().split(/\s+/);
    const source = join(import.meta.dirname, 'slow-store', 'passthrough.c');
    const compiled = spawnSync('gcc', ['-Wall', '-Werror', '-o', at('passthrough'), source, ...flags], { encoding: 'utf8' });
    assert.equal(compiled.status, 0, compiled.stderr);
    const mounts = (): string => readFileSync('/proc/self/mountinfo', 'utf8');
    mounted = spawn(at('passthrough'), [at('data'), at('control'), at('slow'), '-f'], { stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = once(mounted, 'exit').then(() => 'ended');
    while (!mounts().includes(at('slow'))) {
      const state = await Promise.race([ended, new Promise((next) => setImmediate(next, 'starting'))]);
      assert.equal(state, 'starting', 'the FUSE program runs');
    }
  });

  after(async () => {
    for (const [operation] of operations) release(operation);
    if (mounted !== undefined && mounted.exitCode === null) {
      const ended = once(mounted, 'exit');
      spawnSync('umount', ['-l', at('slow')]);
      mounted.kill('SIGKILL');
      await ended;
    }
    rmSync(base, { recursive: true, force: true });
  });

  test('while each operation hangs, clients of another share, ctl and /health are served', async (t) => {
    await using ring3 = await serve();
    for (const [operation, request] of operations) {
      await t.test(operation, { timeout: 30_000 }, async () => {
        for (const name of ['there.txt', 'other.txt']) writeFileSync(at('data', name), Buffer.alloc(256 * 1024, 'y'));
        const { tree, connection } = await connect(ring3, 'slow');
        const file = await openFile(tree, 'there.txt');
        hang(operation);
        let done = false;
        const answer = request(tree, file).then(
          () => (done = true),
          (error: StatusError) => {
            done = true;
            throw error;
          },
        );
        answer.catch(() => {});
        await appears(at('control', `pending.${operation}`));
        await othersWork(ring3);
        assert.equal(done, false, 'the request was pending for all that time');
        assert.ok(existsSync(at('control', `hang.${operation}`)));
        release(operation);
        await answer;
        await file.close();
        await connection.close();
      });
    }
  });

  test('a share whose process ends is opened again', { timeout: 60_000 }, async () => {
    await using ring3 = await serve();
    const { connection } = await connect(ring3, 'slow');
    const children = await run('pgrep', ['-P', String(ring3.pid)]);
    const [child] = children.output.trim().split('\n').map(Number);
    process.kill(child as number, 'SIGKILL');
    await othersWork(ring3);
    for (let works = false; !works; ) {
      works = await connect(ring3, 'slow').then(
        async ({ tree, connection: other }) => {
          const file = await openFile(tree, 'after.txt');
          await file.close();
          await other.close();
          return true;
        },
        () => false,
      );
    }
    assert.match(ring3.log(), /the process of a share ended/);
    await connection.close(true);
  });

  test('while it hangs, start, reload and stop still work: its tree connects fail with IO_TIMEOUT until it responds', {
    timeout: 60_000,
  }, async () => {
    hang('getattr');
    const ring3 = await serve();
    try {
      assert.match(ring3.log(), /does not respond/);
      await othersWork(ring3);
      const refused = await connect(ring3, 'slow').then(
        () => 0,
        (error: StatusError) => error.status,
      );
      assert.equal(refused, NtStatus.IoTimeout);
      const reloaded = await run(node, [bin, 'ctl', '--control', ring3.at['control'] as string, 'reload']);
      assert.equal(reloaded.status, 0, reloaded.output);
      await othersWork(ring3);
      release('getattr');
      for (let connected = false; !connected; ) {
        connected = await connect(ring3, 'slow').then(
          async ({ connection }) => {
            await connection.close();
            return true;
          },
          (error: StatusError) => {
            assert.equal(error.status, NtStatus.IoTimeout);
            return false;
          },
        );
      }
      const { tree, connection } = await connect(ring3, 'slow');
      hang('getattr');
      openFile(tree, 'there.txt').catch(() => {});
      await appears(at('control', 'pending.getattr'));
      await othersWork(ring3);
      for (const _ of [1, 2]) process.kill(ring3.pid, 'SIGTERM'); // the second one aborts pending requests
      await ring3[Symbol.asyncDispose]();
      assert.ok(existsSync(at('control', 'hang.getattr')), 'the process has ended although the file system hangs');
      await connection.close(true);
    } finally {
      release('getattr');
      await ring3[Symbol.asyncDispose]();
    }
  });
});
