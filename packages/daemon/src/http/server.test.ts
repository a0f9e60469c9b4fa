import { deepStrictEqual, match, ok, rejects, strictEqual } from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createMetrics, fakeLog, fakeRandom, gaugeOf } from '@ring3/kit';
import type { DaemonStatus } from '../control/protocol.ts';
import { LongTurns } from '../long-turns.ts';
import { isLoopback, ownHosts, tokenCheck } from './access.ts';
import type { Shown } from './console-app.ts';
import { type ConsoleOptions, serveConsole } from './server.ts';

const status: DaemonStatus = { state: 'running', pid: 1, upSeconds: 2, shares: ['share'], stateDir: '/state' };

async function start(t: TestContext, options: Partial<ConsoleOptions> = {}, more: Partial<Shown> = {}) {
  const stateDir = mkdtempSync(join(tmpdir(), 'ring3-console-'));
  const metrics = createMetrics();
  metrics.show([gaugeOf('level', 'A level.', ['of'], () => [[3, 'it']])]);
  const log = fakeLog();
  const again = () =>
    serveConsole(
      { port: 0, ...options },
      { metrics, status: () => status, ...more },
      { stateDir, random: fakeRandom(), log, turns: new LongTurns(log) },
    );
  const server = await again();
  t.after(async () => {
    await server.close();
    rmSync(stateDir, { recursive: true });
  });
  return { server, stateDir, log, again, port: Number(new URL(server.url).port) };
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Sends a request with exactly these headers; no Host header is added. */
const ask = (port: number, path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (text) => (body += text));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }));
    });
    asked.on('error', reject).end();
  });

/** Sends bytes as they are, and returns all that comes back. */
const say = (port: number, text: string): Promise<string> =>
  new Promise((resolve) => {
    let heard = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text)).setEncoding('utf8');
    socket.on('data', (more) => (heard += more)).on('error', () => {});
    socket.on('close', () => resolve(heard));
  });

test('numbers, status and health are there on loopback without a token', async (t) => {
  const { port, server } = await start(t);
  match(server.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  const metrics = await ask(port, '/metrics');
  strictEqual(metrics.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  match(metrics.body, /^level\{of="it"\} 3$/m);
  const [family] = JSON.parse((await ask(port, '/api/metrics')).body);
  deepStrictEqual(family, {
    name: 'level',
    help: 'A level.',
    type: 'gauge',
    labels: ['of'],
    values: [{ name: 'level', labels: { of: 'it' }, value: 3 }],
  });
  deepStrictEqual(JSON.parse((await ask(port, '/api/status')).body), status);
  strictEqual((await ask(port, '/health')).body, 'ok\n');
  match((await ask(port, '/')).body, /^ring3\n/);
  strictEqual((await ask(port, '/etc/passwd')).status, 404);
});

test('health says that the file server does not run', async (t) => {
  const { port } = await start(t, {}, { status: () => ({ ...status, state: 'startup' }) });
  const { status: code, body } = await ask(port, '/health');
  deepStrictEqual([code, body], [503, 'startup\n']);
});

test('only GET and HEAD are answered, nothing is for other origins, and nothing is kept', async (t) => {
  const { port } = await start(t);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    const { status: code, headers } = await ask(port, '/metrics', { Origin: 'http://elsewhere.example' }, method);
    deepStrictEqual([code, headers['allow']], [405, 'GET, HEAD']);
  }
  const { status: code, body, headers } = await ask(port, '/metrics', { Origin: 'http://elsewhere.example' }, 'HEAD');
  deepStrictEqual([code, body, headers['cache-control']], [200, '', 'no-store']);
  strictEqual(
    Object.keys(headers).some((name) => name.startsWith('access-control')),
    false,
  );
});

test('a name of another site that resolves to loopback reaches nothing (DNS rebinding)', async (t) => {
  const { port } = await start(t);
  for (const Host of [`localhost:${port}`, `LOCALHOST:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`])
    strictEqual((await ask(port, '/metrics', { Host })).status, 200);
  for (const Host of [
    'elsewhere.example',
    `elsewhere.example:${port}`,
    'localhost',
    `localhost:${port + 1}`,
    `127.0.0.1.elsewhere.example:${port}`,
    '@',
    `localhost:${port}@x`,
  ]) {
    const { status: code, body } = await ask(port, '/health', { Host });
    ok(code === 421 || code === 400, `${Host}: ${code}`);
    strictEqual(body.includes('ok'), false);
  }
  match(await say(port, 'GET /metrics HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 400/);
  match(await say(port, 'GET /metrics HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 4(?:00|21)/);
  match(await say(port, 'GET /metrics HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 4(?:00|21)/);
  match(
    await say(port, `GET http://elsewhere.example/metrics HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n`),
    /^HTTP\/1\.1 421/,
  );
});

test('where a token is given it has to be shown, but for health', async (t) => {
  const token = 'abcdefghijklmnop-1234';
  const folder = mkdtempSync(join(tmpdir(), 'ring3-token-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, `${token}\n`);
  const { port } = await start(t, { tokenFile });
  for (const path of ['/', '/metrics', '/api/metrics', '/api/status', '/nothing']) {
    const { status: code, headers } = await ask(port, path);
    deepStrictEqual([code, headers['www-authenticate']], [401, 'Bearer realm="ring3"']);
  }
  for (const Authorization of [
    `Bearer ${token}x`,
    `Bearer ${token.slice(1)}`,
    'Bearer ',
    `Basic ${token}`,
    token,
    `Bearer ${token} ${token}`,
  ])
    strictEqual((await ask(port, '/metrics', { Authorization })).status, 401, Authorization);
  strictEqual((await ask(port, '/metrics', { Authorization: `Bearer ${token}` })).status, 200);
  strictEqual((await ask(port, '/health')).status, 200);
});

test('a token file that another user could have written is rejected', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-token-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, 'abcdefghijklmnop-1234\n');
  chmodSync(tokenFile, 0o666);
  await rejects(start(t, { tokenFile }), /token may be written by other users: chmod o-w /);
  chmodSync(tokenFile, 0o644);
  chmodSync(folder, 0o777);
  await rejects(start(t, { tokenFile }), /token is not safe: \S+ may be written by other users \(mode 777\)/);
  chmodSync(folder, 0o755);
  await start(t, { tokenFile });
});

test('beyond loopback a token is generated, kept for this user only, and used again', async (t) => {
  const { port, stateDir, log, again } = await start(t, { host: '0.0.0.0' });
  const path = join(stateDir, 'console-token');
  strictEqual(statSync(path).mode & 0o777, 0o600);
  const token = readFileSync(path, 'utf8').trim();
  match(token, /^[\w-]{43}$/);
  strictEqual((await ask(port, '/metrics')).status, 401);
  strictEqual((await ask(port, '/metrics', { Authorization: `Bearer ${token}`, Host: `ring3.example:${port}` })).status, 200);
  strictEqual(JSON.stringify(log.lines).includes(token), false);
  await (await again()).close();
  strictEqual(readFileSync(path, 'utf8').trim(), token);
  strictEqual(existsSync(`${path}.new`), false);
  writeFileSync(path, 'short\n');
  await rejects(again(), /console-token does not contain a token: one line of 16 to 256 letters/);
});

test('an internal failure is logged and not sent to the client', async (t) => {
  const { port, log } = await start(
    t,
    {},
    {
      status: () => {
        throw new Error('a secret reason');
      },
    },
  );
  const { status: code, body } = await ask(port, '/api/status');
  deepStrictEqual([code, body], [500, 'it failed; the log says why\n']);
  strictEqual(log.lines.filter(({ level }) => level === 'error').length, 1);
});

test('a header that is too long, and bytes that are not HTTP, are rejected; other clients are served', async (t) => {
  const { port } = await start(t);
  match(await say(port, `GET / HTTP/1.1\r\nHost: localhost:${port}\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431/);
  match(await say(port, '\x00\x01\x02\r\n\r\n'), /^HTTP\/1\.1 400/);
  match(await say(port, `GET \\\\..\\ HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\n\r\n`), /^HTTP\/1\.1 4\d\d/);
  match(
    await say(port, `GET //elsewhere.example/%ff%00 HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\n\r\n`),
    /^HTTP\/1\.1 404/,
  );
  strictEqual((await ask(port, '/health')).status, 200);
});

test('a port in use is one line', async (t) => {
  const { port } = await start(t);
  await rejects(
    serveConsole(
      { port },
      { metrics: createMetrics(), status: () => status },
      { stateDir: '/nowhere', random: fakeRandom(), log: fakeLog(), turns: new LongTurns(fakeLog()) },
    ),
    new RegExp(`^Error: cannot listen on 127\\.0\\.0\\.1:${port}: another program listens there: .*--console$`),
  );
});

test('loopback is 127.0.0.0/8 and ::1', () => {
  deepStrictEqual(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'].map(isLoopback), [true, true, true, true]);
  deepStrictEqual(['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', '::ffff:10.0.0.1', '1127.0.0.1'].map(isLoopback), Array(6).fill(false));
  deepStrictEqual([...ownHosts('127.0.0.2', 80)].includes('127.0.0.2'), true);
  strictEqual(ownHosts('::1', 8080).has('[::1]'), false);
  strictEqual(tokenCheck('')('Bearer '), false);
});

test('silent connections keep no client out', async (t) => {
  const { port } = await start(t);
  const silent = await Promise.all(
    Array.from(
      { length: 200 },
      () =>
        new Promise<ReturnType<typeof connect>>((made) => {
          const socket = connect(port, '127.0.0.1', () => made(socket)).on('error', () => {});
        }),
    ),
  );
  for (let i = 0; i < 10; i++) strictEqual((await ask(port, '/health')).status, 200);
  for (const socket of silent) socket.destroy();
});

test('requests that a client sends without waiting are handled one at a time, and responses it does not read stop them', async (t) => {
  let asked = 0;
  const { port } = await start(t, {}, { status: () => ({ ...status, shares: [`${++asked}`.padEnd(2_000_000, 'x')] }) });
  const slow = connect(port, '127.0.0.1')
    .on('error', () => {})
    .pause();
  slow.write('GET /api/status HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n'.replace('PORT', String(port)).repeat(16));
  for (let before = -1; before !== asked; ) {
    before = asked;
    for (let i = 0; i < 20; i++) strictEqual((await ask(port, '/')).status, 200);
  }
  ok(asked >= 1 && asked < 16, `${asked} were handled`);
  slow.destroy();
});

test('a client that sends far more requests than it has responses is disconnected; others are served', async (t) => {
  const { port } = await start(t);
  const heard = await say(port, `GET /health HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`.repeat(200));
  ok(heard.split('HTTP/1.1 200').length - 1 < 200);
  strictEqual((await ask(port, '/health')).status, 200);
});

test('requests that arrive together share one reading of the metrics', async (t) => {
  let read = 0;
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const text = () => gate.then(() => `reading ${++read}\n`);
  const metrics = { show: () => ({ [Symbol.dispose]: () => {} }), values: async () => [], text };
  const { port } = await start(t, {}, { metrics });
  const answers = Promise.all(Array.from({ length: 30 }, () => ask(port, '/metrics')));
  for (let i = 0; i < 30; i++) strictEqual((await ask(port, '/health')).status, 200);
  open();
  deepStrictEqual([...new Set((await answers).map(({ status }) => status))], [200]);
  ok(read < 30, `${read} readings for 30 requests`);
});
