import { equal, throws } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createNodeStore } from './index.ts';

test('createNodeStore requires only a path; arguments of a wrong type throw a TypeError with one sentence', (t) => {
  const base = mkdtempSync(join(tmpdir(), 'ring3-node-store-'));
  t.after(() => rmSync(base, { recursive: true }));
  const before = process.env['XDG_STATE_HOME'];
  process.env['XDG_STATE_HOME'] = join(base, 'state');
  t.after(() => {
    if (before === undefined) delete process.env['XDG_STATE_HOME'];
    else process.env['XDG_STATE_HOME'] = before;
  });
  const files = join(base, 'files');
  mkdirSync(files);
  const store = createNodeStore(files);
  equal(store.features.has('streams'), true);
  store.close?.();
  throws(() => createNodeStore(undefined as unknown as string), /^TypeError: createNodeStore needs the path of a directory, not undefined/);
  throws(
    () => createNodeStore(files, 'state' as unknown as object),
    /^TypeError: createNodeStore\(path, options\): options must be an object/,
  );
  throws(() => createNodeStore(base), /is inside .*: choose another one with \{ state \}/);
});
