import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { close } from '../close.ts';
import { Errno, errnoName } from '../errno.ts';
import { descriptorPath, OpenFlag, openAt, openat2Allowed, openBeneath, reopen, walkBeneath } from './open.ts';

const outside = realpathSync(mkdtempSync(join(tmpdir(), 'ring3-open-')));
after(() => rmSync(outside, { recursive: true }));
const inside = join(outside, 'root');
mkdirSync(join(inside, 'a/b/c'), { recursive: true });
writeFileSync(join(outside, 'secret'), 'secret');
writeFileSync(join(inside, 'file'), 'file');
writeFileSync(join(inside, 'a/b/file'), 'deep');
const links: Record<string, string> = {
  'to-file': 'file',
  'to-file-slash': 'file/',
  'to-a': 'a',
  'a/up': '..',
  'a/b/around': '../../a/b/file',
  'a/b/c/out': '../../../../secret',
  'to-out': '..',
  'to-absolute': join(inside, 'file'),
  'to-self': 'to-self',
  'to-nowhere': 'nowhere',
  'to-to-a': './to-a/./b/..',
};
for (const [name, target] of Object.entries(links)) symlinkSync(target, join(inside, name));
const root = openAt(-100, inside, OpenFlag.Path | OpenFlag.Directory);
after(() => close(root));

/** The result of opening: the path, or the name of the errno. */
function place(open: typeof openBeneath, path: string | Uint8Array, flags: number): string {
  const fd = open(root, path, flags);
  if (fd < 0) return errnoName(fd);
  const found = pathOf(fd);
  close(fd);
  return found;
}
const pathOf = (fd: number): string => readlinkSync(descriptorPath(fd)).replace(inside, '.');

const expected: readonly (readonly [path: string, found: string])[] = [
  ['file', './file'],
  ['a/b/file', './a/b/file'],
  ['a//b/./file', './a/b/file'],
  ['.', '.'],
  ['a/..', '.'],
  ['a/b/../../file', './file'],
  ['to-file', './file'],
  ['to-a/b/file', './a/b/file'],
  ['to-to-a/b/file', './a/b/file'],
  ['a/up/file', './file'],
  ['a/b/around', './a/b/file'],
  ['a/b/c/out', 'EXDEV'],
  ['..', 'EXDEV'],
  ['../root/file', 'EXDEV'],
  ['a/../..', 'EXDEV'],
  ['to-out', 'EXDEV'],
  ['to-out/secret', 'EXDEV'],
  ['to-absolute', 'EXDEV'],
  [join(inside, 'file'), 'EXDEV'],
  ['/', 'EXDEV'],
  ['to-self', 'ELOOP'],
  ['to-nowhere', 'ENOENT'],
  ['nowhere', 'ENOENT'],
  ['', 'ENOENT'],
  ['file/', 'ENOTDIR'],
  ['to-file-slash', 'ENOTDIR'],
  ['file/x', 'ENOTDIR'],
  ['to-a/', './a'],
];

for (const [name, open] of [
  ['openat2', openBeneath],
  ['the walk that replaces it', walkBeneath],
] as const) {
  const skip = open === openBeneath && !openat2Allowed() ? 'openat2 is refused here' : false;
  test(`a path below a folder never leaves it, by ${name}`, { skip }, () => {
    for (const [path, found] of expected) {
      assert.equal(place(open, path, OpenFlag.ReadOnly), found, path);
      assert.equal(place(open, Buffer.from(path), OpenFlag.ReadOnly), found, `${path} as bytes`);
      assert.equal(place(open, path, OpenFlag.Path), found, `${path} as a reference`);
    }
    assert.equal(place(open, 'to-file', OpenFlag.ReadOnly | OpenFlag.NoFollow), 'ELOOP');
    assert.equal(place(open, 'to-a', OpenFlag.Path | OpenFlag.Directory | OpenFlag.NoFollow), 'ENOTDIR');
    assert.equal(place(open, 'to-a/b', OpenFlag.ReadOnly | OpenFlag.NoFollow), './a/b');
    const link = open(root, 'to-file', OpenFlag.Path | OpenFlag.NoFollow);
    assert.ok(link >= 0);
    close(link);
    assert.equal(open(root, 'file', OpenFlag.ReadWrite | OpenFlag.Create | OpenFlag.Exclusive, 0o600), -Errno.EEXIST);
    const made = open(root, `a/up/made-${open.name}`, OpenFlag.ReadWrite | OpenFlag.Create | OpenFlag.Exclusive, 0o600);
    assert.equal(pathOf(made), `./made-${open.name}`);
    close(made);
  });
}

test('the walk finds what openat2 finds, for any path of these parts', {
  skip: openat2Allowed() ? false : 'openat2 is refused here',
}, () => {
  const part = fc.constantFrom('a', 'b', 'c', '..', '.', '', 'file', ...Object.keys(links).map((link) => link.split('/').at(-1)!));
  const flags = fc.constantFrom(
    OpenFlag.ReadOnly,
    OpenFlag.Path,
    OpenFlag.Path | OpenFlag.NoFollow,
    OpenFlag.ReadOnly | OpenFlag.Directory,
  );
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), flags, (parts, flag) => {
      const path = parts.join('/');
      assert.equal(place(walkBeneath, path, flag), place(openBeneath, path, flag), path);
    }),
    { numRuns: 2000 },
  );
});

test('a name with NUL is refused before the call, and so are lone surrogates', () => {
  writeFileSync(join(inside, 'cut'), '');
  assert.equal(openAt(root, 'cut\0.txt', OpenFlag.ReadOnly), -Errno.EINVAL);
  assert.equal(openAt(root, Buffer.from('cut\0.txt'), OpenFlag.ReadOnly), -Errno.EINVAL);
  assert.equal(openBeneath(root, 'a/\0', OpenFlag.ReadOnly), -Errno.EINVAL);
  assert.equal(openAt(root, 'x\ud800', OpenFlag.ReadOnly | OpenFlag.Create), -Errno.EILSEQ);
});

test('names that are no UTF-8 go through as their bytes', () => {
  const name = Buffer.from([0x66, 0xff, 0xfe]);
  const fd = openAt(root, name, OpenFlag.ReadWrite | OpenFlag.Create, 0o600);
  assert.ok(fd >= 0);
  close(fd);
  assert.equal(openAt(root, 'f\ufffd\ufffd', OpenFlag.ReadOnly), -Errno.ENOENT);
});

test('a reference opens nothing, not even a FIFO, and follows its file through a rename', () => {
  execFileSync('mkfifo', [join(inside, 'fifo')]);
  const fifo = openAt(root, 'fifo', OpenFlag.Path | OpenFlag.NoFollow);
  assert.ok(fifo >= 0);
  close(fifo);
  const reference = openAt(root, 'file', OpenFlag.Path | OpenFlag.NoFollow);
  linkSync(join(inside, 'file'), join(inside, 'other'));
  rmSync(join(inside, 'file'));
  const fd = reopen(reference, OpenFlag.ReadWrite);
  assert.equal(readFileSync(fd, 'utf8'), 'file');
  assert.equal(readFileSync(descriptorPath(reference), 'utf8'), 'file');
  close(fd);
  close(reference);
});
