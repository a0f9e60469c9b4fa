/**
 * node --conditions=@ring3/source scripts/draw-states.ts [--check]
 * Writes the state tables of the connection tracker and of oplocks to docs/states.md; with --check it only compares the page with the
 * tables.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { sctpTable as sctp, tcpTable as tcp } from '@ring3/conntrack';
import { cachingBreaks, cachingLevels } from '@ring3/smb-server';
import { flag, readOptions } from './options.ts';

const { values } = readOptions({ usage: 'node --conditions=@ring3/source scripts/draw-states.ts [--check]', options: { check: flag } });

const page = resolve(import.meta.dirname, '../docs/states.md');

/** A table of one direction: a row for each segment or chunk, a column for each state. */
function draw(title: string, states: readonly string[], table: Readonly<Record<string, readonly string[]>>): string {
  const rows = Object.entries(table).map(([name, cells]) => {
    const shown = cells.map((cell, i) => (cell === states[i] || cell === 'keep' ? '·' : cell === 'invalid' ? '✗' : cell));
    return `| **${name}** | ${shown.join(' | ')} |`;
  });
  return `### ${title}\n\n| | ${states.join(' | ')} |\n|---|${states.map(() => '---|').join('')}\n${rows.join('\n')}\n`;
}

const text = `# State tables

Generated from the code by \`scripts/draw-states.ts\`. Each row is a segment, chunk or operation, each column the current state; · keeps the state. For the
connection tracker (\`packages/conntrack/src/l4\`) ✗ is invalid, and \`ignore\` passes and changes neither state, timer nor counters.

## TCP

${draw('Original direction', tcp.tcpStates, tcp.original)}
${draw('Reply direction', tcp.tcpStates, tcp.reply)}
## SCTP

${draw('Original direction', sctp.sctpStates, sctp.original)}
${draw('Reply direction', sctp.sctpStates, sctp.reply)}
## Oplocks and leases

The level that an oplock or lease is broken to by an operation of another owner (\`packages/smb-server/src/state/caching.ts\`). A level with write or
handle caching must be acknowledged within 35 seconds. The operation waits for that if the level has write caching, and for handle caching if it is
\`shareConflict\`, \`rename\` or \`delete\`.

${draw('Breaks', cachingLevels, cachingBreaks)}`;

if (!values.check) writeFileSync(page, text);
else if (readFileSync(page, 'utf8') !== text) {
  console.error('docs/states.md differs from the tables: run scripts/draw-states.ts');
  process.exit(1);
}
