import { existsSync } from 'node:fs';
import type { NetlinkLink } from '@ring3/netlink';
import type { Command } from 'commander';
import { defaultNetlink } from './places.ts';
import { oneOf, UsageError } from './usage.ts';

/** Whom a netfilter command asks. */
export interface At {
  /** Where it is missing: the daemon if one runs, else the kernel. */
  readonly at?: 'kernel' | 'ring3';
  readonly netlink?: string;
  /** One of the daemon's. */
  readonly namespace?: string;
}

/** Adds the options that say whom to ask. */
export const addAtOptions = (command: Command): Command =>
  command
    .option('--at <whom>', 'kernel or ring3; a running daemon unless given, else the kernel', oneOf('--at', ['kernel', 'ring3']))
    .option('--netlink <socket>', "the daemon's netlink socket")
    .option('--namespace <name>', "the daemon's namespace");

/** Opens a link to whom the options say. @throws Error in one line, where nobody answers there */
export async function openNetlink({ at, netlink, namespace }: At): Promise<NetlinkLink> {
  const path = netlink ?? defaultNetlink();
  if (at === 'kernel' && (netlink ?? namespace) !== undefined)
    throw new UsageError('--netlink and --namespace are of the daemon, not of the kernel');
  const { connectUnix, kernelLink } = await import('@ring3/netlink');
  const nobody = at === undefined && netlink === undefined && namespace === undefined && !existsSync(path);
  if (at === 'kernel' || nobody) return kernelLink();
  try {
    return await connectUnix(path, namespace === undefined ? {} : { namespace });
  } catch (error) {
    const { syscall, code } = error as { syscall?: string; code?: string };
    if (syscall === 'namespace') throw new Error(`there is no namespace ${namespace}`);
    if (syscall === 'connect')
      throw new Error(`no ring3 answers at ${path} (${code}): start one with ring3 serve, or ask the kernel with --at kernel`);
    throw error;
  }
}
