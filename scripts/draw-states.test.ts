import { equal } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

test('docs/states.md agrees with the tables', () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--conditions=@ring3/source', join(import.meta.dirname, 'draw-states.ts'), '--check'],
    {
      encoding: 'utf8',
    },
  );
  equal(status, 0, stderr);
});
