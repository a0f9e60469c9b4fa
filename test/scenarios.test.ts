import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { playScenarios, type ScenarioFile } from './oracle/conntrack.ts';

const folder = join(import.meta.dirname, 'golden/conntrack');

for (const name of readdirSync(folder).sort()) {
  test(`each recorded scenario of ${name} gives the kernel's class, flows and events after each packet`, () => {
    const score = playScenarios(JSON.parse(readFileSync(join(folder, name), 'utf8')) as ScenarioFile);
    assert.deepEqual(score.differences, []);
    assert.deepEqual(score.reasons, []);
    assert.ok(score.passed > 0);
  });
}
