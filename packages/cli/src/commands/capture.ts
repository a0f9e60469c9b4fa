import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { CaptureProgress } from '@ring3/daemon';
import type { Command } from 'commander';
import { addControlOption, followDaemon } from '../control-at.ts';
import { printJson, printLine } from '../output.ts';
import { speed, UsageError } from '../usage.ts';

interface PlayOptions {
  readonly namespace?: string;
  readonly fast?: true;
  readonly speed?: number;
  readonly checksums?: true;
  readonly json?: true;
}

/** `ring3 capture …`: packets of a capture for the connection tracker of a running daemon. */
export function addCapture(program: Command): void {
  const capture = addControlOption(program.command('capture').enablePositionalOptions(false)).description(
    'packets of captures for the connection tracker of a running daemon',
  );
  capture
    .command('play <file>')
    .description("play a pcap or pcapng file into a namespace, in the capture's pace, and print statistics at the end; Ctrl-C stops it")
    .option('--namespace <name>', 'the namespace, which is created if it does not exist (default: capture)')
    .option('--fast', 'as fast as possible')
    .option('--speed <n>', 'speed relative to the timestamps of the packets (default: 1)', speed)
    .option('--checksums', 'packets with a wrong checksum are invalid, in a namespace that is created')
    .option('--json', 'for programs: the progress every second and at the end, one object a line')
    .addHelpText(
      'after',
      '\nThe daemon reads the file. A namespace that is created has the time of the capture, counts packets and bytes, and keeps its flows after the end;\n' +
        'one that exists keeps its time and its settings: packets arrive now.',
    )
    .action((file: string, options: PlayOptions) => play(capture, file, options));
}

async function play(capture: Command, file: string, { namespace, fast, speed = 1, checksums, json }: PlayOptions): Promise<void> {
  if (fast === true && speed !== 1) throw new UsageError('--fast and --speed exclude each other');
  const path = resolve(file);
  statSync(path); // the daemon reports other faults
  const ask = { path, namespace, speed: fast === true ? undefined : speed, checksums };
  let last: CaptureProgress | undefined;
  for await (const progress of followDaemon(capture, 'capture play', ask)) {
    last = progress;
    if (json === true) printJson(progress);
  }
  if (last?.ended !== true) throw new Error('the daemon ended before the capture');
  if (json !== true) for (const line of statistics(last)) printLine(line);
  if (last.damage !== undefined) throw new Error(`the capture is damaged, the packets before the damage were played: ${last.damage}`);
}

/** The statistics of a capture as text: one line for each value. */
function statistics({ namespace, packets, notIp, flows, inserted, invalid, dropped, time }: CaptureProgress): string[] {
  const facts = [
    ['namespace', namespace],
    ['packets', `${packets}, of which ${notIp} are not IP`],
    ['flows', `${flows} in the table, ${inserted} inserted by the capture`],
    ['invalid', `${invalid} packets`],
    ['dropped', `${dropped} packets`],
    ['last', new Date(time).toISOString()],
  ] as const;
  return facts.map(([name, value]) => `${name.padEnd(10)} ${value}`);
}
