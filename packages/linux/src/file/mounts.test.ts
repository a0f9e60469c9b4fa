import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { locate, parseMounts } from './mounts.ts';

const table = parseMounts(
  [
    '22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw',
    '23 22 0:5 / /proc rw - proc proc rw',
    '30 22 0:40 / /mnt/nfs rw shared:7 master:2 - nfs4 server:/export rw,addr=192.0.2.1',
    '31 22 0:41 / /mnt/a\\040b rw - fuse.sshfs user@host: rw,user_id=0',
    '32 22 8:2 / /srv rw - xfs /dev/sda2 rw',
    '33 32 0:42 / /srv/share/remote rw - cifs //server/share rw',
    '34 22 0:43 / /auto rw - autofs systemd-1 rw,fd=28',
    '35 22 0:44 / /merged rw - overlay overlay rw,lowerdir=/mnt/nfs/lower:/usr,upperdir=/srv/up,workdir=/srv/work',
    '36 22 0:45 / /image rw - overlay overlay rw,lowerdir=/usr:/lib,upperdir=/srv/up,workdir=/srv/work',
    '37 22 8:3 / /new rw - newfs /dev/sda3 rw',
    '38 22 8:4 / /over rw - ext4 /dev/sdb rw',
    '39 38 0:46 / /over rw - 9p host rw',
    '',
  ].join('\n'),
);
const local = (path: string): boolean => locate(path, table).isLocal;

test('a directory on a disk of this machine is local, one behind a network or a program is not: by the mount table (proc(5))', () => {
  strictEqual(local('/srv/other'), true);
  strictEqual(local('/home'), true);
  strictEqual(local('/mnt/nfs'), false);
  strictEqual(local('/mnt/nfs/deep/below'), false);
  strictEqual(local('/mnt/nfs2'), true, 'another name that begins the same');
  strictEqual(local('/mnt/a b'), false, 'an escaped mount point');
  strictEqual(local('/auto/x'), false);
  strictEqual(local('/new'), false, 'an unknown type may be anything');
  strictEqual(local('/over'), false, 'of two mounts at one point the last is seen');
});

test('a directory that has a slow mount below it is not local', () => {
  strictEqual(local('/srv'), false);
  strictEqual(local('/srv/share'), false);
  strictEqual(local('/srv/share/remote/x'), false);
  strictEqual(local('/'), false);
});

test('symbolic links are followed up to the first slow mount, which is not called', (t) => {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'ring3-mounts-')));
  t.after(() => rmSync(base, { recursive: true }));
  mkdirSync(join(base, 'a/b'), { recursive: true });
  symlinkSync('a/b', join(base, 'inside'));
  symlinkSync('/mnt/nfs/export/x', join(base, 'outside'));
  symlinkSync('circle', join(base, 'circle'));
  deepStrictEqual(locate(`${base}/inside/../b`, table), { real: join(base, 'a/b'), responds: true, isLocal: true });
  deepStrictEqual(locate(join(base, 'outside/y'), table), { real: '/mnt/nfs/export/x/y', responds: false, isLocal: false });
  strictEqual(locate(join(base, 'missing/x'), table).real, join(base, 'missing/x'));
  strictEqual(locate(join(base, 'circle'), table).responds, true, 'a circle ends');
  deepStrictEqual(
    locate('/srv/share', table),
    { real: '/srv/share', responds: true, isLocal: false },
    'it responds, a mount below it may not',
  );
});

test('an overlay is as local as its layers', () => {
  strictEqual(local('/merged'), false);
  strictEqual(local('/image'), true);
});

test('without a mount table nothing is local', () => strictEqual(locate('/srv', []).isLocal, false));
