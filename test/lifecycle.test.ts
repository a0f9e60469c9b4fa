import { deepStrictEqual, match, ok, rejects, strictEqual } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  open,
  openSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { askControl, type Daemon, type DaemonOptions, type Settings, StepError, startDaemon } from '@ring3/daemon';
import { fakeLog, silentLog } from '@ring3/kit';
import { Connection, connectTcp } from '@ring3/smb-client';
import { CreateDisposition } from '@ring3/smb-proto';

/** A directory to share, and a daemon's options with their own paths. */
function place(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-lifecycle-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'files');
  mkdirSync(path);
  const settings: Settings = {
    shares: [{ name: 'files', path }],
    smb: { host: '127.0.0.1', port: 0 },
    users: new Map([['anna', 'secret']]),
  };
  const control = join(folder, 'run', 'control.sock');
  const netlink = join(folder, 'run', 'netlink.sock');
  const options: DaemonOptions = { stateDir: join(folder, 'state'), settings, control, netlink, log: silentLog };
  const stats = () => askControl(control, 'stats', {});
  return { folder, path, settings, options, control, netlink, stats };
}
function isLink(fd: string, path: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) === path;
  } catch {
    return false; // the request's own
  }
}
const portOf = (daemon: Daemon): number => Number(daemon.status().smb?.replace(/^.*:/, ''));

async function client(port: number) {
  const connection = await Connection.open(await connectTcp(port));
  const session = await connection.logon({ user: 'anna', password: 'secret' });
  return { connection, session, tree: await session.connect('files') };
}

/** Blocks all threads of libuv's pool: operations that need one are pending until the returned function is called. */
function occupyPool(folder: string): () => void {
  const pipe = join(folder, `pipe-${Math.random()}`);
  spawnSync('mkfifo', [pipe]);
  const threads = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4);
  let waiting = threads;
  let writer = -1;
  const opened = (fd: number | undefined): void => {
    if (fd !== undefined) closeSync(fd);
    if (--waiting === 0) closeSync(writer);
  };
  for (let i = 0; i < threads; i++) open(pipe, 'r', (_error, fd) => opened(fd));
  return () => {
    writer = openSync(pipe, constants.O_RDWR); // kept until each thread has read it, including a late one
  };
}

test('the four states are visible: startup, running, reset, and shutdown while pending requests finish', async (t) => {
  const { folder, settings, options, control, stats } = place(t);
  let configured = (_settings: Settings): void => {};
  const starting = startDaemon({ ...options, settings: () => new Promise((resolve) => (configured = resolve)) });
  while (!existsSync(control)) await new Promise(setImmediate);
  match(await stats(), /^2 startup 0 0\n$/);
  configured(settings);
  const daemon = await starting;
  strictEqual(await stats(), `2 running ${portOf(daemon)} 0\n`);

  const { tree, session } = await client(portOf(daemon));
  const file = await tree.create({ name: 'a', createDisposition: CreateDisposition.Create });
  let goOn = occupyPool(folder);
  const lost = rejects(file.flush());
  while ((await askControl(control, 'connections', {}))[0]?.inFlight !== 1) await new Promise(setImmediate);
  const killed = askControl(control, 'kill', { word: 'hard\n' });
  await lost;
  match(await stats(), /^2 reset \d+ 0\n$/);
  goOn();
  strictEqual(await killed, null);
  strictEqual(await stats(), '2 startup 0 0\n');
  await rejects(session.connect('files'));
  await rejects(askControl(control, 'sessions', {}), /^Error: the file server does not run \(state startup\)$/);

  const again = askControl(control, 'start', {});
  while (!(await stats()).includes('startup')) await new Promise(setImmediate);
  configured(settings);
  await again;
  strictEqual(await stats(), `2 running ${portOf(daemon)} 0\n`);
  await rejects(askControl(control, 'start', {}), /runs already/);

  const other = await client(portOf(daemon));
  const second = await other.tree.create({ name: 'a', createDisposition: CreateDisposition.Open });
  goOn = occupyPool(folder);
  const flushed = second.flush();
  while ((await askControl(control, 'connections', {}))[0]?.inFlight !== 1) await new Promise(setImmediate);
  const stopped = askControl(control, 'stop', {});
  while (!(await stats()).includes('shutdown')) await new Promise(setImmediate);
  await rejects(askControl(control, 'start', {}), /^Error: ring3 is shutting down$/);
  await rejects(connectTcp(portOf(daemon)), 'no new connection is accepted');
  goOn();
  await flushed; // a pending request gets its response
  strictEqual(await stopped, null, 'the caller is notified at its end');
  await daemon.stopped;
  await rejects(stats(), /no ring3 answers/);
});

test('any word other than hard is accepted and does nothing (kill_server)', async (t) => {
  const { options, control, stats } = place(t);
  await using daemon = await startDaemon(options);
  for (const word of ['soft', 'hard ', 'HARD', 'hard\n\n', '', 'hardhard']) strictEqual(await askControl(control, 'kill', { word }), null);
  strictEqual(await stats(), `2 running ${portOf(daemon)} 0\n`);
});

test('a hard kill closes every connection, session, tree connect and open; written data is kept, and the port can be used again', async (t) => {
  const { settings, options, control } = place(t);
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as { port: number };
  await new Promise((resolve) => taken.close(resolve));
  await using daemon = await startDaemon({ ...options, settings: { ...settings, smb: { host: '127.0.0.1', port } } });
  for (let round = 0; round < 3; round++) {
    const { tree } = await client(portOf(daemon));
    const file = await tree.create({ name: 'kept', createDisposition: CreateDisposition.OpenIf });
    await file.write(round, [Buffer.from(`${round}`)]);
    await askControl(control, 'kill', { word: 'hard' });
    await askControl(control, 'start', {});
    for (const verb of ['connections', 'sessions', 'channels', 'opens', 'locks', 'leases'] as const)
      deepStrictEqual(await askControl(control, verb, {}), []);
  }
  const { tree } = await client(port);
  const file = await tree.create({ name: 'kept', createDisposition: CreateDisposition.Open });
  strictEqual(Buffer.concat(await file.read(0, 100)).toString(), '012');
});

test('a failed step is named, and the steps before it are undone: nothing blocks the next start', async (t) => {
  const { folder, path, settings, options, control, netlink } = place(t);
  const inUse = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => inUse.once('listening', resolve));
  t.after(() => inUse.close());
  const { port } = inUse.address() as { port: number };
  const file = join(folder, 'file');
  writeFileSync(file, 'not a socket, not a folder, not a capture');
  const smb = { host: '127.0.0.1', port: 0 };
  for (const [step, broken, reason] of [
    ['state directory', { stateDir: join(file, 'state') }, /ENOTDIR/],
    ['control socket', { control: join(file, 'control.sock') }, /ENOTDIR|EEXIST/],
    ['console', { console: { port } }, /another program listens there/],
    ['netlink socket', { netlink: join(file, 'netlink.sock') }, /ENOTDIR|EEXIST/],
    ['capture', { capture: { path: file } }, /capture|pcap/i],
    ['configuration', { settings: () => Promise.reject(new Error('line 7 is wrong')) }, /^line 7 is wrong$/],
    ['policies and rules', { settings: { ...settings, rules: [['udp', 'timeout', 'none']] } }, /no timeout policy none/],
    [
      'audit',
      { settings: { ...settings, shares: [{ name: 'files', path, audit: true }], audit: { path: join(file, 'audit') } } },
      /cannot be written/,
    ],
    ['file server', { settings: { ...settings, shares: [{ name: 'x', path: options.stateDir }] } }, /is inside the shared directory/],
    ['file server', { settings: { ...settings, smb: { ...smb, port } } }, /EADDRINUSE/],
  ] as const) {
    await rejects(
      startDaemon({ ...options, ...broken }),
      (error) => error instanceof StepError && error.step === step && reason.test(error.message),
      step,
    );
    ok(!existsSync(control) && !existsSync(netlink), `sockets are removed after a failure of the step ${step}`);
  }
  await using daemon = await startDaemon(options);
  strictEqual(daemon.status().state, 'running');
  deepStrictEqual(daemon.status().shares, ['files']);
  ok(existsSync(path));
});

test('a daemon that is stopped while it starts has ended when the response arrives, and leaves nothing', async (t) => {
  const { folder, options, control, netlink, stats } = place(t);
  const goOn = occupyPool(folder);
  const starting = startDaemon({ ...options, console: { host: 'localhost', port: 0 } }); // a name is looked up in the pool
  const failed = rejects(starting, /ring3 is shutting down/);
  while (!existsSync(control)) await new Promise(setImmediate);
  const stopped = askControl(control, 'stop', {});
  while (!(await stats().catch(() => 'shutdown')).includes('shutdown')) await new Promise(setImmediate);
  goOn();
  strictEqual(await stopped, null);
  await failed;
  ok(!existsSync(control) && !existsSync(netlink));
  await using daemon = await startDaemon(options);
  strictEqual(daemon.status().state, 'running');
});

test('a reload reports the changes and keeps every client; on request it disconnects the users of deleted objects', async (t) => {
  const { folder, path, settings, options } = place(t);
  const music = join(folder, 'music');
  mkdirSync(music);
  let now: Settings = { ...settings, shares: [...(settings.shares ?? []), { name: 'music', path: music }] };
  await using daemon = await startDaemon({ ...options, settings: () => now });
  const { session, tree, connection } = await client(portOf(daemon));
  const songs = await session.connect('music');
  const open = await songs.create({ name: 'song', createDisposition: CreateDisposition.Create });
  deepStrictEqual((await daemon.reload()).changes, []);

  now = {
    shares: [{ name: 'files', path, comment: 'all of them' }],
    smb: { host: '127.0.0.1', port: 1, comment: 'a server', encryption: 'desired' },
    users: new Map([
      ['anna', 'changed'],
      ['bob', 'secret'],
    ]),
    rules: [['udp', 'dport', '53', 'notrack']],
  };
  deepStrictEqual((await daemon.reload()).changes, [
    { what: 'rules', how: 'changed', holds: 'now' },
    { what: 'server', how: 'changed', keys: ['comment', 'encryption'], holds: 'new connections' },
    { what: 'server', how: 'changed', keys: ['port'], holds: 'next start' },
    { what: 'share files', how: 'changed', keys: ['comment'], holds: 'new connections' },
    { what: 'share music', how: 'removed', holds: 'new connections' },
    { what: 'user anna', how: 'changed', keys: ['password'], holds: 'new connections' },
    { what: 'user bob', how: 'added', holds: 'now' },
  ]);
  await open.write(0, [Buffer.from('la')]); // clients of deleted objects continue
  await rejects(session.connect('music'), /BadNetworkName/);

  now = { ...now, shares: [] };
  await daemon.reload(true);
  await rejects(tree.create({ name: 'b', createDisposition: CreateDisposition.Create }), /NetworkNameDeleted/);
  now = { ...now, users: new Map([['bob', 'secret']]) };
  await daemon.reload(true);
  await rejects(session.connect('files'), /UserSessionDeleted|ended/);
  await connection.close();
});

test('a reload reports settings that are valid but cannot be applied', async (t) => {
  const { settings, options, control } = place(t);
  const log = fakeLog();
  await using _daemon = await startDaemon({ ...options, log, settings: { ...settings, warnings: ['line 7: nothing comes of it'] } });
  deepStrictEqual(await askControl(control, 'reload', {}), { changes: [], warnings: ['line 7: nothing comes of it'] });
  strictEqual(log.lines.filter(({ level, what }) => level === 'warn' && what === 'line 7: nothing comes of it').length, 2);
});

test('a failed reload changes nothing, and reports the reason', async (t) => {
  const { path, settings, options } = place(t);
  let now = settings;
  await using daemon = await startDaemon({ ...options, settings: () => now });
  now = {
    ...settings,
    rules: [['udp', 'dport', '53', 'notrack']],
    shares: [...(settings.shares ?? []), { name: 'lost', path: options.stateDir }],
  };
  await rejects(daemon.reload(), /is inside the shared directory/);
  deepStrictEqual(await askControl(options.control as string, 'rule list', {}), []);
  now = { ...settings, shares: [...(settings.shares ?? []).map((share) => ({ ...share, comment: 'new' })), { name: 'a/b', path }] };
  await rejects(daemon.reload(), /invalid share name/);
  now = settings;
  deepStrictEqual((await daemon.reload()).changes, [], 'nothing of it was applied');
  now = { ...settings, smb: { host: '127.0.0.1', port: 0, name: '' } };
  await rejects(daemon.reload(), /NetBIOS name/);
  deepStrictEqual(daemon.status().shares, ['files']);
  await client(portOf(daemon));
});

test('a reload with invalid users changes no share, and leaves no directory open', async (t) => {
  const { folder, settings, options } = place(t);
  const music = join(folder, 'music');
  mkdirSync(music);
  let now = settings;
  await using daemon = await startDaemon({ ...options, settings: () => now });
  const opened = () => readdirSync('/proc/self/fd').filter((fd) => isLink(fd, realpathSync(music))).length;
  now = { ...settings, shares: [{ name: 'music', path: music }], users: new Map([['not/a name', 'secret']]) };
  await rejects(daemon.reload(), /invalid user name/);
  strictEqual(opened(), 0);
  now = settings;
  deepStrictEqual((await daemon.reload()).changes, []);
  deepStrictEqual(daemon.status().shares, ['files']);
  await client(portOf(daemon));
});

test('the first share of a reload is served, or nothing of the reload is applied', async (t) => {
  const { settings, options, control } = place(t);
  const inUse = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => inUse.once('listening', resolve));
  const { port } = inUse.address() as { port: number };
  let now: Settings = {};
  await using daemon = await startDaemon({ ...options, settings: () => now });
  const rules = [['udp', 'dport', '53', 'notrack']];
  now = { ...settings, rules, smb: { host: '127.0.0.1', port } };
  await rejects(daemon.reload(), /EADDRINUSE/);
  deepStrictEqual(daemon.status().shares, []);
  deepStrictEqual(await askControl(control, 'rule list', {}), []);
  await new Promise((resolve) => inUse.close(resolve));
  deepStrictEqual((await daemon.reload()).changes, [
    { what: 'rules', how: 'changed', holds: 'now' },
    { what: 'share files', how: 'added', holds: 'now' },
  ]);
  strictEqual(portOf(daemon), port);
  await (await client(port)).connection.close();
  await askControl(control, 'kill', { word: 'hard' });
  await rejects(connectTcp(port));
});

test('a reload reports settings that take effect only at the next start of the process', async (t) => {
  const { settings, options } = place(t);
  let now: Settings = { ...settings, atRestart: { daemon: { user: 'a' }, console: {} } };
  await using daemon = await startDaemon({ ...options, settings: () => now });
  now = { ...settings, atRestart: { daemon: { user: 'b' }, console: { port: 1 } } };
  deepStrictEqual((await daemon.reload()).changes, [
    { what: 'console', how: 'changed', keys: ['port'], holds: 'restart' },
    { what: 'daemon', how: 'changed', keys: ['user'], holds: 'restart' },
  ]);
  deepStrictEqual((await daemon.reload()).changes, []);
});

test('a limit applies from the reload that sets it to the reload that removes it, for connected clients too', async (t) => {
  const { settings, options } = place(t);
  let now = settings;
  await using daemon = await startDaemon({ ...options, settings: () => now });
  const { tree, connection } = await client(portOf(daemon));
  const create = (name: string) => tree.create({ name, createDisposition: CreateDisposition.OpenIf });
  await create('one');
  now = { ...settings, smb: { host: '127.0.0.1', port: 0, name: 'TOWER', limits: { opensForSession: 1, connections: 1 } } };
  deepStrictEqual((await daemon.reload()).changes, [
    { what: 'server', how: 'changed', keys: ['limits', 'name'], holds: 'new connections' },
  ]);
  await rejects(create('two'), /TooManyOpenedFiles/);
  await rejects(client(portOf(daemon)));
  now = settings;
  await daemon.reload();
  await create('two');
  await (await client(portOf(daemon))).connection.close();
  await connection.close();
});

test('clients are listed by filters, and disconnected by the id in the list', async (t) => {
  const { options, control } = place(t);
  await using daemon = await startDaemon(options);
  const { session, tree } = await client(portOf(daemon));
  const file = await tree.create({ name: 'a.txt', createDisposition: CreateDisposition.Create });
  const [open] = await askControl(control, 'opens', { user: 'ANN?', share: 'f*', path: '*.txt', peer: '127.0.0.1' });
  match(open?.id ?? '', /^o\d+$/);
  strictEqual(open?.path, 'a.txt');
  deepStrictEqual(await askControl(control, 'opens', { user: 'bob' }), []);
  deepStrictEqual(await askControl(control, 'sessions', { path: 'a.txt' }), [], 'a session has no path');
  await askControl(control, 'close', { id: open?.id ?? '' });
  await rejects(file.write(0, [Buffer.from('late')]), /FileClosed/);
  await rejects(askControl(control, 'close', { id: open?.id ?? '' }), /^Error: there is no o\d+$/);
  for (const id of ['x1', 'c', 'c-1', '', 'c1 ', 'c99999999999999999999'])
    await rejects(askControl(control, 'close', { id }), /^Error: an id is/);
  const [logon] = await askControl(control, 'sessions', { share: 'files' });
  await askControl(control, 'close', { id: logon?.id ?? '' });
  await rejects(session.connect('files'), /UserSessionDeleted/);
  const [connection] = await askControl(control, 'connections', {});
  await askControl(control, 'close', { id: connection?.id ?? '' });
  deepStrictEqual(await askControl(control, 'connections', {}), []);
});
