import { existsSync } from 'node:fs';
import type { NetlinkLink } from '@ring3/netlink';
import type { Command } from 'commander';
import { socketInUse } from './places.ts';
import { oneOf, UsageError } from './usage.ts';

/** The tracker that a netfilter command works on. */
export interface At {
  /** Default: the running daemon. Only a command that reads falls back to the kernel. */
  readonly at?: 'kernel' | 'ring3';
  /** Path of the daemon's netlink socket. */
  readonly netlink?: string;
  /** A namespace of the daemon. */
  readonly namespace?: string;
}

/** The effect of a command on the tracker; `read` changes nothing. */
export type Intent = 'read' | 'change';

/** Adds the options that name the tracker. */
export const addAtOptions = (command: Command): Command =>
  command
    .option(
      '--at <where>',
      'ring3 or kernel (default: ring3); every change to the kernel needs --at kernel',
      oneOf('--at', ['kernel', 'ring3']),
    )
    .option('--netlink <socket>', "the daemon's netlink socket")
    .option('--namespace <name>', 'a namespace of the daemon');

/**
 * Opens a link to the tracker that the options name. Without a running daemon a `read` asks the kernel, and says so on standard error; a
 * `change` fails.
 * @throws Error in one line
 */
export async function openNetlink({ at, netlink, namespace }: At, intent: Intent): Promise<NetlinkLink> {
  if (at === 'kernel' && (netlink ?? namespace) !== undefined)
    throw new UsageError('--netlink and --namespace cannot be used with --at kernel');
  const { kernelLink } = await import('@ring3/netlink');
  if (at === 'kernel') return kernelLink();
  const path = netlink ?? socketInUse('netlink');
  const named = at !== undefined || netlink !== undefined || namespace !== undefined;
  if (named || existsSync(path)) return connect(path, namespace);
  if (intent === 'change')
    throw new Error(
      `no ring3 is running (no socket ${path}): start one with "ring3 serve", or add --at kernel to change the kernel's own table`,
    );
  console.error('ring3: no ring3 is running: this is the kernel\'s own table (--at kernel, or start ring3 with "ring3 serve")');
  return kernelLink();
}

async function connect(path: string, namespace: string | undefined): Promise<NetlinkLink> {
  const { connectUnix } = await import('@ring3/netlink');
  try {
    return await connectUnix(path, namespace === undefined ? {} : { namespace });
  } catch (error) {
    const { syscall, code } = error as { syscall?: string; code?: string };
    if (syscall === 'namespace')
      throw new Error(`no namespace ${namespace}: "ring3 namespace list" shows them, "ring3 namespace add ${namespace}" makes it`);
    if (syscall === 'connect')
      throw new Error(`no ring3 answers at ${path} (${code}): start one with "ring3 serve", or use --at kernel for the kernel's own table`);
    throw error;
  }
}
