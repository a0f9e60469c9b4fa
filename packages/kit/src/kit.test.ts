import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { andThen, createLog, FakeClock, fakeLog, fakeRandom, linkPair, settle, systemClock, systemRandom } from './index.ts';

test('a value goes on at once, a promise later', async () => {
  strictEqual(
    andThen(1, (value) => value + 1),
    2,
  );
  strictEqual(await andThen(Promise.resolve(1), (value) => value + 1), 2);
  const failing = (): number => {
    throw new Error('no');
  };
  strictEqual(
    settle(
      failing,
      () => 'fine',
      () => 'failed',
    ),
    'failed',
  );
  strictEqual(
    await settle(
      () => Promise.reject(new Error('no')),
      () => 'fine',
      () => 'failed',
    ),
    'failed',
  );
});

test('the fake clock fires timers in the order of their times, also those set meanwhile', () => {
  const clock = new FakeClock();
  const fired: string[] = [];
  clock.after(20, () => fired.push(`b${clock.now()}`));
  clock.after(10, () => {
    fired.push(`a${clock.now()}`);
    clock.after(5, () => fired.push(`c${clock.now()}`));
  });
  clock.after(12, () => fired.push('never')).clear();
  clock.advance(30);
  deepStrictEqual(fired, ['a10', 'c15', 'b20']);
  strictEqual(clock.pending, 0);
  strictEqual(clock.now(), 30);
});

test('the system clock fires, and a cleared timer does not', async () => {
  const fired = await new Promise<string>((resolve) => {
    systemClock.after(1, () => resolve('first')).clear();
    systemClock.after(2, () => resolve('second'));
    setTimeout(() => {}, 100); // timers of the clock do not keep the process alive
  });
  strictEqual(fired, 'second');
});

test('fake randomness repeats, real randomness does not', () => {
  strictEqual(fakeRandom(5).u32(), fakeRandom(5).u32());
  const real = systemRandom();
  const drawn = new Set(Array.from({ length: 600 }, () => real.u32()));
  strictEqual(drawn.size > 590, true);
  strictEqual(
    real.fill(new Uint8Array(16)).some((byte) => byte !== 0),
    true,
  );
});

test('a log line is one JSON object with its sentence and fields, and children add theirs', async () => {
  const lines: string[] = [];
  const log = await createLog({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  log.child({ connection: 7 }).warn('frame refused', { field: 'length' });
  log.debug('not written');
  strictEqual(lines.length, 1);
  const { msg, connection, field, level } = JSON.parse(lines[0] as string);
  deepStrictEqual({ msg, connection, field, level }, { msg: 'frame refused', connection: 7, field: 'length', level: 40 });
  strictEqual(log.enabled('debug'), false);
  const fake = fakeLog();
  fake.child({ a: 1 }).info('x', { b: 2 });
  deepStrictEqual(fake.lines, [{ level: 'info', what: 'x', fields: { a: 1, b: 2 } }]);
});

test('a pair of links carries bytes both ways, cut and late where asked, and ends once on both sides', () => {
  const clock = new FakeClock();
  const [a, b] = linkPair({ clock, latencyMs: 5, pieces: 2 });
  const seen: string[] = [];
  for (const [name, link] of [
    ['a', a],
    ['b', b],
  ] as const) {
    link.open({ receive: (bytes) => seen.push(`${name}:${Buffer.from(bytes)}`), end: (reason) => seen.push(`${name} ${reason}`) });
  }
  a.send([Buffer.from('he'), Buffer.from('llo')]);
  deepStrictEqual(seen, []);
  clock.advance(5);
  b.close();
  b.send([Buffer.from('lost')]);
  clock.advance(10);
  deepStrictEqual(seen, ['b:he', 'b:ll', 'b:o', 'b closed', 'a closed by the peer']);
});
