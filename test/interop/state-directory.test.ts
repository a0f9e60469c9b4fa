import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { StateStore } from '@ring3/daemon/state';
import { ring3Command } from './ring3.ts';

const place = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-state-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'shared'));
  return folder;
};
const env = { ...process.env, RING3_PASSWORD: 'secret' };
const [node, bin] = ring3Command;

/** The options with which a command uses a state directory without a daemon. */
const on = (folder: string): string[] => ['--state-dir', join(folder, 'state'), '--control', join(folder, 'control.sock')];
const serving = (folder: string): string[] => ['serve', join(folder, 'shared'), '--port', '0', '--netlink', 'off', ...on(folder)];
const ring3 = (words: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(node, [bin, ...words], { env, encoding: 'utf8', timeout: 20_000 });
  return { status, stdout, stderr };
};
const done = { status: 0, stdout: '', stderr: '' };
/** Asserts that a command fails with one line. */
const fails = (words: readonly string[], line: RegExp): void => {
  const { status, stderr } = ring3(words);
  const said = stderr.split('\n').filter((text) => text.startsWith('ring3: '));
  assert.equal(said.length, 1, stderr);
  assert.match(said[0] as string, line);
  assert.equal(status, 1);
};

test('kill -9 at any moment of a start, of `user add` and of `share add` leaves a state that the next start reads, with all confirmed changes', async (t) => {
  const folder = place(t);
  const kept = { users: new Set<string>(), shares: new Set<string>() };
  const tried = { users: new Set<string>(), shares: new Set<string>() };
  let killed = 0;
  for (let i = 0; i < 60; i++) {
    const name = `n${i}`;
    const [words, kind] = (
      [
        [['user', ...on(folder), 'add', name], 'users'],
        [['share', ...on(folder), 'add', name, join(folder, 'shared')], 'shares'],
        [serving(folder), undefined],
      ] as const
    )[i % 3] as [string[], 'users' | 'shares' | undefined];
    const child = spawn(node, [bin, ...words], { env, stdio: 'ignore' });
    const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    await Promise.race([ended, delay(100 + ((i * 37) % 250))]);
    child.kill('SIGKILL');
    const [status, signal] = await ended;
    if (signal === 'SIGKILL') killed++;
    if (kind !== undefined) tried[kind].add(name);
    if (kind !== undefined && status === 0) kept[kind].add(name);
    using store = new StateStore(join(folder, 'state'));
    const found = { users: store.users().map((user) => user.name), shares: store.shares().map((share) => share.name) };
    for (const what of ['users', 'shares'] as const) {
      const lost = [...kept[what]].filter((one) => !found[what].includes(one));
      const made = found[what].filter((one) => !tried[what].has(one));
      assert.deepEqual({ lost, made }, { lost: [], made: [] }, `${what} after ${i}`);
      for (const one of found[what]) kept[what].add(one);
    }
  }
  assert.ok(killed > 10, `${killed} were killed`);
  t.diagnostic(`${killed} of 60 were killed, ${kept.users.size} users and ${kept.shares.size} shares were kept`);
  const unfinished = readdirSync(join(folder, 'state')).filter((name) => name.includes('.new-'));
  assert.ok(unfinished.length <= 1, `${unfinished}`);
});

test('a truncated state is reported in one line by the daemon and by commands, and is not replaced', (t) => {
  const folder = place(t);
  const file = join(folder, 'state', 'state.sqlite');
  for (const name of ['anna', 'bob']) assert.deepEqual(ring3(['user', ...on(folder), 'add', name]), done);
  const whole = readFileSync(file);
  for (const length of [whole.length - 1, whole.length - 4096, 100, 0]) {
    writeFileSync(file, whole);
    truncateSync(file, length);
    for (const words of [serving(folder), ['user', ...on(folder), 'list'], ['share', ...on(folder), 'list']])
      fails(words, /^ring3: \S+state\.sqlite is damaged \(.+\): restore a copy, or move it away to start without its users and shares$/);
    assert.deepEqual(readFileSync(file), whole.subarray(0, length));
  }
  writeFileSync(file, whole); // the copy
  assert.equal(ring3(['user', ...on(folder), 'list']).stdout, 'anna\nbob\n');
});

/** A file system of a few hundred KiB, if it can be mounted. */
function smallDisk(t: TestContext): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-disk-'));
  const mount = (...words: string[]): boolean => spawnSync('mount', words, { stdio: 'ignore' }).status === 0;
  if (process.getuid?.() !== 0 || !mount('-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', folder)) {
    rmSync(folder, { recursive: true });
    t.skip('a small file system cannot be mounted here: it takes root');
    return undefined;
  }
  t.after(() => {
    spawnSync('umount', ['-l', folder]);
    rmSync(folder, { recursive: true });
  });
  mkdirSync(join(folder, 'shared'));
  return folder;
}

/** Fills the remaining space. */
function fill(path: string): void {
  for (const size of [4096, 1])
    try {
      for (;;) writeFileSync(path, Buffer.alloc(size), { flag: 'a' });
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
}

test('a full disk is reported in one line; the state is unchanged when there is space again', (t) => {
  const folder = smallDisk(t);
  if (folder === undefined) return;
  const room = join(folder, 'shared', 'full');
  fill(room);
  for (const words of [serving(folder), ['user', ...on(folder), 'add', 'anna']])
    fails(words, /^ring3: \S+ cannot be written: the disk is full$/);
  rmSync(room);
  assert.deepEqual(ring3(['user', ...on(folder), 'add', 'anna']), done, 'a first start on a full disk left nothing that blocks the next');
  fill(room);
  for (const words of [
    serving(folder),
    ['user', ...on(folder), 'add', 'bob'],
    ['share', ...on(folder), 'add', 'x', join(folder, 'shared')],
  ])
    fails(words, /^ring3: \S+ cannot be written: the disk is full$/);
  assert.equal(ring3(['user', ...on(folder), 'list']).stdout, 'anna\n', 'the users can be read');
  rmSync(room);
  assert.deepEqual(ring3(['user', ...on(folder), 'add', 'bob']), done);
  assert.equal(ring3(['user', ...on(folder), 'list']).stdout, 'anna\nbob\n');
});

test('a state directory that cannot be written is read by commands, and refused by the daemon in one line', (t) => {
  const folder = smallDisk(t);
  if (folder === undefined) return;
  assert.deepEqual(ring3(['user', ...on(folder), 'add', 'anna']), done);
  assert.equal(spawnSync('mount', ['-o', 'remount,ro', folder]).status, 0);
  assert.equal(ring3(['user', ...on(folder), 'list']).stdout, 'anna\n');
  fails(['user', ...on(folder), 'add', 'bob'], /^ring3: \S+state\.sqlite cannot be .*: --state-dir gives another place$/);
  fails(serving(folder), /^ring3: \S+ cannot be .*: --state-dir gives another place$/);
});
