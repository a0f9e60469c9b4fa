/** Faults that no client sees: in the log, the numbers and the events. */
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, fakeLog } from '@ring3/kit';
import { Command, NtStatus } from '@ring3/smb-proto';
import { createMemoryStore, type Fault, type VfsCode, VfsError, withFaults, wrap } from '@ring3/vfs';
import { closing, disposing, idsOf } from '../testing/elements.ts';
import { RawClient, testServer } from '../testing/raw-client.ts';
import type { ServerEvents } from '../values/events.ts';

for (const [how, fault] of [
  ['returns', { code: 'EROFS' }],
  ['throws', { error: new VfsError('EROFS', 'the disk') }],
] as const satisfies readonly (readonly [string, Partial<Fault>])[]) {
  test(`a deletion at the last close that fails is logged, counted and audited; the store ${how} it (MS-FSA 2.1.5.5)`, async () => {
    const log = fakeLog();
    const faults: Fault[] = [{ call: 'unlink', ...fault }];
    const server = testServer({ log, shares: { share: withFaults(createMemoryStore(), faults) } });
    const refused: ServerEvents['refused'][0][] = [];
    server.events.on('refused', (event) => refused.push(event));
    const client = await RawClient.at(server);
    const ids = idsOf(await client.create('stays'));
    await client.ask(disposing(ids, true));
    strictEqual((await client.ask(closing(ids))).status, NtStatus.Success, 'CLOSE does not fail');
    const warned = log.lines.filter(({ level }) => level === 'warn');
    deepStrictEqual(
      warned.map(({ what }) => what),
      ['a file was not deleted at its last close'],
    );
    strictEqual(server.numbers.notDeleted.of('EROFS'), 1);
    deepStrictEqual(
      refused.map(({ user, share, path, command, status }) => ({ user, share, path, command, status })),
      [{ user: 'ann', share: 'share', path: 'stays', command: 'Close', status: NtStatus.MediaWriteProtected }],
    );
    strictEqual(server.numbers.errors, 0);
  });
}

test('a file that was already deleted when its last open closes is not a failure', async () => {
  const code: VfsCode = 'ENOENT';
  const server = testServer({ shares: { share: withFaults(createMemoryStore(), [{ call: 'unlink', code }]) } });
  const client = await RawClient.at(server);
  const ids = idsOf(await client.create('gone'));
  await client.ask(disposing(ids, true));
  await client.ask(closing(ids));
  strictEqual(server.numbers.notDeleted.of(code), 0);
});

test('a request that blocks the event loop is counted, and logged with its command and share, at most every ten seconds', async () => {
  const clock = new FakeClock();
  const log = fakeLog();
  const store = wrap(createMemoryStore(), {
    meets: (call) => call === 'open',
    meet: (_call, _name, parameters, go) => {
      if (parameters[1] === 'slow') clock.advance(60);
      return go();
    },
  });
  const server = testServer({ clock, log, shares: { share: store } });
  const client = await RawClient.at(server);
  const held = () => log.lines.filter(({ what }) => what === 'a request blocked the event loop').map(({ fields }) => fields);
  await client.create('quick');
  strictEqual(held().length, 0);
  for (let i = 0; i < 3; i++) await client.create('slow');
  strictEqual(server.numbers.heldTurns.of(Command.Create), 3);
  strictEqual(held().length, 1);
  const [first] = held();
  strictEqual(first?.['command'], 'Create');
  strictEqual(first?.['share'], 'share');
  clock.advance(10_000);
  await client.create('slow');
  strictEqual(held().length, 2);
  strictEqual(held()[1]?.['times'], 3, 'those that were not logged are in it');
});
