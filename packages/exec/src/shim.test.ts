import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { buildShim } from './shim.ts';
import { withoutCompiler } from './testing.ts';

const folder = mkdtempSync(join(tmpdir(), 'ring3-shim-'));
after(() => rmSync(folder, { recursive: true }));

function withCompiler<T>(compiler: string | undefined, run: () => T): T {
  const before = process.env['CC'];
  if (compiler === undefined) delete process.env['CC'];
  else process.env['CC'] = compiler;
  try {
    return run();
  } finally {
    if (before === undefined) delete process.env['CC'];
    else process.env['CC'] = before;
  }
}

test('the library is compiled once, kept, and used again without a compiler', { skip: withoutCompiler }, () => {
  const state = join(folder, 'state', 'exec');
  const built = withCompiler(undefined, () => buildShim(state));
  const { mtimeMs } = statSync(built);
  assert.equal(
    withCompiler('/no/such/cc', () => buildShim(state)),
    built,
  );
  assert.equal(statSync(built).mtimeMs, mtimeMs);
  assert.equal(readdirSync(state).length, 1);
  assert.equal(statSync(state).mode & 0o777, 0o700);
});

test('without a compiler one line says what to install', () => {
  withCompiler('/no/such/cc', () =>
    assert.throws(
      () => buildShim(join(folder, 'none')),
      /^Error: exec needs a C compiler once, and \/no\/such\/cc is not there: .*apt install gcc[^\n]*$/,
    ),
  );
});

test('a compiler that fails is one line, and leaves nothing', () => {
  const state = join(folder, 'failing');
  withCompiler('false', () => assert.throws(() => buildShim(state), /^Error: false failed on the library of exec: [^\n]*$/));
  assert.deepEqual(readdirSync(state), []);
});

test('a folder that others may write is refused', () => {
  const open = mkdtempSync(join(folder, 'open-'));
  chmodSync(open, 0o777);
  assert.throws(() => buildShim(open), /may be written by other users/);
});
