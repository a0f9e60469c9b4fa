import type { NetlinkLink } from '@ring3/netlink';
import { type At, type Intent, openNetlink } from './netlink-at.ts';

/**
 * Opens a client over the link that the options name, and closes it when `run` is done.
 * @param module kernel module that answers these requests, for the message when the kernel does not know them
 * @throws Error in one line, NetlinkError
 */
export async function withClient<C extends { close(): void }>(
  at: At,
  intent: Intent,
  module: string,
  make: (link: NetlinkLink) => C,
  run: (client: C) => Promise<void>,
): Promise<void> {
  const link = await openNetlink(at, intent);
  const client = make(link);
  try {
    await run(client);
  } catch (error) {
    if (link.peer === 'kernel' && isUnknownSubsystem(error))
      throw new Error(`${(error as Error).message}: this kernel has no ${module} (modprobe ${module}); ring3 needs none: "ring3 serve"`);
    throw error;
  } finally {
    client.close();
  }
}

/** Whether the kernel says that it has no such nfnetlink subsystem: EINVAL without an extended ACK. */
const isUnknownSubsystem = (error: unknown): boolean => {
  const { name, code, extack } = error as { name?: string; code?: string; extack?: object };
  return name === 'NetlinkError' && code === 'EINVAL' && Object.keys(extack ?? {}).length === 0;
};
