/** POSIX deletion and replacement, and renames of streams, on a host directory. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fakeRandom, linkPair } from '@ring3/kit';
import { Connection, type Open, type TreeConnect } from '@ring3/smb-client';
import {
  CreateDisposition,
  Dialect,
  DispositionFlags,
  FileInformationClass,
  FileRenameInformationEx,
  fileAllAccess,
  InfoType,
  RenameFlags,
} from '@ring3/smb-proto';
import { createSmbServer } from '@ring3/smb-server';
import { createNodeStore } from '@ring3/vfs-node';

/** Runs a test with a share on a fresh host directory. */
async function withShare(use: (tree: TreeConnect, folder: string) => Promise<void>): Promise<void> {
  const base = mkdtempSync(join(tmpdir(), 'ring3-posix-'));
  const folder = join(base, 'share');
  mkdirSync(folder);
  const vfs = createNodeStore(folder, { state: join(base, 'state') });
  const server = await createSmbServer({ shares: { share: vfs }, users: { user: 'password' }, listen: false });
  try {
    const [near, far] = linkPair();
    server.accept(far);
    const connection = await Connection.open(near, { random: fakeRandom(11), dialects: [Dialect.Smb302] });
    await use(await (await connection.logon({ user: 'user', password: 'password' })).connect('share'), folder);
  } finally {
    await server.close();
    await vfs.close?.();
    rmSync(base, { recursive: true });
  }
}

const open = (tree: TreeConnect, name: string): Promise<Open> =>
  tree.create({ name, desiredAccess: fileAllAccess, createDisposition: CreateDisposition.OpenIf });
const text = async (file: Open): Promise<string> => Buffer.concat(await file.read(0, 100)).toString();
const rename = (file: Open, fileName: string, flags = 0): Promise<void> =>
  file.setInfo(InfoType.File, FileInformationClass.RenameEx, FileRenameInformationEx.encode({ flags, rootDirectory: 0n, fileName }).head);

test('POSIX_SEMANTICS: the host file is deleted with the handle, and replaced while it is open', () =>
  withShare(async (tree, folder) => {
    const kept = await open(tree, 'file');
    await kept.write(0, [Buffer.from('kept')]);
    const deleting = await open(tree, 'file');
    const flags = Uint8Array.of(DispositionFlags.Delete | DispositionFlags.PosixSemantics, 0, 0, 0);
    await deleting.setInfo(InfoType.File, FileInformationClass.DispositionEx, flags);
    await deleting.close();
    assert.equal(existsSync(join(folder, 'file')), false);
    assert.equal(await text(kept), 'kept');
    await kept.write(0, [Buffer.from('KEPT')]);
    const fresh = await open(tree, 'file');
    await fresh.write(0, [Buffer.from('fresh')]);
    const target = await open(tree, 'target');
    await target.write(0, [Buffer.from('target')]);
    await rename(fresh, 'TARGET', RenameFlags.ReplaceIfExists | RenameFlags.PosixSemantics);
    assert.equal(await text(target), 'target');
    assert.deepEqual(readdirSync(folder), ['TARGET']);
    for (const file of [kept, target, fresh]) await file.close();
    assert.equal(readFileSync(join(folder, 'TARGET'), 'utf8'), 'fresh');
  }));

test('the default stream becomes a named stream and back, also beyond what fits into an attribute', () =>
  withShare(async (tree, folder) => {
    for (const size of [5, 3_000_000]) {
      const data = Buffer.alloc(size, 'data');
      const file = await open(tree, `file${size}`);
      await file.write(0, [data]);
      await rename(file, ':side:$DATA');
      assert.equal(readFileSync(join(folder, `file${size}`)).length, 0);
      await file.write(0, [Buffer.from('D')]);
      await file.close();
      const side = await open(tree, `file${size}:side`);
      await rename(side, '::$DATA', RenameFlags.ReplaceIfExists);
      await side.close();
      data[0] = 'D'.charCodeAt(0);
      assert.ok(readFileSync(join(folder, `file${size}`)).equals(data));
      await assert.rejects(tree.create({ name: `file${size}:side`, createDisposition: CreateDisposition.Open }));
    }
  }));
