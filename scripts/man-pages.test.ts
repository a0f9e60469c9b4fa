import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { configurationSchema } from '@ring3/daemon/config';
import { createProgram } from 'ring3';
import { manPages, roff } from './man-pages.ts';

const pages = manPages();

test('the package of the command lists every manual page in `man`', () => {
  const { man } = JSON.parse(readFileSync(new URL('../packages/cli/package.json', import.meta.url), 'utf8')) as { man: string[] };
  deepEqual(man.toSorted(), [...pages.keys()].map((name) => `./man/${name}`).sort());
});

test('every command and option of --help is in a page, and every key of the configuration', () => {
  const missing: string[] = [];
  for (const command of createProgram().commands) {
    const text = pages.get(`ring3-${command.name()}.1`) ?? '';
    for (const one of [command, ...command.commands])
      for (const what of [one.name(), ...one.options.filter(({ hidden }) => !hidden).map(({ flags }) => flags)])
        if (!text.includes(roff(what))) missing.push(`${command.name()}: ${what}`);
  }
  const configuration = pages.get('ring3.toml.5') ?? '';
  const { properties } = configurationSchema() as {
    properties: Record<string, { properties?: object; additionalProperties?: { properties?: object }; items?: { properties?: object } }>;
  };
  for (const [name, table] of Object.entries(properties))
    for (const key of Object.keys(table.properties ?? table.additionalProperties?.properties ?? table.items?.properties ?? {}))
      if (!configuration.includes(`\\fB${roff(key)}\\fR`)) missing.push(`ring3.toml: ${name}.${key}`);
  deepEqual(missing, []);
});

test('text is escaped as roff: nothing that a table contains is a request', () => {
  equal(roff('.TH x\n\'br "a\\b" --c …'), '\\&.TH x\n\\&\'br "a\\[rs]b" \\-\\-c \\[u2026]');
});

test('pages are the same on every machine', () => {
  for (const text of pages.values()) ok(!/\/run\/user\/|\/tmp\/ring3-\d/.test(text));
});

test('groff formats every page without a warning', {
  skip: spawnSync('groff', ['--version']).status !== 0 && 'groff is not installed',
}, () => {
  for (const [name, input] of pages) {
    const { status, stdout, stderr } = spawnSync('groff', ['-man', '-ww', '-Tutf8', '-P-cbou'], { input, encoding: 'utf8' });
    deepEqual([name, status, stderr], [name, 0, '']);
    match(stdout, /^SYNOPSIS$/m);
  }
});
