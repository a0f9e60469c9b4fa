import { throws } from 'node:assert/strict';
import { test } from 'node:test';
import type { NetlinkLink } from '@ring3/netlink';
import { CtnetlinkClient, CttimeoutClient } from './index.ts';

test('a typed client over something that is not a link is a TypeError that names what is needed', () => {
  for (const over of [undefined, null, 'kernel', {}])
    throws(
      () => new CttimeoutClient(over as unknown as NetlinkLink),
      /^TypeError: a netlink link or client is needed, for example kernelLink\(\), not /,
    );
  throws(() => new CtnetlinkClient(Promise.resolve() as unknown as NetlinkLink), /\(await it first\)$/);
});
