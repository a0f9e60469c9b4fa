/** A short run of each target of `npm run fuzz`, with the same inputs every time. */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { fuzz as capture } from './fuzz/capture.ts';
import { fuzz as conntrackPackets } from './fuzz/conntrack-packets.ts';
import { fuzz as controlLine } from './fuzz/control-line.ts';
import { fuzz as netlinkDatagrams } from './fuzz/netlink-datagrams.ts';
import { fuzz as pipe } from './fuzz/pipe.ts';
import { fuzz as securityDescriptor } from './fuzz/security-descriptor.ts';
import { fuzz as smbAfterLogon } from './fuzz/smb-after-logon.ts';
import { fuzz as smbBeforeLogon } from './fuzz/smb-before-logon.ts';
import { fuzz as token } from './fuzz/token.ts';

const targets = { capture, controlLine, pipe, securityDescriptor, smbAfterLogon, smbBeforeLogon, token };
for (const [name, fuzz] of Object.entries(targets)) {
  test(`${name}: 400 changed inputs break no property`, async () => {
    equal(await fuzz(400, 1), 400);
  });
}

for (const [name, fuzz] of Object.entries({ conntrackPackets, netlinkDatagrams })) {
  test(`${name}: 200,000 changed inputs break no property`, async () => {
    equal(await fuzz(200_000, 1), 200_000);
  });
}
