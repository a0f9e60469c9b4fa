import { deepStrictEqual, match, ok, strictEqual, throws } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findUser, type HostUser } from '@ring3/linux';
import { actAs } from './act-as.ts';

const root = process.getuid?.() === 0 ? {} : { skip: 'only root becomes somebody else' };

/** Becomes `nobody` in a process of its own, whose pool has threads already. @returns what it is then */
function become(folders: readonly string[], umask: number): Record<string, unknown> {
  const script = `
    import { readFileSync, readdirSync, readFileSync as read } from 'node:fs';
    import { readFile } from 'node:fs/promises';
    import { tmpdir, homedir } from 'node:os';
    import { actAs } from ${JSON.stringify(import.meta.resolve('./act-as.ts'))};
    process.umask(${umask});
    await Promise.all(Array.from({ length: 8 }, () => readFile('/proc/self/status')));
    actAs('nobody', ${JSON.stringify(folders)});
    actAs('nobody'); // who it is already
    const lines = (key) => [...new Set(readdirSync('/proc/self/task').map((thread) =>
      readFileSync('/proc/self/task/' + thread + '/status', 'latin1').match(new RegExp('^' + key + ':\\\\s*(.*?)\\\\s*$', 'm'))[1]))];
    const refused = (call) => { try { call(); return 'done'; } catch (error) { return error.code; } };
    console.log(JSON.stringify({
      user: lines('Uid'), group: lines('Gid'), groups: lines('Groups'), capabilities: lines('CapEff'), newPrivileges: readFileSync('/proc/thread-self/status', 'latin1').match(/NoNewPrivs:\\s*(.)/)[1],
      shadow: refused(() => read('/etc/shadow')), back: refused(() => process.setuid(0)), laterBack: await readFile('/etc/shadow').catch(({ code }) => code),
      umask: process.umask(), home: homedir(), temporary: tmpdir(), runtime: process.env.XDG_RUNTIME_DIR ?? null,
    }));`;
  const child = spawnSync(process.execPath, ['--conditions=@ring3/source', '--input-type=module', '--eval', script], {
    encoding: 'utf8',
    env: { ...process.env, XDG_RUNTIME_DIR: '/run/user/0', TMPDIR: '/root' },
  });
  strictEqual(child.status, 0, child.stderr);
  return JSON.parse(child.stdout) as Record<string, unknown>;
}

function rootsFolder(t: TestContext): string {
  const folder = mkdtempSync('/run/ring3-act-as-');
  chmodSync(folder, 0o755);
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('every thread becomes the other user with that user’s groups, without capabilities, and none can return', root, (t) => {
  const folder = rootsFolder(t);
  const state = join(folder, 'a', 'state');
  const sockets = join(folder, 'b');
  const found = become([state, join(sockets, 'inside'), sockets], 0o77);
  const { userId, groupId } = findUser('nobody') as HostUser;
  deepStrictEqual(found, {
    user: [`${userId}\t${userId}\t${userId}\t${userId}`],
    group: [`${groupId}\t${groupId}\t${groupId}\t${groupId}`],
    groups: [String(groupId)],
    capabilities: ['0'.repeat(16)],
    newPrivileges: '1',
    shadow: 'EACCES',
    back: 'EPERM',
    laterBack: 'EACCES',
    umask: 0o77,
    home: '/nonexistent',
    temporary: '/tmp',
    runtime: null,
  });
  for (const path of [state, sockets]) {
    const { uid, gid, mode } = statSync(path);
    deepStrictEqual([uid, gid, mode & 0o777], [userId, groupId, 0o700]);
  }
  strictEqual(existsSync(join(sockets, 'inside')), false); // the user's own to make
  deepStrictEqual([statSync(join(folder, 'a')).uid, statSync(join(folder, 'a')).mode & 0o777], [0, 0o755]);
});

test('directories are created only if no user but root can write above them; a umask of 0 is not kept', root, (t) => {
  const folder = rootsFolder(t);
  const open = join(folder, 'open');
  mkdirSync(open);
  chmodSync(open, 0o1777);
  const there = join(folder, 'there');
  mkdirSync(there);
  const found = become([join(open, 'state'), there], 0);
  strictEqual(found['umask'], 0o22);
  strictEqual(existsSync(join(open, 'state')), false);
  strictEqual(statSync(there).uid, 0);
});

test('an unknown user is rejected in one line; the present user changes nothing', () => {
  throws(() => actAs('no such user'), /^Error: there is no user "no such user" on this machine/);
  throws(() => actAs(''), /there is no user ""/);
  const before = { ...process.env };
  actAs(String(process.getuid?.()), [join(tmpdir(), 'ring3-never-made')]);
  deepStrictEqual({ ...process.env }, before);
  ok(!existsSync(join(tmpdir(), 'ring3-never-made')));
});

test('without being root there is no other user to become', () => {
  // findUser() loads the system library while the process is root: nobody may be unable to read this directory
  const script = `import { findUser } from ${JSON.stringify(import.meta.resolve('@ring3/linux'))};
    import { actAs } from ${JSON.stringify(import.meta.resolve('./act-as.ts'))};
    findUser('root'); process.setuid('nobody'); actAs('root');`;
  if (process.getuid?.() !== 0) throws(() => actAs('root'), /must be started by root/);
  else
    match(
      spawnSync(process.execPath, ['--conditions=@ring3/source', '--input-type=module', '--eval', script], { encoding: 'utf8' }).stderr,
      /to act as root ring3 must be started by root/,
    );
});
