import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { playScenarios, type ScenarioFile } from '../oracle/conntrack.ts';
import { seeded } from './programs.ts';

const lab = join(import.meta.dirname, 'conntrack-kernel/ask.py');

/** Runs the packets on the kernel. @returns its results, or the reason why that is not possible */
function ask(kind: string, seed: number, count: number): ScenarioFile | string {
  if (process.getuid?.() !== 0) return 'the kernel’s answers require root';
  const asked = spawnSync('/usr/bin/python3', ['-B', lab, kind, String(seed), String(count)], { encoding: 'utf8', maxBuffer: 1 << 28 });
  return asked.status === 0 ? (JSON.parse(asked.stdout) as ScenarioFile) : asked.stderr.trim().split('\n').slice(-1).join('');
}

const first = ask('tcp', 1, 1);
const skip = typeof first === 'string' ? `the kernel's tracker cannot be asked here: ${first}` : false;
if (skip !== false) console.log(skip);
const { seed = Math.floor(Date.now() / 1000) & 0xffffff } = seeded;

for (const [kind, count] of [
  ['tcp', 10],
  ['reset', 20],
  ['sctp', 10],
  ['errors', 10],
  ['mixed', 10],
  ['fragments', 10],
  ['rules', 10],
] as const) {
  test(`random ${kind} packets and commands get the same class, flows and events from the kernel and from ring3 (seed ${seed})`, {
    skip,
  }, () => {
    const asked = ask(kind, seed, count);
    assert.ok(typeof asked !== 'string', String(asked));
    const score = playScenarios(asked);
    assert.deepEqual(score.differences, []);
    assert.deepEqual(score.reasons, []);
    assert.equal(score.passed, count);
  });
}
