import type { StdioOptions } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { SystemError } from '@ring3/linux';
import { connectUnix, listenUnix, type NetlinkServer } from '@ring3/netlink';
import { findProgram, withSystemDirectories } from './program.ts';
import { type RunOptions, runUnder } from './run-under.ts';
import { buildShim } from './shim.ts';

export interface ExecOptions {
  /** A path, or a name that is searched in PATH and then in /usr/local/sbin, /usr/sbin, /sbin, where Debian installs nfct and conntrack. */
  readonly command: string;
  readonly args: readonly string[];
  /** The state directory of ring3, which contains the compiled shim. */
  readonly stateDir: string;
  /** Creates the server of a namespace for this command only, without a daemon. */
  readonly fresh?: (() => NetlinkServer) | undefined;
  /** The netlink socket of the running daemon, used without `fresh`. */
  readonly netlinkSocket: string;
  /** The namespace of the daemon; default: `default`. */
  readonly namespace?: string | undefined;
  /** The environment of the program; default: that of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** The standard streams of the program; default: those of this process. */
  readonly stdio?: StdioOptions;
}

/**
 * `ring3 exec`: runs an unmodified program whose netfilter sockets connect to ring3 instead of the kernel.
 * @returns the exit status of the program, or 128 plus the number of the signal that ended it
 * @throws RefusedProgram; Error in one line: no compiler, no ring3 answers at the socket, no such namespace
 */
export async function runExec(options: ExecOptions): Promise<number> {
  const { stdio } = options;
  const given = options.env ?? process.env;
  const env = { ...given, PATH: withSystemDirectories(given['PATH']) };
  const { file, before } = findProgram(options.command, env.PATH);
  const temporary = mkdtempSync(join(tmpdir(), 'ring3-exec-'));
  try {
    chmodSync(temporary, 0o700);
    const folder = join(options.stateDir, 'exec');
    // LD_PRELOAD cannot contain a path with a space or a colon
    const shim = buildShim(/[\s:]/.test(folder) ? temporary : folder);
    const program = { file, name: before.length > 0 ? file : options.command, args: [...before, ...options.args], shim, env, stdio };
    if (options.fresh !== undefined) return await runFresh(program, join(temporary, 'netlink.sock'), options.fresh());
    const { namespace } = options;
    const netlinkSocket = resolve(options.netlinkSocket);
    const owner = await ownerOfServer(netlinkSocket, namespace);
    return await runUnder({ ...program, netlinkSocket, owner, namespace });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

async function runFresh(
  program: Omit<RunOptions, 'netlinkSocket' | 'owner'>,
  netlinkSocket: string,
  server: NetlinkServer,
): Promise<number> {
  const listener = listenUnix(netlinkSocket, { namespace: (name) => (name === '' ? server : undefined) });
  try {
    return await runUnder({ ...program, netlinkSocket, owner: process.geteuid!() });
  } finally {
    listener.close();
    server.close();
  }
}

/** Returns the user id of the ring3 that listens at a path. @throws Error if none listens, or the namespace does not exist */
async function ownerOfServer(path: string, namespace: string | undefined): Promise<number> {
  try {
    const link = await connectUnix(path, namespace === undefined ? {} : { namespace });
    link.close();
    return link.owner;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    if (error.syscall === 'namespace')
      throw new Error(`the ring3 at ${path} has no namespace ${namespace}: "ring3 namespace add ${namespace}" makes it`);
    throw new Error(
      `no ring3 answers at ${path} (${error.code}): start one with "ring3 serve", or give the command one of its own with --fresh`,
    );
  }
}
