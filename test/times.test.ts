/** Times and attributes on a host directory that clients set: their values after another open, CLOSE and a restart. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fakeRandom, linkPair } from '@ring3/kit';
import { Connection, type Open, type TreeConnect } from '@ring3/smb-client';
import {
  CreateDisposition,
  CreateOptions,
  Dialect,
  FileAttributes,
  FileBasicInformation,
  FileEndOfFileInformation,
  FileInformationClass,
  fileAllAccess,
  filetimeFromMs,
  InfoType,
} from '@ring3/smb-proto';
import { createSmbServer } from '@ring3/smb-server';
import { createNodeStore } from '@ring3/vfs-node';
import { Frame } from '@ring3/wire';

/** 2001-09-09T01:46:40Z. */
const past = 1_000_000_000_000;

interface Share extends AsyncDisposable {
  readonly tree: TreeConnect;
}

/** Serves `base/share` with the state in `base/state` to one client. */
async function serve(base: string): Promise<Share> {
  mkdirSync(join(base, 'share'), { recursive: true });
  const vfs = createNodeStore(join(base, 'share'), { state: join(base, 'state') });
  const server = await createSmbServer({ shares: { share: vfs }, users: { user: 'password' }, listen: false });
  const [near, far] = linkPair();
  server.accept(far);
  const connection = await Connection.open(near, { random: fakeRandom(11), dialects: [Dialect.Smb302] });
  const tree = await (await connection.logon({ user: 'user', password: 'password' })).connect('share');
  const stop = async (): Promise<void> => {
    await server.close();
    await vfs.close?.();
  };
  return { tree, [Symbol.asyncDispose]: stop };
}

const withBase = async (use: (base: string) => Promise<void>): Promise<void> => {
  const base = mkdtempSync(join(tmpdir(), 'ring3-times-'));
  try {
    await use(base);
  } finally {
    rmSync(base, { recursive: true });
  }
};

const open = (tree: TreeConnect, name: string, createOptions = 0): Promise<Open> =>
  tree.create({ name, createOptions, desiredAccess: fileAllAccess, createDisposition: CreateDisposition.OpenIf });

async function query(file: Open) {
  const bytes = await file.queryInfo(InfoType.File, FileInformationClass.Basic);
  return FileBasicInformation.read(new Frame(bytes), 0);
}

function set(file: Open, changes: Partial<Parameters<typeof FileBasicInformation.write>[2]>): Promise<void> {
  const frame = Frame.alloc(FileBasicInformation.byteLength);
  const leave = { creationTime: 0n, lastAccessTime: 0n, lastWriteTime: 0n, changeTime: 0n, fileAttributes: 0 };
  FileBasicInformation.write(frame, 0, { ...leave, ...changes });
  return file.setInfo(InfoType.File, FileInformationClass.Basic, frame.bytes);
}

const endAt = (endOfFile: bigint): Uint8Array => {
  const frame = Frame.alloc(FileEndOfFileInformation.byteLength);
  FileEndOfFileInformation.write(frame, 0, { endOfFile });
  return frame.bytes;
};

test('LastWriteTime that a client sets survives later writes and a new size of the same open, CLOSE and a restart (MS-FSA 2.1.4.17)', () =>
  withBase(async (base) => {
    {
      await using share = await serve(base);
      const file = await open(share.tree, 'file');
      await file.write(0, [Buffer.from('1')]);
      await set(file, { lastWriteTime: filetimeFromMs(past) });
      await file.write(1, [Buffer.from('2')]);
      await file.write(2, [Buffer.alloc(300_000)]); // in the thread pool
      await file.setInfo(InfoType.File, FileInformationClass.EndOfFile, endAt(77n));
      assert.equal((await query(file)).lastWriteTime, filetimeFromMs(past));
      assert.equal(statSync(join(base, 'share', 'file')).mtimeMs, past);
      await file.close();
      assert.equal(statSync(join(base, 'share', 'file')).mtimeMs, past);
    }
    await using again = await serve(base);
    const file = await open(again.tree, 'file');
    assert.equal((await query(file)).lastWriteTime, filetimeFromMs(past));
    await file.write(0, [Buffer.from('3')]);
    assert.ok((await query(file)).lastWriteTime > filetimeFromMs(past), 'another open does not keep the set time');
  }));

test('a write is an access, and sets the archive attribute; both persist over a restart (MS-FSA 2.1.4.17)', () =>
  withBase(async (base) => {
    {
      await using share = await serve(base);
      const file = await open(share.tree, 'file');
      await set(file, { fileAttributes: FileAttributes.Hidden, lastAccessTime: filetimeFromMs(past) });
      await file.close();
      const writer = await open(share.tree, 'file');
      assert.equal((await query(writer)).fileAttributes, FileAttributes.Hidden);
      await writer.write(0, [Buffer.from('x')]);
      const { fileAttributes, lastAccessTime, lastWriteTime } = await query(writer);
      assert.equal(fileAttributes, FileAttributes.Hidden | FileAttributes.Archive);
      assert.equal(lastAccessTime, lastWriteTime);
      await writer.close();
    }
    await using again = await serve(base);
    const file = await open(again.tree, 'file');
    const { fileAttributes, lastAccessTime } = await query(file);
    assert.equal(fileAttributes, FileAttributes.Hidden | FileAttributes.Archive);
    assert.ok(lastAccessTime > filetimeFromMs(past));
  }));

test('ChangeTime that a client sets is kept over writes of its open, and the times of a directory over writes to its stream', () =>
  withBase(async (base) => {
    await using share = await serve(base);
    const file = await open(share.tree, 'file');
    await set(file, { changeTime: filetimeFromMs(past) });
    await file.write(0, [Buffer.from('x')]);
    await file.write(0, [Buffer.from('y')]);
    assert.equal((await query(file)).changeTime, filetimeFromMs(past));
    await file.close();
    const directory = await open(share.tree, 'directory', CreateOptions.DirectoryFile);
    const stream = await open(share.tree, 'directory:stream');
    await set(directory, { lastWriteTime: filetimeFromMs(past) });
    await stream.write(0, [Buffer.from('x')]);
    assert.ok((await query(directory)).lastWriteTime > filetimeFromMs(past), 'the stream was written by another open');
    await set(stream, { lastWriteTime: filetimeFromMs(past) });
    await stream.write(0, [Buffer.alloc(3000)]);
    assert.equal((await query(directory)).lastWriteTime, filetimeFromMs(past));
    await stream.close();
    assert.equal((await query(directory)).lastWriteTime, filetimeFromMs(past));
  }));
