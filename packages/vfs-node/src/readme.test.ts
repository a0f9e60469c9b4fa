import { strictEqual } from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { expectAnswer } from '@ring3/vfs';
import { createNodeStore } from './index.ts';

test("the README's example does what it says", async () => {
  const [folder, state] = [mkdtempSync(join(tmpdir(), 'share-')), mkdtempSync(join(tmpdir(), 'state-'))];
  const who = { name: 'ada', sid: 'S-1-5-21-1-2-3-1001', groups: [], guest: false };
  const store = createNodeStore(folder, { state });
  const root = expectAnswer(await store.root(who), 'root');
  const how = { access: 'readWrite', kind: 'file', disposition: 'create' } as const;
  const file = expectAnswer(await store.open(root, 'Notes.txt', how, who), 'create');
  expectAnswer(await file.write([Buffer.from('hello')], 0), 'write');
  strictEqual(readFileSync(`${folder}/Notes.txt`, 'utf8'), 'hello');
  await file.close();
  await store.close?.();
  for (const path of [folder, state]) rmSync(path, { recursive: true });
});
