import { deepStrictEqual, match, ok, rejects, strictEqual } from 'node:assert/strict';
import { once } from 'node:events';
import { linkSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DebugLines, silentLog } from '@ring3/kit';
import { accept, bindUnix, close, connectUnix, listen as listenOn, openUnix, SocketType } from '@ring3/linux';
import { listenUnix } from '@ring3/netlink';
import { LongTurns } from '../long-turns.ts';
import { answerShapes } from './answer-shapes.ts';
import { answerLimits, askControl, followControl } from './client.ts';
import type { ControlHandlers } from './peer.ts';
import type { ControlVerb } from './protocol.ts';
import { serveControl } from './server.ts';

const no = () => {
  throw new Error('not here');
};
const lines = new DebugLines();
const turns = new LongTurns(silentLog);
const handlers: ControlHandlers = {
  'rule list': () => [],
  'rule add': no,
  'rule delete': no,
  'sysctl list': () => [],
  'sysctl get': no,
  'sysctl set': no,
  'rule flush': no,
  'namespace list': () => [],
  'namespace add': no,
  'namespace delete': no,
  debug: ({ word }) => `${word} \n`,
  'debug follow': () => lines.follow(2),
  'capture play': no,
  stats: () => '2 running 445 0\n',
  kill: no,
  start: no,
  reload: no,
  connections: () => [],
  sessions: () => [],
  channels: () => [],
  opens: () => [],
  locks: () => [],
  leases: () => [],
  close: no,
  status: async () => ({ state: 'running', pid: 1, upSeconds: 0, shares: [], stateDir: '/state' }),
  stop: () => {
    throw new Error('not now');
  },
};

const listen = async (t: TestContext) => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-control-'));
  const server = await serveControl(join(folder, 'control.sock'), { handlers, turns });
  t.after(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });
  return server.path;
};

const say = (path: string, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let heard = '';
    const socket = createConnection(path, () => socket.end(text)).setEncoding('utf8');
    socket
      .on('data', (more) => (heard += more))
      .on('close', () => resolve(heard))
      .on('error', reject);
  });

test('the table of the README lists all requests', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const rows = readme.split('\n').filter((line) => line.startsWith('| `'));
  const told = rows.flatMap((row) => [...(row.split('|')[1] as string).matchAll(/`([^`]+)`/g)].map(([, verb]) => verb));
  deepStrictEqual(told.sort(), Object.keys(handlers).sort());
});

test('a request is one line, and so is its answer', async (t) => {
  const path = await listen(t);
  strictEqual(await askControl(path, 'stats', {}), '2 running 445 0\n');
  deepStrictEqual((await askControl(path, 'status', {})).state, 'running');
  await rejects(askControl(path, 'stop', {}), /^Error: not now$/);
});

test('the socket is for its owner only, and responds in the order of the requests', async (t) => {
  const path = await listen(t);
  strictEqual(statSync(path).mode & 0o777, 0o600);
  const lines = (await say(path, '{"do":"status"}\n{"do":"stats"}\n')).trim().split('\n');
  deepStrictEqual(
    lines.map((line) => typeof JSON.parse(line).answer),
    ['object', 'string'],
  );
});

test('garbage receives an error, and other peers are served', async (t) => {
  const path = await listen(t);
  for (const text of ['hello\n', '{}\n', 'null\n', '{"do":"constructor"}\n', '{"do":["stats"]}\n'])
    match(await say(path, text), /"ok":false/);
  match(await say(path, 'x'.repeat(100_000)), /more than 65536 bytes/);
  const flood = await say(path, 'x'.repeat(4_000_000)).catch(() => '');
  ok(flood.split('\n').length <= 2, 'told once, however much follows');
  strictEqual(await askControl(path, 'stats', {}), '2 running 445 0\n');
});

test("a dead daemon's socket file is replaced, a living one's is not", async (t) => {
  const path = await listen(t);
  await rejects(serveControl(path, { handlers, turns }), /already answers/);
  const dead = `${path}.dead`;
  const living = createServer().listen(dead);
  await once(living, 'listening');
  linkSync(dead, `${dead}.name`);
  await new Promise((resolve) => living.close(resolve)); // which takes one name away
  renameSync(`${dead}.name`, dead);
  await (await serveControl(dead, { handlers, turns })).close();
  await rejects(askControl(dead, 'stats', {}), /no ring3 answers/);
});

test('whatever else lies at the path stays: a file, a folder, a link, a socket of another kind', async (t) => {
  const path = await listen(t);
  const [file, link] = [`${path}.file`, `${path}.link`];
  writeFileSync(file, 'precious');
  symlinkSync(file, link);
  for (const wrong of [file, link, dirname(path)])
    await rejects(serveControl(wrong, { handlers, turns }), /exists and is not a socket: choose another path$/);
  strictEqual(readFileSync(file, 'utf8'), 'precious');
  const namespaces = listenUnix(`${path}.netlink`, { namespace: () => undefined });
  await rejects(serveControl(`${path}.netlink`, { handlers, turns }), /is a socket of another program \(EPROTOTYPE\)/);
  strictEqual(statSync(`${path}.netlink`).isSocket(), true);
  namespaces.close();
  await rejects(serveControl(`/${'x'.repeat(107)}`, { handlers, turns }), /is too long for a socket: 107 bytes at most$/);
});

test('only a line feed ends a line, for any name of a file', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-control-'));
  const name = 'a\u2028b\u2029c\u0085\r\n\v\f';
  const server = await serveControl(join(folder, 'control.sock'), { handlers: { ...handlers, stats: () => name }, turns });
  t.after(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });
  strictEqual(await askControl(server.path, 'stats', {}), name);
  const follower = followControl(server.path, 'debug follow', {});
  const first = follower.next();
  while (lines.followers === 0) await askControl(server.path, 'locks', {});
  lines.write('smb', name, {});
  strictEqual((await first).value?.what, name);
  await follower.return();
});

test('a stream is sent line by line until the peer disconnects, and then ends', async (t) => {
  const path = await listen(t);
  const heard: string[] = [];
  const following = followControl(path, 'debug follow', {});
  const first = following.next();
  while (lines.followers === 0) await new Promise((resolve) => setImmediate(resolve));
  lines.write('smb', 'one', { path: 'a\nb' });
  lines.write('smb', 'two', {});
  heard.push((await first).value?.what ?? '', (await following.next()).value?.what ?? '');
  deepStrictEqual(heard, ['one', 'two']);
  await following.return();
  while (lines.followers > 0) await new Promise((resolve) => setImmediate(resolve));
  await rejects(followControl(`${path}.none`, 'debug follow', {}).next(), /no ring3 answers/);
});

test('a peer that does not read is not read from; its requests wait, and it receives every response when it reads', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-control-'));
  let asked = 0;
  const long = { ...handlers, stats: () => `${++asked}${'x'.repeat(10_000)}\n` };
  const server = await serveControl(join(folder, 'control.sock'), { handlers: long, turns });
  t.after(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });
  const requests = 20_000;
  const socket = createConnection(server.path).setEncoding('utf8').pause();
  socket.write('{"do":"stats"}\n'.repeat(requests));
  for (let before = -1; before !== asked; ) {
    before = asked;
    for (let i = 0; i < 10; i++) await askControl(server.path, 'locks', {});
  }
  ok(asked > 0 && asked < requests / 2, `${asked} were answered`);
  let heard = 0;
  for await (const text of socket) {
    heard += text.split('\n').length - 1;
    if (heard === requests) break;
  }
  strictEqual(asked, requests);
});

test('a peer that does not read its responses does not delay closing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-control-'));
  const server = await serveControl(join(folder, 'control.sock'), {
    handlers: { ...handlers, stats: () => 'x'.repeat(10_000_000) },
    turns,
  });
  const idle = createConnection(server.path).pause();
  const asking = createConnection(server.path).pause();
  const follower = createConnection(server.path).pause();
  asking.write('{"do":"stats"}\n'.repeat(3));
  follower.write('{"do":"debug follow"}\n');
  while (lines.followers === 0) await askControl(server.path, 'locks', {});
  for (let i = 0; i < 100; i++) {
    lines.write('smb', 'x'.repeat(100_000), {});
    await askControl(server.path, 'locks', {});
  }
  await server.close();
  for (const socket of [idle, asking, follower]) socket.resume().on('error', () => {});
  await Promise.all([idle, asking, follower].map((socket) => once(socket, 'close')));
  rmSync(folder, { recursive: true });
});

/** A program at a control socket that sends this to each peer. @returns its path */
async function impostor(t: TestContext, send: (socket: Socket) => unknown): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-control-'));
  const path = join(folder, 'control.sock');
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}).resume());
    send(socket);
  }).listen(path);
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
    rmSync(folder, { recursive: true });
  });
  return path;
}
const named = (path: string, what: string): RegExp =>
  new RegExp(`^ControlAnswerError: ${what.replace('PATH', path)}.*--control or RING3_CONTROL$`);

test('an answer without the parts that its request requires is an error of one line that names the socket, for every request', async (t) => {
  for (const reply of [
    '{"ok":true}',
    '{"ok":true,"answer":[{}]}',
    '{"ok":true,"answer":{"state":7}}',
    '{"ok":1}',
    'null',
    '7',
    '[]',
    'HTTP/1.1 400',
  ]) {
    const path = await impostor(t, (socket) => socket.write(`${reply}\n`));
    for (const verb of Object.keys(answerShapes) as ControlVerb[])
      await rejects(askControl(path, verb, {} as never), named(path, 'the program that answers at PATH is not ring3'), `${verb} ${reply}`);
    await rejects(followControl(path, 'debug follow', {}).next(), named(path, 'the program that answers at PATH is not ring3'), reply);
  }
  const path = await impostor(t, (socket) => socket.write('{"ok":true,"answer":null}\n{"time":1e300,"debug":"","what":"","fields":{}}\n'));
  await rejects(followControl(path, 'debug follow', {}).next(), named(path, 'the program that answers at PATH is not ring3'));
});

test('an answer that does not arrive is an error after the limit, also one that stops in the middle', async (t) => {
  for (const start of ['', '{"ok":tr']) {
    const path = await impostor(t, (socket) => socket.write(start));
    const limits = { ...answerLimits, silenceMs: 50 };
    const late = named(path, 'no answer at PATH in 0.05 seconds');
    await rejects(askControl(path, 'status', {}, limits), late);
    await rejects(askControl(path, 'stop', { drainMs: 0 }, limits), late);
    await rejects(followControl(path, 'debug follow', {}, undefined, limits).next(), late);
  }
});

test('the time for requests in progress counts for the answer to stop, and a stream may be silent', async (t) => {
  const limits = { ...answerLimits, silenceMs: 50 };
  const stopping = await impostor(t, (socket) => setTimeout(() => socket.write('{"ok":true,"answer":null}\n'), 200));
  strictEqual(await askControl(stopping, 'stop', { drainMs: 60_000 }, limits), null);
  const line = '{"time":1,"debug":"smb","what":"late","fields":{}}\n';
  const quiet = await impostor(t, (socket) => {
    socket.write('{"ok":true,"answer":null}\n');
    setTimeout(() => socket.write(line), 200);
  });
  const following = followControl(quiet, 'debug follow', {}, undefined, limits);
  strictEqual((await following.next()).value?.what, 'late');
  await following.return();
});

test('an answer without an end is an error at the limit, which has space for 262,144 opens', async (t) => {
  ok(answerLimits.longest >= 262_144 * 1024);
  const endless = await impostor(t, (socket) => {
    const more = (): void => void (socket.writable && socket.write('x'.repeat(10_000), more));
    more();
  });
  const limits = { ...answerLimits, longest: 100_000 };
  const long = named(endless, 'the program at PATH sent a line of more than 100000 characters');
  await rejects(askControl(endless, 'opens', {}, limits), long);
  await rejects(followControl(endless, 'debug follow', {}, undefined, limits).next(), long);
});

/** A server on a path of its own. */
async function listenWith(t: TestContext, more: Partial<ControlHandlers>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-control-'));
  const server = await serveControl(join(folder, 'control.sock'), { handlers: { ...handlers, ...more }, turns });
  t.after(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });
  return server.path;
}

test('many requests at once are handled in several turns of the event loop', async (t) => {
  let turns = 0;
  let counting = true;
  const path = await listenWith(t, {
    stats: () => {
      for (const until = performance.now() + 1; performance.now() < until; );
      return 'x\n';
    },
  });
  const socket = createConnection(path).setEncoding('utf8');
  await once(socket, 'connect');
  const count = (): void => {
    turns++;
    if (counting) setImmediate(count);
  };
  socket.write('{"do":"stats"}\n'.repeat(200));
  count();
  let heard = 0;
  for await (const text of socket) {
    heard += text.split('\n').length - 1;
    if (heard === 200) break;
  }
  counting = false;
  ok(turns > 50, `${turns} turns for 200 requests of 1 ms each`);
});

test('a peer that has sent its last request receives every response', async (t) => {
  const path = await listen(t);
  const heard = await say(path, '{"do":"stats"}\n{"do":"status"}\n'.repeat(500));
  strictEqual(heard.split('\n').length, 1001);
  strictEqual(await say(path, '{"do":"debug follow"}\n'), '{"ok":true,"answer":null}\n', 'a stream ends with the peer');
});

test('a list is made no faster than the peer reads it, in several turns, and is one line', async (t) => {
  const rows = 20_000;
  let made = 0;
  function* namespaces() {
    for (; made < rows; made++) yield { name: `n${made}`.padEnd(400, 'x'), flows: made, policies: 0, rules: 0 };
  }
  const path = await listenWith(t, { 'namespace list': namespaces });
  const slow = createConnection(path).setEncoding('utf8').pause();
  slow.write('{"do":"namespace list"}\n');
  for (let before = -1; before !== made; ) {
    before = made;
    for (let i = 0; i < 20; i++) await askControl(path, 'locks', {});
  }
  ok(made > 0 && made < rows / 2, `${made} rows were made`);
  let text = '';
  for await (const more of slow) {
    text += more;
    if (text.endsWith('\n')) break;
  }
  const { ok: fine, answer } = JSON.parse(text) as { ok: boolean; answer: { flows: number }[] };
  deepStrictEqual([fine, answer.length, answer[rows - 1]?.flows], [true, rows, rows - 1]);
});

test('a list that cannot be completed ends the connection instead of looking complete', async (t) => {
  function* broken() {
    yield { name: 'a', flows: 0, policies: 0, rules: 0 };
    throw new Error('a row failed');
  }
  const path = await listenWith(t, { 'namespace list': broken });
  await rejects(askControl(path, 'namespace list', {}), /closed the connection without an answer/);
  strictEqual(await askControl(path, 'stats', {}), '2 running 445 0\n');
});

test('silent peers keep no other out: the one that is idle for longest is disconnected', async (t) => {
  const path = await listen(t);
  const silent = Array.from({ length: 200 }, () => createConnection(path).on('error', () => {}));
  await Promise.all(silent.map((socket) => once(socket, 'connect')));
  strictEqual(await askControl(path, 'stats', {}), '2 running 445 0\n');
  for (const socket of silent) socket.destroy();
});

test('a client waits for a place in the backlog of a socket (unix(7), EAGAIN), and says if it gets none', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-control-'));
  const path = join(folder, 'control.sock');
  const [listener, ...others] = Array.from({ length: 3 }, () => openUnix(SocketType.Stream)) as [number, number, number];
  const accepted: number[] = [];
  t.after(() => {
    for (const fd of [listener, ...others, ...accepted]) close(fd);
    rmSync(folder, { recursive: true });
  });
  strictEqual(bindUnix(listener, path), 0);
  strictEqual(listenOn(listener, 0), 0);
  strictEqual(connectUnix(others[0] as number, path), 0); // a backlog of 0 has space for one connection
  const limits = { ...answerLimits, silenceMs: 100 };
  await rejects(askControl(path, 'status', {}, limits), named(path, 'the program at PATH accepts no connection'));
  const asking = askControl(path, 'status', {}, limits);
  accepted.push(accept(listener));
  await rejects(asking, named(path, 'no answer at PATH in 0.1 seconds'), 'it is connected');
});
