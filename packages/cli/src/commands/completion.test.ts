import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { createProgram } from '../main.ts';
import { completions } from './completion.ts';

test('commands and options complete below the command that was typed', () => {
  const program = createProgram();
  deepStrictEqual(completions(program, ['ti']), ['timeout']);
  deepStrictEqual(completions(program, ['timeout', 'default-']), ['default-get', 'default-set']);
  deepStrictEqual(completions(program, ['ctl', 'st']), ['start', 'stats', 'status', 'stop']);
  deepStrictEqual(completions(program, ['serve', '--capture']), ['--capture', '--capture-checksums', '--capture-speed']);
  deepStrictEqual(completions(program, ['flow', 'list', '--namesp']), ['--namespace']);
  strictEqual(completions(program, ['']).includes('serve'), true);
});
