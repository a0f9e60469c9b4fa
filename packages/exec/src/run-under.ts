import { type StdioOptions, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { isatty } from 'node:tty';

export interface RunOptions {
  /** The program's path. */
  readonly file: string;
  /** `argv[0]` of the program; default: `file`. */
  readonly name?: string;
  readonly args: readonly string[];
  /** The compiled shim. */
  readonly shim: string;
  /** The AF_UNIX socket on which ring3 serves netlink. */
  readonly netlinkSocket: string;
  /** The user id of the process that listens there; the shim accepts no other one but root and the program's own. */
  readonly owner: number;
  /** The namespace of the sockets of the program; default: that of the server. */
  readonly namespace?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** The standard streams of the program; default: those of this process. */
  readonly stdio?: StdioOptions | undefined;
}

/** Signals that are forwarded. */
const forwarded: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];
/** Signals that a terminal also sends to the program. */
const fromTerminal: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];

/**
 * Runs a program whose netfilter sockets connect to ring3. Signals of this process are forwarded to it.
 * @returns its exit status, or 128 plus the number of the signal that ended it
 */
export function runUnder(options: RunOptions): Promise<number> {
  const { file, name = file, args, stdio = 'inherit' } = options;
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const child = spawn(file, [...args], { argv0: name, stdio, env: environment(options) });
  // not process.stdin: reading that property would make the stream that the program shares non-blocking
  const byTerminal = isatty(0) ? fromTerminal : [];
  const hand = (signal: NodeJS.Signals): void => {
    if (!byTerminal.includes(signal)) child.kill(signal);
  };
  for (const signal of forwarded) process.on(signal, hand);
  child.once('error', (error) => reject(new Error(`${file} cannot be run: ${error.message}`)));
  child.once('exit', (status, signal) => resolve(status ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  return promise.finally(() => {
    for (const signal of forwarded) process.off(signal, hand);
  });
}

function environment({ shim, netlinkSocket, owner, namespace, env = process.env }: RunOptions): NodeJS.ProcessEnv {
  const others = env['LD_PRELOAD'];
  const { RING3_EXEC_NAMESPACE: _outer, ...rest } = env;
  return {
    ...rest,
    LD_PRELOAD: others === undefined || others === '' ? shim : `${shim}:${others}`,
    RING3_EXEC_SOCKET: netlinkSocket,
    RING3_EXEC_OWNER: `${owner}`,
    ...(namespace === undefined ? {} : { RING3_EXEC_NAMESPACE: namespace }),
  };
}
