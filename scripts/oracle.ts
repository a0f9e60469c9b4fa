/**
 * npm run oracle -- [--profile current|v5-dccp|v4.8] FILE…
 * Plays recorded responses of the kernel (netlink vectors, conntrack scenarios) against ring3 and prints the differences, decoded.
 * Exit status 1 if a file failed, 2 if the command line is wrong.
 */
import { existsSync } from 'node:fs';
import { type ProfileName, profiles } from '@ring3/conntrack';
import { oneOf, readOptions, wrongUsage } from './options.ts';
import { playFile } from './oracle/play.ts';

const usage =
  'npm run oracle -- [--profile current|v5-dccp|v4.8] FILE…; recordings: test/golden/{conntrack,cthelper,ctnetlink,cttimeout}*/*.json';
const { values, words: paths } = readOptions({
  usage,
  maxWords: Number.POSITIVE_INFINITY,
  options: { profile: oneOf(Object.keys(profiles) as ProfileName[]) },
});
if (paths.length === 0) wrongUsage('no FILE', usage);
const missing = paths.find((path) => !existsSync(path));
if (missing !== undefined) wrongUsage(`no file ${missing}`, usage);

const counts = { passed: 0, failed: 0, skipped: 0 };
for (const path of paths) {
  for await (const outcome of playFile(path, values.profile)) {
    counts[outcome.kind]++;
    if (outcome.kind === 'skipped') console.log(`skipped ${path} ${outcome.name}: ${outcome.reason}`);
    if (outcome.kind === 'failed') console.log(`failed ${path} ${outcome.name}\n  ${outcome.differences.join('\n  ')}`);
  }
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(counts.failed === 0 ? 0 : 1);
