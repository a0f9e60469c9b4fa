import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { playScenarios, type ScenarioFile } from './oracle/conntrack.ts';

const folder = join(import.meta.dirname, 'golden');
const files = ['conntrack', 'conntrack-random'].flatMap((sub) =>
  readdirSync(join(folder, sub))
    .sort()
    .map((name) => join(sub, name)),
);

for (const name of files) {
  test(`each recorded scenario of ${name} gives the kernel's class, flows and events after each packet`, () => {
    const score = playScenarios(JSON.parse(readFileSync(join(folder, name), 'utf8')) as ScenarioFile);
    assert.deepEqual(score.differences, []);
    assert.deepEqual(score.reasons, []);
    assert.ok(score.passed > 0);
  });
}

test('each recorded scenario of helpers gives the same packets, flows, events and expectations, except for two defects of the kernel', () => {
  const file = join(import.meta.dirname, 'golden/cthelper/07-packets.json');
  const score = playScenarios(JSON.parse(readFileSync(file, 'utf8')) as ScenarioFile);
  assert.deepEqual(score.differences, []);
  assert.deepEqual(
    score.reasons.map((reason) => reason.split(':')[0]),
    ['helper-delete-breaks-timeout-rule', 'helper-delete-breaks-helper-rule'],
  );
});
