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

/** The failures, as text. */
const failures = (found: readonly Outcome[]): string[] =>
  found.flatMap((one) =>
    one.kind === 'failed' ? [`${one.name}\n${one.differences.join('\n')}`] : one.kind === 'skipped' ? [`${one.name}: ${one.reason}`] : [],
  );

test('ring3 reproduces every recorded response of nfnetlink_cttimeout byte for byte', async () => {
  let played = 0;
  for (const path of files('cttimeout')) {
    const found = await outcomes(path);
    assert.deepEqual(failures(found), [], path);
    played += found.length;
  }
  assert.equal(played, 312);
});

test('ring3 reproduces every recorded response of nfnetlink_cthelper byte for byte, except those that show a defect of the kernel', async () => {
  const names: string[] = [];
  for (const path of files('cthelper').filter((name) => !name.endsWith('07-packets.json'))) {
    for (const outcome of await outcomes(path)) {
      if (outcome.kind === 'skipped' && defects[outcome.name] !== undefined) names.push(outcome.name);
      else assert.equal(outcome.kind, 'passed', `${path} ${outcome.name}: ${JSON.stringify(outcome)}`);
    }
  }
  assert.deepEqual(names, ['second-in-use', 'leaked-still-usable']);
});

test('ring3 reproduces the recorded responses of ctnetlink: each flow, event and error, except ids and use counters', async () => {
  for (const path of files('ctnetlink')) assert.deepEqual(failures(await outcomes(path)), [], path);
});

test('the profile v5-dccp reproduces the responses of a 6.1 kernel with HZ 100 and DCCP', async () => {
  for (const path of files('cttimeout-6.1')) assert.deepEqual(failures(await outcomes(path)), [], path);
});
