import { isatty } from 'node:tty';
import { printable } from './printable.ts';

/** A line as pino writes it. */
export interface LoggedLine {
  readonly level: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly msg?: string;
  readonly [field: string]: unknown;
}

const levels: readonly (readonly [least: number, word: string, colour: number])[] = [
  [50, 'ERROR', 31],
  [40, 'WARN', 33],
  [30, 'INFO', 32],
  [20, 'DEBUG', 34],
  [0, 'TRACE', 90],
];
/** Fields that say nothing to a person: which part of ring3 wrote the line. */
const left: readonly string[] = ['level', 'time', 'msg', 'pid', 'hostname', 'part'];

/**
 * A log line for people, on one line: `07:09:27.112 INFO logged on user=anna peer=127.0.0.1:55008`. A field that is false, empty or missing is left out. Only an
 * error that the code did not expect has more lines: its stack. What others named is printable.
 */
export function logLine({ level, time, msg = '', ...fields }: LoggedLine, colours: boolean): string {
  const [, word, colour] = levels.find(([least]) => level >= least) ?? [0, 'TRACE', 90];
  const shown = colours ? `\u001b[${colour}m${word}\u001b[39m` : word;
  const about = Object.entries(fields).filter(([name, value]) => !left.includes(name) && !isNothing(value));
  const words = about.map(([name, value]) => `${printable(name)}=${printable(textOf(value))}`);
  return `${[clockTime(time), shown, printable(msg), ...words].join(' ')}\n${level >= 50 ? about.map(([, value]) => stackOf(value)).join('') : ''}`;
}

const isNothing = (value: unknown): boolean =>
  value === undefined || value === null || value === false || value === '' || (Array.isArray(value) && value.length === 0);

/** Local time of day. */
function clockTime(time: number): string {
  const at = new Date(time);
  const two = (number: number): string => String(number).padStart(2, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

/** A value as one word, in quotes if it has blanks; an error as its message. */
function textOf(value: unknown): string {
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return textOf(value.join(','));
  if (typeof value === 'object') {
    const { message } = value as { message?: unknown };
    return textOf(typeof message === 'string' ? message : JSON.stringify(value));
  }
  const text = String(value);
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}

/** The stack of a serialized error, indented, without its first line. */
function stackOf(value: unknown): string {
  const { stack } = (value ?? {}) as { stack?: unknown };
  if (typeof stack !== 'string') return '';
  return stack
    .split(/\n(?=\s+at |caused by: )/)
    .slice(1)
    .map((line) => `    ${printable(line.trim())}\n`)
    .join('');
}

/** Whether a descriptor is a terminal that shows colours. NO_COLOR and FORCE_COLOR decide, as Node.js reads them (tty.WriteStream.getColorDepth). */
export function showsColours(fd: number, env: NodeJS.ProcessEnv = process.env): boolean {
  if (env['NO_COLOR']) return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return isatty(fd) && env['TERM'] !== 'dumb' && env['NODE_DISABLE_COLORS'] === undefined;
}
