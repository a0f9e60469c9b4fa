/**
 * npm run oracle -- [--profile current|v5-dccp|v4.8] FILE…
 * Plays recorded responses of the kernel (netlink vectors, conntrack scenarios) against ring3 and prints the differences, decoded.
 * Exit status 1 if a file failed, 2 if the command line is wrong.
 */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type ProfileName, profiles } from '@ring3/conntrack';
import { playFile } from './oracle/play.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { profile: { type: 'string' }, help: { type: 'boolean' } },
});
if (values.help === true || positionals.length === 0 || (values.profile !== undefined && !Object.hasOwn(profiles, values.profile))) {
  console.error(
    'usage: npm run oracle -- [--profile current|v5-dccp|v4.8] FILE…\nrecordings: test/golden/{conntrack,cthelper,ctnetlink,cttimeout}*/*.json',
  );
  process.exit(2);
}
const missing = positionals.find((path) => !existsSync(path));
if (missing !== undefined) {
  console.error(`no file ${missing}; recordings: test/golden/{conntrack,cthelper,ctnetlink,cttimeout}*/*.json`);
  process.exit(2);
}

const counts = { passed: 0, failed: 0, skipped: 0 };
for (const path of positionals) {
  for await (const outcome of playFile(path, values.profile as ProfileName | undefined)) {
    counts[outcome.kind]++;
    if (outcome.kind === 'skipped') console.log(`skipped ${path} ${outcome.name}: ${outcome.reason}`);
    if (outcome.kind === 'failed') console.log(`failed ${path} ${outcome.name}\n  ${outcome.differences.join('\n  ')}`);
  }
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(counts.failed === 0 ? 0 : 1);
