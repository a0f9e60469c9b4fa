import { existsSync } from 'node:fs';
import type { NetlinkLink } from '@ring3/netlink';
import type { Command } from 'commander';
import { defaultNetlink } from './places.ts';
import { oneOf } from './usage.ts';

/** Whom a netfilter command asks. */
export interface At {
  /** Where it is missing: the daemon if one runs, else the kernel. */
  readonly at?: 'kernel' | 'ring3';
  readonly netlink?: string;
}

/** Adds the options that say whom to ask. */
export const addAtOptions = (command: Command): Command =>
  command
    .option('--at <whom>', 'kernel or ring3; a running daemon unless given, else the kernel', oneOf('--at', ['kernel', 'ring3']))
    .option('--netlink <socket>', "the daemon's netlink socket");

/** Opens a link to whom the options say. @throws Error in one line, where nobody answers there */
export async function openNetlink({ at, netlink }: At): Promise<NetlinkLink> {
  const path = netlink ?? defaultNetlink();
  const { connectUnix, kernelLink } = await import('@ring3/netlink');
  if (at === 'kernel' || (at === undefined && netlink === undefined && !existsSync(path))) return kernelLink();
  return connectUnix(path);
}
