import { deepEqual, ok } from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { persistentChaos } from '../soak/persistent-chaos.ts';

// npm run kill -- --persistent kills more often
test('a daemon that is killed has its persistent opens again, with locks and data, and nothing is left at the end', {
  timeout: 300_000,
}, async () => {
  const { requests, restored, faults } = await persistentChaos({ kills: 4, clients: 3, dir: tmpdir() });
  deepEqual(faults, []);
  ok(requests > 0 && restored > 0);
});
