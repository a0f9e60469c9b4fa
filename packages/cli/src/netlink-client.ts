import type { NetlinkLink } from '@ring3/netlink';
import type { Command } from 'commander';
import { type At, openNetlink } from './netlink-at.ts';

/** Opens a client over the link that a command's options name, and closes it when `run` is done. */
export async function withClient<C extends { close(): void }>(
  command: Command,
  make: (link: NetlinkLink) => C,
  run: (client: C) => Promise<void>,
): Promise<void> {
  const client = make(await openNetlink(command.opts<At>()));
  try {
    await run(client);
  } finally {
    client.close();
  }
}
