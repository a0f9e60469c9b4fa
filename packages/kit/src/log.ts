import { isatty } from 'node:tty';
import type { DestinationStream, Logger } from 'pino';
import { printable } from './printable.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;

/** Structured log: a sentence and what it is about. Never a key, a hash or a password. */
export interface Log {
  /** Written whatever the level is: for lines that have a switch of their own (`DebugSwitches`). */
  trace(what: string, fields?: LogFields): void;
  debug(what: string, fields?: LogFields): void;
  info(what: string, fields?: LogFields): void;
  warn(what: string, fields?: LogFields): void;
  error(what: string, fields?: LogFields): void;
  /** Whether this level is written: guards fields that cost something to make. */
  enabled(level: LogLevel): boolean;
  /** The same log with fields that each line carries. */
  child(fields: LogFields): Log;
}

export interface LogOptions {
  /** `trace`: everything, and every debug switch is on from the start. */
  readonly level?: LogLevel | 'silent';
  /** File descriptor; standard error unless told. */
  readonly fd?: number;
}

function over(logger: Logger): Log {
  let everything: Logger | undefined;
  const write =
    (level: Exclude<LogLevel, 'trace'>) =>
    (what: string, fields?: LogFields): void =>
      fields === undefined ? logger[level](what) : logger[level](fields, what);
  return {
    trace: (what, fields = {}) => {
      everything ??= logger.child({}, { level: 'trace' });
      everything.trace(fields, what);
    },
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    enabled: (level) => logger.isLevelEnabled(level),
    child: (fields) => over(logger.child(fields)),
  };
}

/** Bytes that wait at most for a disk that is full; lines that come then are lost. */
const mostWaiting = 1 << 20;

/** Lines to a descriptor that may fail to take them: that stops nobody. */
async function descriptor(fd: number): Promise<DestinationStream> {
  const { pino } = await import('pino');
  const out = pino.destination({ dest: fd, sync: true, maxLength: mostWaiting });
  out.on('error', () => {});
  return out;
}

/** A log on a file descriptor (or another destination), one JSON object a line. The library is loaded only here: it costs start-up time. */
export async function createLog(options: LogOptions = {}, destination?: DestinationStream): Promise<Log> {
  const { pino } = await import('pino');
  const { level = 'info', fd = 2 } = options;
  const stream = destination ?? (await descriptor(fd));
  return over(pino({ level, base: null, serializers: { error: pino.stdSerializers.err } }, stream));
}

/**
 * A log for people: what others named reaches their terminal as text, whatever it is made of. The formatter too is loaded only here.
 * @param to where its lines go, instead of a file descriptor
 */
export async function createPrettyLog(options: LogOptions = {}, to?: DestinationStream): Promise<Log> {
  const { prettyFactory } = await import('pino-pretty');
  const { fd = 2 } = options;
  const lines = prettyFactory({
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss.l',
    colorize: to === undefined && isatty(fd),
  });
  const out = to ?? (await descriptor(fd));
  return createLog(options, { write: (line) => void out.write(printableBeyondC0(lines(JSON.parse(line, withoutCommands)))) });
}

/** The formatter escapes values as JSON does, so not all of what a terminal obeys; its own colours begin with a C0 control. */
const printableBeyondC0 = (text: string): string => text.replace(/[ -\u{10ffff}]+/gu, printable);

/** What the formatter writes as it is. */
function withoutCommands(key: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (key === 'msg' || key === 'name' || key === 'caller') return printable(value);
  if (key !== 'stack') return value;
  return value
    .split(/\n(?=\s+at |caused by: )/)
    .map(printable)
    .join('\n');
}

/** A log that writes nothing. */
export const silentLog: Log = {
  trace: () => {},
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  enabled: () => false,
  child: () => silentLog,
};

/** A log that keeps its lines, for tests. */
export interface FakeLog extends Log {
  readonly lines: { readonly level: LogLevel; readonly what: string; readonly fields: LogFields }[];
}

/** Makes a log that keeps its lines. */
export function fakeLog(): FakeLog {
  const lines: FakeLog['lines'] = [];
  const make = (base: LogFields): FakeLog => {
    const write =
      (level: LogLevel) =>
      (what: string, fields: LogFields = {}): void =>
        void lines.push({ level, what, fields: { ...base, ...fields } });
    return {
      lines,
      trace: write('trace'),
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
      enabled: () => true,
      child: (fields) => make({ ...base, ...fields }),
    };
  };
  return make({});
}
