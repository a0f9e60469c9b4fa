/**
 * A process with few file descriptors: a client that opens its maximum leaves enough for another client, and for the administrator who
 * disconnects it.
 */
import { deepStrictEqual, match, ok, strictEqual } from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Connection, connectTcp, type Open, type TreeConnect } from '@ring3/smb-client';
import { CreateDisposition, CreateOptions, NtStatus, StatusError } from '@ring3/smb-proto';
import { ring3Command, startRing3 } from './ring3.ts';

const skip = spawnSync('prlimit', ['--version']).status === 0 ? false : 'prlimit is not installed';

async function treeOf(port: number, user: string, password: string): Promise<{ connection: Connection; tree: TreeConnect }> {
  const connection = await Connection.open(await connectTcp(port));
  return { connection, tree: await (await connection.logon({ user, password })).connect('share') };
}

const made = (tree: TreeConnect, name: string): Promise<Open> => tree.create({ name, createDisposition: CreateDisposition.OpenIf });

/** Opens files until the server rejects a CREATE. @returns the opens, and the status */
async function openAll(tree: TreeConnect, directory: string): Promise<{ opens: Open[]; status: number | undefined }> {
  const opens: Open[] = [];
  try {
    for (let i = 0; i < 5000; i++) opens.push(await made(tree, `${directory}\\${i}`));
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return { opens, status: error.status };
  }
  return { opens, status: undefined };
}

test('a client that opens its maximum leaves file descriptors for others, for new connections and for the control socket', {
  skip,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-descriptors-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const nofile of [256, 1024]) {
    await using ring3 = await startRing3(folder, ['--user', 'greedy:secret'], ['prlimit', `--nofile=${nofile}:${nofile}`]);
    const greedy = await treeOf(ring3.port, 'greedy', 'secret');
    let directory = '';
    for (let depth = 0; depth < 20; depth++) {
      directory = depth === 0 ? 'deep' : `${directory}\\deep`;
      const open = await greedy.tree.create({
        name: directory,
        createDisposition: CreateDisposition.OpenIf,
        createOptions: CreateOptions.DirectoryFile,
      });
      await open.close();
    }
    const { opens, status } = await openAll(greedy.tree, directory);
    strictEqual(status, NtStatus.TooManyOpenedFiles);
    ok(opens.length > nofile / 8, `${opens.length} of ${nofile}`);
    const others: { connection: Connection; tree: TreeConnect }[] = [];
    for (let i = 0; i < 5; i++) others.push(await treeOf(ring3.port, ring3.user, ring3.password));
    for (const { tree } of others) await (await made(tree, 'other')).close();
    const ctl = (...words: string[]): string => {
      const [program, bin] = ring3Command;
      return execFileSync(program, [bin, 'ctl', ...words, '--control', ring3.at['control'] as string], { encoding: 'utf8' });
    };
    const line = ctl('sessions')
      .split('\n')
      .find((found) => found.includes('greedy'));
    const [, id] = /\b(s\d+)\b/.exec(line ?? '') ?? [];
    ok(id !== undefined, 'the session is not listed');
    ctl('close', id);
    match(ring3.log(), /a limit was reached/);
    const again = await treeOf(ring3.port, ring3.user, ring3.password);
    ok((await openAll(again.tree, directory)).opens.length > nofile / 8, 'they have come back');
    deepStrictEqual(
      others.map(({ connection }) => connection.credits > 0),
      others.map(() => true),
    );
    for (const { connection } of [...others, again, greedy]) await connection.close(true);
  }
});
