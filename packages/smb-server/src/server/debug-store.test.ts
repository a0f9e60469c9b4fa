import { deepStrictEqual, rejects, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { DebugLines, DebugSwitches, FakeClock, fakeLog, silentLog } from '@ring3/kit';
import { createMemoryStore, withFaults } from '@ring3/vfs';
import { vfsContract } from '@ring3/vfs/contract';
import { debugWords } from '../values/debug-words.ts';
import { debugStore } from './debug-store.ts';

const watched = (on: boolean) => {
  const debug = new DebugSwitches(debugWords, new DebugLines(silentLog));
  if (on) debug.toggle('vfs');
  return debugStore(createMemoryStore(), debug, new FakeClock());
};
vfsContract('a store whose calls are not logged', () => watched(false));
vfsContract('a store whose calls are logged', () => watched(true));

const who = { name: 'ann', sid: 'S-1-5-7', groups: [], guest: false };

test('a call that fails, later or with an exception, is logged and fails as without logging', async () => {
  const log = fakeLog();
  const faults = [
    { call: 'open', code: 'EIO' },
    { call: 'open', error: new Error('the cable is gone'), delayMs: 0 },
    { call: 'root', error: new Error('no store') },
  ] as const;
  const clock = new FakeClock();
  const memory = createMemoryStore();
  const root = await memory.root(who);
  const store = debugStore(withFaults(memory, faults, clock), new DebugSwitches(debugWords, new DebugLines(log)), clock);
  const open = () => store.open(root as never, 'a', { access: 'read', kind: 'file', disposition: 'create' }, who);
  strictEqual(await open(), 'EIO');
  const later = open();
  clock.advance(1);
  await rejects(async () => later, /the cable is gone/);
  await rejects(async () => store.root(who), /no store/);
  deepStrictEqual(
    log.lines.map(({ what, fields }) => [what, fields['user'], fields['result']]),
    [
      ['open', 'ann', 'EIO'],
      ['open', 'ann', 'Error: the cable is gone'],
      ['root', 'ann', 'Error: no store'],
    ],
  );
});
