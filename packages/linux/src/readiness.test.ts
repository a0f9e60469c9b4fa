import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { close } from './close.ts';
import { Errno } from './errno.ts';
import { clearEvent, openEvent, openPipe, raiseEvent, read, write } from './event.ts';
import { Readiness, Ready, type Watch } from './readiness.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
async function until(done: () => boolean): Promise<void> {
  while (!done()) await turn();
}
function watched(answer: Watch | number): Watch {
  assert.ok(typeof answer === 'object');
  return answer;
}

test('a level-triggered watch is told again until the descriptor is drained', async () => {
  const event = openEvent();
  let calls = 0;
  const watch = watched(
    new Readiness().watch(event, Ready.Readable, (events) => {
      assert.equal(events, Ready.Readable);
      if (++calls === 3) clearEvent(event);
    }),
  );
  raiseEvent(event);
  await until(() => calls === 3);
  for (let i = 0; i < 5; i++) await turn();
  assert.equal(calls, 3);
  assert.equal(clearEvent(event), -Errno.EAGAIN);
  raiseEvent(event);
  await until(() => calls === 4);
  watch.close();
  const before = calls;
  for (let i = 0; i < 5; i++) await turn();
  assert.equal(calls, before);
  close(event);
});

test('a one-shot watch is told once, and again after it was armed', async () => {
  const event = openEvent();
  let calls = 0;
  const watch = watched(new Readiness().watch(event, Ready.Readable | Ready.OneShot, () => calls++));
  raiseEvent(event);
  await until(() => calls === 1);
  for (let i = 0; i < 5; i++) await turn();
  assert.equal(calls, 1);
  assert.equal(watch.update(Ready.Readable | Ready.OneShot), 0);
  await until(() => calls === 2);
  watch.close();
  assert.equal(watch.update(Ready.Readable), -Errno.EBADF);
  close(event);
});

test('many descriptors are told in one batch; one that an earlier callback closed is not', async () => {
  const readiness = new Readiness();
  const events = Array.from({ length: 200 }, () => openEvent());
  const told = new Set<number>();
  const watches: Watch[] = events.map((event, i) =>
    watched(
      readiness.watch(event, Ready.Readable, () => {
        told.add(i);
        watches[i]!.close();
        const other = i ^ 1;
        assert.ok(!told.has(other), 'the other of a pair was closed before its turn');
        watches[other]!.close();
      }),
    ),
  );
  for (const event of events) raiseEvent(event);
  await until(() => told.size === 100);
  await turn();
  assert.equal(told.size, 100);
  for (const event of events) close(event);
});

test('promises go on inside a callback, and writable, hang-up and errors are told apart', async () => {
  const ends = openPipe();
  assert.ok(typeof ends === 'object');
  const [reading, writing] = ends;
  const readiness = new Readiness();
  const seen: string[] = [];
  const done = Promise.withResolvers<void>();
  const out = watched(
    readiness.watch(writing, Ready.Writable, (events) => {
      assert.equal(events, Ready.Writable);
      out.close();
      seen.push('writable');
      write(writing, Buffer.from('x'));
      queueMicrotask(() => {
        seen.push('microtask');
        close(writing);
      });
    }),
  );
  const input = watched(
    readiness.watch(reading, Ready.Readable, (events) => {
      const buffer = Buffer.alloc(8);
      if (read(reading, buffer) === 1) {
        seen.push('readable');
        return;
      }
      assert.equal(events & Ready.HangUp, Ready.HangUp);
      seen.push('hang-up');
      input.close();
      done.resolve();
    }),
  );
  await done.promise;
  assert.deepEqual(seen, ['writable', 'microtask', 'readable', 'hang-up']);
  close(reading);
});

test('a regular file is refused, none at all too, a watched one twice', () => {
  const readiness = new Readiness();
  const file = openSync(fileURLToPath(import.meta.url), 'r');
  assert.equal(
    readiness.watch(file, Ready.Readable, () => {}),
    -Errno.EPERM,
  );
  closeSync(file);
  assert.equal(
    readiness.watch(-1, Ready.Readable, () => {}),
    -Errno.EBADF,
  );
  const event = openEvent();
  const watch = watched(readiness.watch(event, Ready.Readable, (_events) => {}));
  assert.equal(
    readiness.watch(event, Ready.Readable, () => {}),
    -Errno.EEXIST,
  );
  watch.close();
  watch.close();
  close(event);
});

/** Runs a script that has `linux` in scope, in a separate process. */
function run(script: string): { status: number | null; stdout: string; stderr: string } {
  const index = new URL('index.ts', import.meta.url).href;
  return spawnSync(process.execPath, ['--input-type=module', '-e', `import * as linux from ${JSON.stringify(index)};\n${script}`], {
    encoding: 'utf8',
    timeout: 20_000,
  });
}

test('an unreferenced watch lets the process end, a referenced one keeps it until it is closed', () => {
  const ended = run(`
    const { readiness, openEvent, raiseEvent, Ready } = linux;
    const a = openEvent(), b = openEvent();
    readiness.watch(a, Ready.Readable, () => {}).unref();
    const held = readiness.watch(b, Ready.Readable, () => { console.log('told'); held.close(); });
    setTimeout(() => raiseEvent(b), 20).unref();
    process.on('exit', () => console.log('end'));
  `);
  assert.equal(ended.stdout, ended.stderr === '' ? 'told\nend\n' : ended.stderr);
  assert.equal(ended.status, 0);
});

test('an exception in a callback is an uncaught one, and the other descriptors of its batch are told all the same', () => {
  const ended = run(`
    const { readiness, openEvent, raiseEvent, Ready } = linux;
    process.on('uncaughtException', (error) => console.log('caught', error.message));
    for (let i = 0; i < 3; i++) {
      const event = openEvent();
      const watch = readiness.watch(event, Ready.Readable | Ready.OneShot, () => { watch.close(); throw new Error('from ' + i); });
      raiseEvent(event);
    }
  `);
  assert.equal(ended.stdout, 'caught from 0\ncaught from 1\ncaught from 2\n');
});

test('a worker has a readiness of its own, and ends with it', () => {
  const ended = run(`
    const { Worker } = await import('node:worker_threads');
    const source = 'import * as linux from ' + JSON.stringify(${JSON.stringify(new URL('index.ts', import.meta.url).href)}) + ';' +
      'const { parentPort } = await import("node:worker_threads");' +
      'const event = linux.openEvent(); linux.readiness.watch(event, linux.Ready.Readable, () => { linux.clearEvent(event); parentPort.postMessage("told"); }); parentPort.postMessage(event);';
    const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(source)));
    worker.on('message', (m) => { if (m === 'told') { console.log(m); void worker.terminate(); } else linux.raiseEvent(m); });
  `);
  assert.equal(ended.stdout, ended.stderr === '' ? 'told\n' : ended.stderr);
  assert.equal(ended.status, 0);
});
