import type { NetlinkLink } from '@ring3/netlink';
import { type At, openNetlink } from './netlink-at.ts';

/** Opens a client over the link to whom it is said, and closes it when `run` is done. */
export async function withClient<C extends { close(): void }>(
  at: At,
  make: (link: NetlinkLink) => C,
  run: (client: C) => Promise<void>,
): Promise<void> {
  const client = make(await openNetlink(at));
  try {
    await run(client);
  } finally {
    client.close();
  }
}
