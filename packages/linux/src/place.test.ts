import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, lchownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { close } from './close.ts';
import { listenerFault, placeFault, userNamed } from './place.ts';
import { SocketType } from './socket/socket.ts';
import { connectUnix, openUnix } from './socket/unix.ts';

const notRoot = process.getuid?.() !== 0 && 'only root can act as another user';

function place(t: TestContext, mode = 0o700): string {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-place-'));
  chmodSync(folder, mode);
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('a path is safe if only root and this user decide what is at it', (t) => {
  const folder = place(t);
  assert.equal(placeFault(join(folder, 'a', 'b')), undefined);
  chmodSync(folder, 0o777);
  assert.match(
    placeFault(join(folder, 'a', 'b')) ?? '',
    /a\/b is not safe: \S+ may be written by other users \(mode 777\): choose another place$/,
  );
  chmodSync(folder, 0o1777);
  assert.equal(placeFault(join(folder, 'a')), undefined, 'with the sticky bit only the owner renames a file');
});

test('a link leads to what it leads to: the directories behind it count too', (t) => {
  const [folder, open] = [place(t), place(t, 0o777)];
  mkdirSync(join(open, 'inner'));
  symlinkSync(join(open, 'inner'), join(folder, 'link'));
  assert.match(placeFault(join(folder, 'link', 'file')) ?? '', /may be written by other users/);
});

test('a directory and a link of another user are not safe', { skip: notRoot }, (t) => {
  const folder = place(t);
  symlinkSync('/tmp', join(folder, 'link'));
  assert.equal(placeFault(join(folder, 'link', 'x')), undefined);
  lchownSync(join(folder, 'link'), 12345, 12345);
  assert.match(placeFault(join(folder, 'link', 'x')) ?? '', /link belongs to another user \(12345\)/);
  assert.match(placeFault(join(folder, 'link')) ?? '', /it is a link of another user \(12345\)/);
  mkdirSync(join(folder, 'theirs'));
  chownSync(join(folder, 'theirs'), 12345, 12345);
  assert.match(placeFault(join(folder, 'theirs', 'x')) ?? '', /theirs belongs to another user \(12345\)/);
});

/** What a client says of the program that listens at a path. */
function asked(path: string): string | undefined {
  const fd = openUnix(SocketType.Stream);
  try {
    assert.equal(connectUnix(fd, path), 0);
    return listenerFault(fd, path);
  } finally {
    close(fd);
  }
}

test('a listener of this user is believed (SO_PEERCRED, unix(7))', async (t) => {
  const path = join(place(t, 0o755), 's');
  const server = createServer().listen(path);
  await once(server, 'listening');
  assert.equal(asked(path), undefined);
  server.close();
});

test('a listener of another user is believed only in a directory that nobody else could have made', { skip: notRoot }, async (t) => {
  const listen = async (path: string): Promise<void> => {
    // root starts Node and then changes the user, who may be unable to reach the executable
    const code = `process.setgid(12345); process.setuid(12345);
      require('node:net').createServer().listen(process.argv[1], () => console.log('up'))`;
    const child = spawn(process.execPath, ['-e', code, path], { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/' });
    t.after(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
  };
  const inTmp = place(t, 0o1777);
  await listen(join(inTmp, 's'));
  assert.match(asked(join(inTmp, 's')) ?? '', /s belongs to another user \(12345\): the listener is not your ring3$/);
  mkdirSync(join(inTmp, 'ring3-0'));
  chownSync(join(inTmp, 'ring3-0'), 12345, 12345);
  await listen(join(inTmp, 'ring3-0', 's'));
  assert.match(asked(join(inTmp, 'ring3-0', 's')) ?? '', /belongs to another user/, 'who made a directory in /tmp may be anybody');
});

test('users are named as /etc/passwd names them', () => {
  assert.equal(userNamed(0), 'root, 0');
  assert.equal(userNamed(4_000_000_001), '4000000001');
});
