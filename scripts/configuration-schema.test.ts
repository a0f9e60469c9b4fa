import { equal } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

test('docs/configuration.md and docs/ring3.schema.json agree with the tables', () => {
  const script = join(import.meta.dirname, 'configuration-schema.ts');
  const { status, stderr } = spawnSync(process.execPath, ['--conditions=@ring3/source', script, '--check'], { encoding: 'utf8' });
  equal(status, 0, stderr);
});
