import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@ring3/kit';
import { NtStatus } from '@ring3/smb-proto';
import { createMemoryStore, wrap } from '@ring3/vfs';
import { RawClient, testServer } from '../testing/raw-client.ts';
import { turns } from '../testing/turns.ts';
import { Pacer } from './pacer.ts';

test('requests wait after their store has blocked the event loop for 200 ms, in their order, and it then blocks a fifth of the time', async () => {
  const clock = new FakeClock();
  const pacer = new Pacer();
  for (const ms of [5, 10, 10, 10]) pacer.blocked(ms, clock.now());
  pacer.blocked(200, clock.now());
  ok(!pacer.waits(clock.now()));
  pacer.blocked(40, clock.now());
  ok(pacer.waits(clock.now()));
  const done: string[] = [];
  for (const name of ['a', 'b', 'c'])
    void pacer.wait(clock).then(() => {
      done.push(`${name} ${clock.now()}`);
      pacer.blocked(20, clock.now());
    });
  const from = clock.now();
  for (let i = 0; i < 500; i++) {
    clock.advance(1);
    await turns(1);
  }
  deepStrictEqual(
    done.map((line) => line.replace(/\d+/, (at) => String(Number(at) - from))),
    ['a 200', 'b 301', 'c 401'],
  );
  ok(!pacer.waits(clock.now()));
});

test('no request waits for longer than two seconds', async () => {
  const clock = new FakeClock();
  const pacer = new Pacer();
  for (let i = 0; i < 10; i++) pacer.blocked(60_000, clock.now());
  let done = false;
  void pacer.wait(clock).then(() => {
    done = true;
  });
  clock.advance(1999);
  await turns(1);
  ok(!done);
  clock.advance(1);
  await turns(1);
  ok(done);
});

/** Time is measured within the call of a handler: a state of files that answers in a later turn divides it. */
const measured = { skip: process.env['RING3_STATE'] === 'remote' };

async function stage() {
  const clock = new FakeClock();
  const slow = wrap(createMemoryStore(), {
    meets: (call) => call === 'open',
    meet: (_call, _name, _parameters, go) => {
      clock.advance(150);
      return go();
    },
  });
  const server = testServer({ clock, shares: { slow, quick: createMemoryStore() } });
  const [client, other] = [await RawClient.at(server, 'slow'), await RawClient.at(server, 'quick')];
  strictEqual((await client.create('a')).status, NtStatus.Success);
  ok(server.shares.get('slow')?.pacer.waits(clock.now()) === true);
  return { clock, server, client, other };
}

test('a share whose store blocks waits, another share does not', measured, async () => {
  const { clock, client, other } = await stage();
  let answered = false;
  const waiting = client.create('c').then((answer) => {
    answered = true;
    return answer;
  });
  for (let i = 0; i < 20; i++) strictEqual((await other.create(`file${i}`)).status, NtStatus.Success);
  ok(!answered);
  clock.advance(2000);
  strictEqual((await waiting).status, NtStatus.Success);
});

test('a request whose tree connect ended while it waited is not run', measured, async () => {
  const { clock, server, client } = await stage();
  const waiting = client.create('c');
  await turns();
  for (const session of server.sessions.values()) for (const tree of [...session.trees.values()]) session.trees.delete(tree.treeId);
  clock.advance(2000);
  strictEqual((await waiting).status, NtStatus.NetworkNameDeleted);
  client.end();
});
