import { strictEqual, throws } from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { privateFolder, socketFolder } from './private-folder.ts';

function place(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-private-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}
const notRoot = process.getuid?.() !== 0 && 'only root can give a directory away';

test('a private directory is made with mode 0700, and accepted again', (t) => {
  const folder = join(place(t), 'a', 'b');
  strictEqual(privateFolder(folder), folder);
  strictEqual(statSync(folder).mode & 0o777, 0o700);
  strictEqual(privateFolder(folder), folder);
});

test('a path that is not a private directory is rejected: a file, a link, one that is open to others, one that cannot be created', (t) => {
  const folder = place(t);
  writeFileSync(join(folder, 'file'), '');
  mkdirSync(join(folder, 'open'), { mode: 0o755 });
  mkdirSync(join(folder, 'real'), { mode: 0o700 });
  symlinkSync('real', join(folder, 'link'));
  throws(() => privateFolder(join(folder, 'file')), /file is not a directory: choose another place$/);
  throws(() => privateFolder(join(folder, 'link')), /link is not a directory$/);
  throws(() => privateFolder(join(folder, 'open')), /open is open to other users \(mode 755\): chmod 700 \S+open$/);
  throws(() => privateFolder('/proc/ring3/a'), /^Error: cannot make the directory \/proc\/ring3\/a \(ENOENT\): choose another place$/);
});

test('a private directory of another user is rejected, whatever its mode', { skip: notRoot }, (t) => {
  const folder = join(place(t), 'theirs');
  mkdirSync(folder, { mode: 0o700 });
  chownSync(folder, 12345, 12345);
  throws(() => privateFolder(folder), /theirs belongs to another user \(12345\): run this as that user, or choose another place$/);
});

test('the default runtime directory has to be private; one that another user made first is rejected (CWE-377)', { skip: notRoot }, (t) => {
  const before = process.env['XDG_RUNTIME_DIR'];
  t.after(() => {
    if (before === undefined) delete process.env['XDG_RUNTIME_DIR'];
    else process.env['XDG_RUNTIME_DIR'] = before;
  });
  const runtime = place(t);
  process.env['XDG_RUNTIME_DIR'] = runtime;
  const folder = join(runtime, 'ring3');
  mkdirSync(folder);
  chmodSync(folder, 0o755);
  throws(() => socketFolder(join(folder, 'control.sock')), /ring3 is open to other users \(mode 755\)/);
  chmodSync(folder, 0o700);
  socketFolder(join(folder, 'control.sock'));
  chownSync(folder, 12345, 12345);
  throws(() => socketFolder(join(folder, 'control.sock')), /ring3 belongs to another user \(12345\)/);
});

test('a socket in a directory that others may write is rejected, unless it has the sticky bit', (t) => {
  const folder = place(t);
  mkdirSync(join(folder, 'all'));
  chmodSync(join(folder, 'all'), 0o777);
  for (const path of [join(folder, 'all', 'control.sock'), join(folder, 'all', 'more', 'control.sock')])
    throws(() => socketFolder(path), /control\.sock is not safe|more is not safe: \S+all may be written by other users \(mode 777\)/);
  chmodSync(join(folder, 'all'), 0o1777);
  socketFolder(join(folder, 'all', 'control.sock'));
});
