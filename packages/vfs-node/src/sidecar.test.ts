import { deepStrictEqual, ok, strictEqual, throws } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { VfsError } from '@ring3/vfs';
import { createNodeStore } from './node-store.ts';
import { Sidecar } from './sidecar.ts';

const place = (t: TestContext) => {
  const base = mkdtempSync(join(tmpdir(), 'ring3-sidecar-'));
  t.after(() => rmSync(base, { recursive: true }));
  mkdirSync(join(base, 'shared'));
  return { state: join(base, 'state'), shared: join(base, 'shared') };
};

test('what is kept is there again; nothing is made before there is something to keep', (t) => {
  const { state } = place(t);
  const sidecar = new Sidecar(state);
  sidecar.load();
  strictEqual(sidecar.get('1', 'a'), undefined);
  throws(() => readdirSync(state));
  strictEqual(sidecar.set('1', 'a', new Uint8Array([7])), true);
  strictEqual(sidecar.set('1', 'b', new Uint8Array(0x10001)), false);
  sidecar.close();
  deepStrictEqual(readdirSync(state), ['sidecar.sqlite']);
  const again = new Sidecar(state);
  deepStrictEqual(again.keys('1', ''), ['a']);
  again.forget('1');
  strictEqual(again.get('1', 'a'), undefined);
  again.close();
});

test('one that is cut short at any length is found when the folder is opened, and left as it is', (t) => {
  const { state, shared } = place(t);
  const sidecar = new Sidecar(state);
  for (let i = 0; i < 40; i++) sidecar.set(`${i}`, 'key', new Uint8Array(1000).fill(i));
  sidecar.close();
  const path = join(state, 'sidecar.sqlite');
  const whole = readFileSync(path);
  ok(whole.length > 40_000);
  for (let length = 0; length < whole.length; length += length % 4096 === 0 ? 1 : 4095) {
    writeFileSync(path, whole.subarray(0, length));
    throws(
      () => createNodeStore(shared, { state }),
      (error) =>
        error instanceof VfsError &&
        error.code === 'EIO' &&
        /sidecar\.sqlite is damaged \([^\n]+\): put a copy of it back, or move it away/.test(error.message),
      `${length} bytes`,
    );
    strictEqual(readFileSync(path).length, length);
  }
  writeFileSync(path, 'anything '.repeat(1000));
  throws(() => createNodeStore(shared, { state }), /is damaged/);
  writeFileSync(path, whole);
  createNodeStore(shared, { state }).close?.();
});
