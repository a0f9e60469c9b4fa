/**
 * The rate at which a capture file is tracked: ring3's reader and tracker compared with softflowd, argus and tshark, each in a separate
 * process, so that the start is included for all; in alternating rounds on the same file. `npm run bench -- replay [--packets N]`,
 * default two million. Programs that are not installed are omitted.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readOptions, whole } from '../scripts/options.ts';
import { machine, median } from './machine.ts';
import { writeCapture } from './replay-capture.ts';

const { packets } = readOptions({
  usage: 'npm run bench -- replay [--packets N]',
  options: { packets: whole(1, 1_000_000_000, 2_000_000) },
}).values;
const rounds = 3;
const held = 96;
const longest = 120_000;

/** A program that reads a capture to its end. */
interface Reader {
  readonly name: string;
  readonly program: string;
  readonly arguments: (capture: string, folder: string) => readonly string[];
  /** The arguments that print the version. */
  readonly version: readonly string[];
  readonly does: string;
  /** The program's output when it has read everything; undefined if it prints none. */
  readonly seen?: (packets: number, flows: number) => RegExp;
}

const readers: readonly Reader[] = [
  {
    name: 'ring3',
    program: process.execPath,
    arguments: (capture) => ['--conditions=@ring3/source', fileURLToPath(new URL('replay-tracker.ts', import.meta.url)), capture],
    version: [],
    does: 'states, windows and counters of every flow',
    seen: (count, flows) => new RegExp(`^${count} packets, ${flows} flows, 0 invalid$`, 'm'),
  },
  {
    name: 'softflowd',
    program: 'softflowd',
    arguments: (capture, folder) => ['-d', '-c', 'none', '-p', join(folder, 'pid'), '-m', '1000000', '-r', capture],
    version: ['-h'],
    does: 'counters of every flow',
    seen: (count) => new RegExp(`^Packets processed: ${count}$`, 'm'),
  },
  {
    name: 'argus',
    program: 'argus',
    arguments: (capture) => ['-F', '/dev/null', '-r', capture, '-w', '/dev/null'],
    version: ['-h'],
    does: 'records of every flow, written',
  },
  {
    name: 'tshark',
    program: 'tshark',
    arguments: (capture) => ['-n', '-r', capture, '-q', '-z', 'conv,tcp', '-z', 'conv,udp'],
    version: ['-v'],
    does: 'every layer dissected, conversations counted',
  },
];

/** Seconds of one run. */
interface Took {
  readonly wall: number;
  readonly processor: number;
}

/** The program's version, or the reason why it is omitted. */
function versionOf({ program, version }: Reader): { version: string } | { missing: string } {
  if (version.length === 0) return { version: '' };
  const { error, stdout, stderr } = spawnSync(program, version, { encoding: 'utf8', timeout: 10_000 });
  if (error !== undefined) return { missing: 'code' in error && error.code === 'ENOENT' ? 'not installed' : error.message };
  return { version: /\d+(?:\.\d+)+/.exec(stdout + stderr)?.[0] ?? '' };
}

/** Runs the program once. @throws Error if it fails, takes too long, or has not read everything */
function run(reader: Reader, capture: string, folder: string, packets: number, flows: number): Took {
  const times = join(folder, 'times');
  // the shell prints the processor time of its child, to the millisecond
  const script = 'times=$1; shift; TIMEFORMAT="%R %U %S"; { time "$@" 2>&1; } 2>"$times"';
  const words = ['-c', script, 'replay', times, reader.program, ...reader.arguments(capture, folder)];
  const { status, stdout, signal, error } = spawnSync('bash', words, {
    encoding: 'utf8',
    timeout: longest,
    maxBuffer: 1 << 30,
    killSignal: 'SIGKILL',
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${reader.name} ended with ${status ?? signal}: ${stdout.slice(-500)}`);
  const wanted = reader.seen?.(packets, flows);
  if (wanted !== undefined && !wanted.test(stdout)) throw new Error(`${reader.name} has not seen ${wanted}: ${stdout.slice(-500)}`);
  const [wall = 0, user = 0, system = 0] = readFileSync(times, 'utf8').trim().split(/\s+/).map(Number);
  return { wall, processor: user + system };
}

const folder = mkdtempSync(join(tmpdir(), 'ring3-bench-'));
try {
  const capture = join(folder, 'replay.pcap');
  const { flows, bytes } = writeCapture(capture, packets, held);
  const missing: string[] = [];
  const versions = new Map<Reader, string>();
  for (const reader of readers) {
    const answer = versionOf(reader);
    if ('missing' in answer) missing.push(`${reader.name} is left out: ${answer.missing}.`);
    else versions.set(reader, answer.version);
  }
  const taken = new Map([...versions.keys()].map((reader) => [reader, [] as Took[]]));
  const load = [loadavg()[0] as number];
  for (let round = 0; round < rounds; round++) {
    for (const [reader, list] of taken) {
      const took = run(reader, capture, folder, packets, flows);
      list.push(took);
      console.error(`${reader.name}: ${took.wall.toFixed(1)} s, ${took.processor.toFixed(1)} s of processor time`);
    }
    load.push(loadavg()[0] as number);
  }
  const size = `${packets.toLocaleString('en')} packets of ${flows.toLocaleString('en')} flows, ${Math.round(bytes / 2 ** 20)} MiB`;
  const range = `a load of ${Math.min(...load).toFixed(1)} to ${Math.max(...load).toFixed(1)} meanwhile`;
  console.log(`${machine()}; ${size}, at most ${held} bytes a packet kept; medians of ${rounds} rounds, turn by turn; ${range}.\n`);
  console.log('| | packets a second | of processor time | what it does |\n|---|--:|--:|---|');
  for (const [reader, list] of taken) {
    const rate = (which: keyof Took): string =>
      `${Math.round(packets / median(list.map((took) => took[which])) / 1000).toLocaleString('en')},000`;
    const name = `${reader.name} ${versions.get(reader)}`.trim();
    console.log(`| ${name} | ${rate('wall')} | ${rate('processor')} | ${reader.does} |`);
  }
  if (missing.length > 0) console.log(`\n${missing.join(' ')}`);
} finally {
  rmSync(folder, { recursive: true });
}
