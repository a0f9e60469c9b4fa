import { inspect } from 'node:util';
import { createClient, type NetlinkClient, type NetlinkLink } from '@ring3/netlink';

/**
 * The netlink client of a typed client.
 * @param over a link, which the client then owns, or a shared netlink client
 * @throws TypeError if it is neither, for example the promise of a link
 */
export function clientOver(over: NetlinkLink | NetlinkClient): NetlinkClient {
  if (typeof over === 'object' && over !== null) {
    if ('request' in over) return over;
    if ('send' in over && 'receive' in over) return createClient(over);
  }
  const awaited = (over as unknown) instanceof Promise ? ' (await it first)' : '';
  throw new TypeError(`a netlink link or client is needed, for example kernelLink(), not ${inspect(over, { depth: 0 })}${awaited}`);
}
