import { strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { createNamespace } from '@ring3/conntrack';
import { memoryLink } from '@ring3/netlink';
import { CttimeoutClient } from '@ring3/nfnetlink';
import { createNetlinkServer } from './index.ts';

test('the README’s example does what it says', async () => {
  const namespace = createNamespace();
  const timeouts = new CttimeoutClient(memoryLink(createNetlinkServer(namespace)));
  await timeouts.add({ name: 'web', l3proto: 2, l4proto: 6, timeouts: { established: 100 } });
  strictEqual(namespace.timeoutPolicies.find('web')?.use, 1);
  namespace.close();
});
