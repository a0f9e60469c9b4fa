import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { defects } from './defects.ts';
import type { Outcome } from './format.ts';
import { playFile } from './play.ts';

const golden = join(import.meta.dirname, '../../test/golden');
const files = (folder: string): string[] =>
  readdirSync(join(golden, folder))
    .sort()
    .map((name) => join(golden, folder, name));

async function outcomes(path: string): Promise<Outcome[]> {
  const found: Outcome[] = [];
  for await (const outcome of playFile(path)) found.push(outcome);
  return found;
}

/** What did not pass, readable. */
const failures = (found: readonly Outcome[]): string[] =>
  found.flatMap((one) =>
    one.kind === 'failed' ? [`${one.name}\n${one.differences.join('\n')}`] : one.kind === 'skipped' ? [`${one.name}: ${one.reason}`] : [],
  );

test('every recorded answer of nfnetlink_cttimeout comes back byte for byte', async () => {
  let played = 0;
  for (const path of files('cttimeout')) {
    const found = await outcomes(path);
    assert.deepEqual(failures(found), [], path);
    played += found.length;
  }
  assert.equal(played, 312);
});

test('every recorded answer of nfnetlink_cthelper comes back byte for byte, but those that show a defect of the kernel', async () => {
  const names: string[] = [];
  for (const path of files('cthelper').filter((name) => !name.endsWith('07-packets.json'))) {
    for (const outcome of await outcomes(path)) {
      if (outcome.kind === 'skipped' && defects[outcome.name] !== undefined) names.push(outcome.name);
      else assert.equal(outcome.kind, 'passed', `${path} ${outcome.name}: ${JSON.stringify(outcome)}`);
    }
  }
  assert.deepEqual(names, ['second-in-use', 'leaked-still-usable']);
});

test('the recorded answers of ctnetlink come back: each flow, event and refusal; ids and use counters aside', async () => {
  for (const path of files('ctnetlink')) assert.deepEqual(failures(await outcomes(path)), [], path);
});

test('what a 6.1 kernel with HZ 100 and DCCP answered comes back from the profile v5-dccp', async () => {
  for (const path of files('cttimeout-6.1')) assert.deepEqual(failures(await outcomes(path)), [], path);
});
