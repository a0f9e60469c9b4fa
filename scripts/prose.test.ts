import { deepEqual, equal } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { baselinePath, type Counts, countFiles, countIn, groups, proseOf } from './prose.ts';

const baseline = JSON.parse(readFileSync(baselinePath, 'utf8')) as Record<string, Counts>;

for (const [name, patterns] of Object.entries(groups)) {
  test(`${name}: no kind of hard wording has become more frequent (node scripts/prose.ts lists the sentences)`, () => {
    const risen = Object.entries(countFiles(patterns)).filter(([kind, count]) => count > (baseline[name]?.[kind] ?? 0));
    deepEqual(risen, [], `more than ${JSON.stringify(baseline[name])}`);
  });
}

test('words are counted in prose and comments, not in code', () => {
  equal(countIn(proseOf('a.md', 'It tells nobody.\n```\ntell\n```\n`tell`'))['tell for report or log'], 1);
  equal(countIn(proseOf('a.ts', "const told = 'tell'; // told\n/** where it is */"))['tell for report or log'], 1);
  equal(countIn(proseOf('a.ts', '/** where it is */'))['where for if'], 1);
});
