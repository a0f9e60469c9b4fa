import type { DestinationStream, Logger } from 'pino';
import { DescriptorStream } from './descriptor-stream.ts';
import { type LoggedLine, logLine, showsColours } from './log-line.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;

/** A structured log: a sentence and its fields. Never contains a key, a hash or a password. */
export interface Log {
  /** Writes at any level: for lines that have their own switch (`DebugSwitches`). */
  trace(what: string, fields?: LogFields): void;
  debug(what: string, fields?: LogFields): void;
  info(what: string, fields?: LogFields): void;
  warn(what: string, fields?: LogFields): void;
  error(what: string, fields?: LogFields): void;
  /** Returns whether this level is enabled. Check it before you build expensive fields. */
  enabled(level: LogLevel): boolean;
  /** Returns the same log with fields that are added to each line. */
  child(fields: LogFields): Log;
}

export interface LogOptions {
  /** `trace`: all lines; every debug switch starts on. */
  readonly level?: LogLevel | 'silent';
  /** File descriptor; default: standard error. */
  readonly fd?: number;
  /** Whether the descriptor takes 4,096 bytes at once. Without it, a full pipe or a stopped terminal holds the program. */
  readonly isWritable?: (fd: number) => boolean;
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

function reportLost(stream: DescriptorStream, log: Log): void {
  stream.whenLost = (lines) => log.warn('the log could not be written for a while, and lines are lost', { lines });
}

/** A log on a file descriptor (or another destination), one JSON object per line. The library is loaded only here, because it costs start-up time. */
export async function createLog(options: LogOptions = {}, destination?: DestinationStream): Promise<Log> {
  const { pino } = await import('pino');
  const { level = 'info', fd = 2, isWritable } = options;
  const own = destination === undefined ? new DescriptorStream(fd, isWritable) : undefined;
  const log = over(pino({ level, base: null, serializers: { error: pino.stdSerializers.err } }, destination ?? own));
  if (own !== undefined) reportLost(own, log);
  return log;
}

/**
 * A log for people, a line for each event (`logLine`).
 * @param to stream to write to, in place of the file descriptor
 */
export async function createPrettyLog(options: LogOptions = {}, to?: DestinationStream): Promise<Log> {
  const { fd = 2, isWritable } = options;
  const colours = to === undefined && showsColours(fd);
  const own = to === undefined ? new DescriptorStream(fd, isWritable) : undefined;
  const out = to ?? (own as DescriptorStream);
  const log = await createLog(options, { write: (line) => void out.write(logLine(JSON.parse(line) as LoggedLine, colours)) });
  if (own !== undefined) reportLost(own, log);
  return log;
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
