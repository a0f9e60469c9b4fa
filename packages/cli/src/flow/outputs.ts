import type { Command } from 'commander';
import { oneOf } from '../usage.ts';

/** Output formats of flows and expectations. */
export const outputs = ['table', 'json', 'conntrack'] as const;
export type Output = (typeof outputs)[number];

/** Adds the options of the output format; `--json` is `-o json`, as in other commands. */
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
