import { strictEqual, throws } from 'node:assert/strict';
import { chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { defaultRuntimeDir, defaultStateDir, folderFault, makeFolder, realPath, runtimeDirWarning } from './places.ts';

function place(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-places-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('a folder is made with those above it, for this user alone', (t) => {
  const folder = join(place(t), 'a', 'b', 'c');
  strictEqual(makeFolder(folder), true);
  strictEqual(makeFolder(folder), false);
  strictEqual(statSync(folder).mode & 0o777, 0o700);
});

test('a folder that cannot be made is said: where a file is, below one, and below /proc', (t) => {
  const file = join(place(t), 'file');
  writeFileSync(file, '');
  throws(() => makeFolder(file), { code: 'EEXIST' });
  throws(() => makeFolder(join(file, 'a', 'b')), { code: 'ENOTDIR' });
  throws(() => makeFolder('/proc/ring3/a'), { code: 'ENOENT' });
});

test('two ways to one place are one; a way that leads nowhere is absolute', (t) => {
  const folder = place(t);
  mkdirSync(join(folder, 'real'));
  symlinkSync('real', join(folder, 'link'));
  strictEqual(realPath(join(folder, 'link')), realPath(join(folder, 'real')));
  strictEqual(realPath('nowhere-at-all'), join(process.cwd(), 'nowhere-at-all'));
});

test('a folder that is not there, and a file, cannot be shared', (t) => {
  const folder = place(t);
  writeFileSync(join(folder, 'file'), '');
  strictEqual(folderFault(folder), undefined);
  strictEqual(folderFault(join(folder, 'none')), `there is no directory ${join(folder, 'none')}`);
  strictEqual(folderFault(join(folder, 'file')), `${join(folder, 'file')} is a file, not a directory`);
});

test('XDG_RUNTIME_DIR of another user, as su leaves it, counts as not set (XDG Base Directory Specification)', {
  skip: process.getuid?.() !== 0 && 'only root can give a directory away',
}, (t) => {
  const folder = place(t);
  strictEqual(defaultRuntimeDir({ XDG_RUNTIME_DIR: folder }), join(folder, 'ring3'));
  chownSync(folder, 12345, 12345);
  strictEqual(defaultRuntimeDir({ XDG_RUNTIME_DIR: folder }), defaultRuntimeDir({}));
});

test('XDG_RUNTIME_DIR that is not a directory counts as not set, and is not created (XDG Base Directory Specification)', (t) => {
  const folder = place(t);
  writeFileSync(join(folder, 'file'), '');
  for (const path of [join(folder, 'nothere'), join(folder, 'file'), join(folder, 'file', 'below')]) {
    strictEqual(defaultRuntimeDir({ XDG_RUNTIME_DIR: path }), defaultRuntimeDir({}));
    strictEqual(runtimeDirWarning({ XDG_RUNTIME_DIR: path })?.startsWith(`XDG_RUNTIME_DIR=${path} is not a directory of this user`), true);
  }
  strictEqual(defaultRuntimeDir({ XDG_RUNTIME_DIR: folder }), join(folder, 'ring3'));
  for (const fine of [folder, undefined, '']) strictEqual(runtimeDirWarning({ XDG_RUNTIME_DIR: fine }), undefined);
  strictEqual(existsSync(join(folder, 'nothere')), false);
});

test('RING3_STATE_DIR comes before every default state directory', () => {
  strictEqual(defaultStateDir({ RING3_STATE_DIR: '/var/lib/ring3', XDG_STATE_HOME: '/s' }), '/var/lib/ring3');
});

test('relative paths in XDG variables count as not set (XDG Base Directory Specification)', () => {
  strictEqual(defaultStateDir({ XDG_STATE_HOME: '/s' }), '/s/ring3');
  strictEqual(defaultStateDir({ XDG_STATE_HOME: 's' }), defaultStateDir({}));
  strictEqual(defaultRuntimeDir({ XDG_RUNTIME_DIR: 'r' }), defaultRuntimeDir({}));
});
