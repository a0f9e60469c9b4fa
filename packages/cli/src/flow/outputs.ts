import type { Command } from 'commander';
import { oneOf } from '../usage.ts';

/** How flows and expectations are printed. */
export const outputs = ['table', 'json', 'conntrack'] as const;
export type Output = (typeof outputs)[number];

/** Adds the options that say it; `--json` is `-o json`, as other commands have it. */
export const addOutputOption = (command: Command): Command =>
  command
    .option(
      '-o, --output <how>',
      'table, json (one object a line), or conntrack (as conntrack prints it)',
      oneOf('--output', outputs),
      'table',
    )
    .option('--json', 'the same as -o json')
    .on('option:json', () => void command.setOptionValue('output', 'json'));
