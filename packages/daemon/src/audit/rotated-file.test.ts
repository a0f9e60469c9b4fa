import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fakeLog, silentLog } from '@ring3/kit';
import { RotatedFile } from './rotated-file.ts';

function place(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-audit-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'sub', 'audit.log');
}

const linesIn = (path: string): string[] => readFileSync(path, 'utf8').split('\n').slice(0, -1);

test('written lines are in the file when it is closed; only its owner can read it', async (t) => {
  const path = place(t);
  const file = await RotatedFile.open({ path, size: 1e6, keep: 3 }, silentLog);
  const wanted = Array.from({ length: 5000 }, (_, i) => `line ${i} ${'x'.repeat(i % 50)}`);
  for (const line of wanted) file.write(line);
  await file.close();
  await file.close();
  file.write('after the end');
  deepStrictEqual(linesIn(path), wanted);
  strictEqual(statSync(path).mode & 0o777, 0o600);
});

test('it appends to an existing file, and removes the rights of other users', async (t) => {
  const path = place(t);
  mkdirSync(join(path, '..'));
  writeFileSync(path, 'before\n');
  chmodSync(path, 0o644);
  const file = await RotatedFile.open({ path, size: 1e6, keep: 3 }, silentLog);
  file.write('after');
  await file.close();
  deepStrictEqual(linesIn(path), ['before', 'after']);
  strictEqual(statSync(path).mode & 0o777, 0o600);
});

test('another file begins when it has grown; so many older ones are kept, each of whole lines, none is lost between', async (t) => {
  const path = place(t);
  mkdirSync(join(path, '..'));
  for (const before of ['.2', '.3', '.4']) writeFileSync(path + before, 'of a time when more were kept\n');
  const file = await RotatedFile.open({ path, size: 2000, keep: 2 }, silentLog);
  let written = 0;
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const write = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      file.write(`line ${String(written++).padStart(10, '0')}`);
      if (i % 20 === 0) await turn();
    }
  };
  while (existsSync(`${path}.3`) || !existsSync(`${path}.2`)) await write(40);
  await write(1000);
  await file.close();
  deepStrictEqual(readdirSync(join(path, '..')).sort(), ['audit.log', 'audit.log.1', 'audit.log.2']);
  const kept = ['.2', '.1', ''].flatMap((suffix) => linesIn(path + suffix)).map((line) => Number(line.slice(5)));
  deepStrictEqual(
    kept,
    kept.map((_, i) => (kept[0] as number) + i),
  );
  strictEqual(kept.at(-1), written - 1);
  for (const suffix of ['', '.1', '.2']) {
    strictEqual(statSync(path + suffix).mode & 0o777, 0o600);
    ok(statSync(path + suffix).size <= 2000 + 16 * 1024);
  }
});

test('lines that wait at the end are rotated too: no file is longer than its limit by more than a write', async (t) => {
  const path = place(t);
  const file = await RotatedFile.open({ path, size: 20_000, keep: 50 }, silentLog);
  const line = 'x'.repeat(999);
  for (let i = 0; i < 300; i++) file.write(line);
  await file.close();
  const sizes = readdirSync(join(path, '..')).map((name) => statSync(join(path, '..', name)).size);
  strictEqual(
    sizes.reduce((sum, size) => sum + size, 0),
    300_000,
  );
  ok(Math.max(...sizes) <= 20_000 + 16 * 1024, `${sizes}`);
});

test('where no older file is kept, the new one takes its place', async (t) => {
  const path = place(t);
  const file = await RotatedFile.open({ path, size: 100, keep: 0 }, silentLog);
  const begins = () => (existsSync(path) ? readFileSync(path, 'utf8') : '').split('\n', 1)[0];
  for (let i = 0; ['', 'line 0'].includes(begins() ?? ''); i++) {
    file.write(`line ${i}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await file.close();
  deepStrictEqual(readdirSync(join(path, '..')), ['audit.log']);
});

test('if the older file cannot be renamed, that is logged, and lines are appended to the present one', async (t) => {
  const path = place(t);
  mkdirSync(join(`${path}.1`, 'in-the-way'), { recursive: true });
  const log = fakeLog();
  const file = await RotatedFile.open({ path, size: 50, keep: 1 }, log);
  let written = 0;
  while (log.lines.length === 0) {
    file.write(`line ${written++}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await file.close();
  strictEqual(linesIn(path).length, written);
  deepStrictEqual(
    log.lines.map(({ level }) => level),
    ['error'],
  );
});

test('a path that cannot be written is reported at once', async (t) => {
  const path = place(t);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'file'), '');
  await rejects(RotatedFile.open({ path: join(path, 'file', 'a'), size: 1, keep: 1 }, silentLog), /cannot be written: EEXIST$/);
  await rejects(RotatedFile.open({ path, size: 1, keep: 1 }, silentLog), /cannot be written: it is not a regular file$/);
  await rejects(RotatedFile.open({ path: '/dev/full', size: 1, keep: 1 }, silentLog), /it is not a regular file$/);
});

test('a file that holds something else is not touched', async (t) => {
  const path = place(t);
  mkdirSync(join(path, '..'));
  writeFileSync(path, '[server]\nport = 445', { mode: 0o644 });
  await rejects(
    RotatedFile.open({ path, size: 1e6, keep: 3 }, silentLog, '{'),
    /cannot be written: it has other contents: choose another path$/,
  );
  deepStrictEqual([readFileSync(path, 'utf8'), statSync(path).mode & 0o777], ['[server]\nport = 445', 0o644]);
  writeFileSync(path, '{"a":1}\n{"b"');
  const file = await RotatedFile.open({ path, size: 1e6, keep: 3 }, silentLog, '{');
  file.write('{}');
  await file.close();
  deepStrictEqual(linesIn(path), ['{"a":1}', '{"b"', '{}']);
});

test('a line that was cut short is the only one that is lost by it', async (t) => {
  const path = place(t);
  mkdirSync(join(path, '..'));
  writeFileSync(path, 'whole\nto');
  const file = await RotatedFile.open({ path, size: 1e6, keep: 1 }, silentLog);
  file.write('next');
  await file.close();
  deepStrictEqual(linesIn(path), ['whole', 'to', 'next']);
});

test('a file that was moved away is created again by a renewal', async (t) => {
  const path = place(t);
  const file = await RotatedFile.open({ path, size: 1e6, keep: 1 }, silentLog);
  file.write('before');
  while (linesIn(path).length === 0) await new Promise((resolve) => setImmediate(resolve));
  renameSync(path, `${path}.away`);
  file.write('still there');
  file.renew({ size: 1e6, keep: 1 });
  file.renew({ size: 1e6, keep: 1 });
  file.write('after');
  await file.close();
  deepStrictEqual([...linesIn(`${path}.away`), ...linesIn(path)], ['before', 'still there', 'after']);
  strictEqual(linesIn(path).at(-1), 'after');
});

test('a file has one writer: a second one is told so, until the first has closed it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-audit-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const options = { path: join(folder, 'audit.jsonl'), size: 1 << 20, keep: 1 };
  const first = await RotatedFile.open(options, silentLog);
  await rejects(RotatedFile.open(options, silentLog), {
    message: `the audit file ${options.path} cannot be written: another ring3 writes it: choose another path`,
  });
  await first.close();
  const second = await RotatedFile.open(options, silentLog);
  await second.close();
});
