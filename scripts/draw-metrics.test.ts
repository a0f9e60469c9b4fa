import { equal } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

test('docs/metrics.md agrees with the metrics of a daemon', () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--conditions=@ring3/source', join(import.meta.dirname, 'draw-metrics.ts'), '--check'],
    {
      encoding: 'utf8',
    },
  );
  equal(status, 0, stderr);
});
