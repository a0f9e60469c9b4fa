import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from './clock.ts';
import { DebugLines, DebugSwitches } from './debug.ts';
import { createLog, fakeLog, silentLog } from './log.ts';

const words = ['smb', 'auth', 'vfs', 'oplock', 'ipc', 'conn', 'rdma'] as const;

test('the names stand in their order, each followed by a space, those that are on in brackets; then a newline', () => {
  const debug = new DebugSwitches(words);
  strictEqual(debug.text(), 'smb auth vfs oplock ipc conn rdma \n');
  debug.toggle('vfs');
  debug.toggle('smb\n');
  strictEqual(debug.text(), '[smb] auth [vfs] oplock ipc conn rdma \n');
  debug.toggle('smb');
  strictEqual(debug.text(), 'smb auth [vfs] oplock ipc conn rdma \n');
});

test('all turns all on, or all off when all were on', () => {
  const debug = new DebugSwitches(words);
  debug.toggle('ipc');
  debug.toggle('all');
  strictEqual(debug.text(), '[smb] [auth] [vfs] [oplock] [ipc] [conn] [rdma] \n');
  debug.toggle('all\n');
  strictEqual(debug.text(), 'smb auth vfs oplock ipc conn rdma \n');
});

test('an unknown word changes nothing', () => {
  const debug = new DebugSwitches(words);
  let told = 0;
  debug.onToggle(() => told++);
  for (const word of [
    '',
    '\n',
    'SMB',
    ' smb',
    'smb ',
    'smb\n\n',
    'smb auth',
    'smbx',
    'constructor',
    '__proto__',
    'toString',
    'ALL',
    'all\n\n',
  ])
    debug.toggle(word);
  strictEqual(debug.text(), 'smb auth vfs oplock ipc conn rdma \n');
  strictEqual(told, 0);
  fc.assert(
    fc.property(fc.string(), (word) => {
      fc.pre(!/^(smb|auth|vfs|oplock|ipc|conn|rdma|all)\n?$/.test(word));
      debug.toggle(word);
      return debug.text() === 'smb auth vfs oplock ipc conn rdma \n';
    }),
  );
});

test('whoever listens is told of each change, until he hears no more', () => {
  const debug = new DebugSwitches(words);
  const heard: boolean[] = [];
  const leave = debug.onToggle(() => heard.push(debug.on.conn));
  debug.toggle('conn');
  debug.toggle('all');
  leave();
  debug.toggle('all');
  deepStrictEqual(heard, [true, true]);
});

test('a line is written when its switch is on, whatever the level of the log', async () => {
  const written: string[] = [];
  const log = await createLog({ level: 'error' }, { write: (line: string) => void written.push(line) });
  const debug = new DebugSwitches(words, new DebugLines(log));
  debug.say('auth', 'nobody hears this');
  debug.toggle('auth');
  debug.say('auth', 'logged on', { user: 'ann' });
  debug.say('smb', 'nor this');
  log.warn('below the level');
  deepStrictEqual(
    written.map((line) => JSON.parse(line)).map(({ level, msg, debug, user }) => ({ level, msg, debug, user })),
    [{ level: 10, msg: 'logged on', debug: 'auth', user: 'ann' }],
  );
});

test('a log at level trace has every switch on from the start', () => {
  strictEqual(new DebugSwitches(['a', 'b'], new DebugLines(fakeLog())).text(), '[a] [b] \n');
  strictEqual(new DebugSwitches(['a', 'b'], new DebugLines(silentLog)).text(), 'a b \n');
});

test('followers read along from when they begin to when they end', async () => {
  const lines = new DebugLines(silentLog, new FakeClock(1000));
  lines.write('smb', 'before', {});
  const follower = lines.follow();
  const first = follower.next();
  lines.write('smb', 'one', { connection: 1 });
  lines.write('conn', 'two', {});
  const time = (await first).value?.time as number;
  const read = [(await first).value?.what];
  for await (const { what } of follower) {
    read.push(what);
    break;
  }
  deepStrictEqual(read, ['one', 'two']);
  strictEqual(time, new FakeClock(1000).wall());
  strictEqual((await follower.next()).done, true);
  const waits = lines.follow();
  const never = waits.next();
  waits[Symbol.dispose]();
  strictEqual((await never).done, true);
});

test('a follower that is too slow loses lines, is told how many, and holds no more than its queue', async () => {
  const lines = new DebugLines();
  const follower = lines.follow(2);
  for (let i = 0; i < 5; i++) lines.write('smb', String(i), {});
  strictEqual(follower.lost, 3);
  const read = [];
  for (let i = 0; i < 3; i++) read.push((await follower.next()).value);
  lines.write('smb', 'after', {});
  read.push((await follower.next()).value);
  deepStrictEqual(
    read.map((line) => [line?.debug, line?.what, line?.fields]),
    [
      ['smb', '0', {}],
      ['smb', '1', {}],
      ['', 'lines were lost', { lost: 3 }],
      ['smb', 'after', {}],
    ],
  );
});
