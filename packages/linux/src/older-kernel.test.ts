import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

test('where a container or an older kernel refuses openat2 and getxattrat, other ways lead to the same', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-older-'));
  mkdirSync(join(folder, 'inside'));
  writeFileSync(join(folder, 'inside/file'), 'x');
  symlinkSync('../..', join(folder, 'inside/out'));
  symlinkSync('file', join(folder, 'inside/link'));
  const script = `
    import * as linux from ${JSON.stringify(new URL('index.ts', import.meta.url).href)};
    const { Errno, OpenFlag, check } = linux;
    const load = [0x20, 0, 0, 0], fail = (errno) => [0x06, 0, 0, 0x50000 | errno], allow = [0x06, 0, 0, 0x7fff0000];
    check(linux.setNoNewPrivileges(), 'prctl');
    check(linux.installFilter([load, [0x15, 0, 1, 437], fail(Errno.EPERM), [0x15, 0, 1, 464], fail(Errno.ENOSYS), allow]), 'seccomp');
    const dir = check(linux.openAt(-100, ${JSON.stringify(folder)}, OpenFlag.Path | OpenFlag.Directory), 'openat');
    const told = [linux.features().openat2];
    for (const path of ['inside/file', 'inside/link', 'inside/out', 'inside/../..']) told.push(linux.openBeneath(dir, path, OpenFlag.ReadOnly) >= 0);
    const file = linux.openBeneath(dir, 'inside/file', OpenFlag.Path);
    const inside = linux.openBeneath(dir, 'inside', OpenFlag.Path);
    const set = linux.setXattr({ dir: file, name: '' }, 'user.x', Buffer.from('abc'));
    const into = Buffer.alloc(8);
    for (const target of [{ dir: file, name: '' }, { dir: inside, name: 'file' }, { dir: inside, name: Buffer.from('file') }])
      told.push(set === -Errno.EOPNOTSUPP ? 3 : linux.getXattr(target, 'user.x', into));
    console.log(JSON.stringify(told));`;
  const ended = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', timeout: 20_000 });
  rmSync(folder, { recursive: true });
  assert.equal(ended.stdout, '[false,true,true,false,false,3,3,3]\n', ended.stderr);
});
