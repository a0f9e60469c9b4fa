import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { createLog, createPrettyLog } from './log.ts';

test('a log whose disk is full stops nobody', async (t) => {
  const fd = openSync('/dev/full', 'w');
  t.after(() => closeSync(fd));
  for (const create of [createLog, createPrettyLog]) {
    const log = await create({ fd });
    for (let i = 0; i < 100; i++) log.warn('a line', { text: 'x'.repeat(50_000) });
  }
});
