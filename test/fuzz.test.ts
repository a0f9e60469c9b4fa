/** A short slice of `npm run fuzz`: the same inputs every time. */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { fuzz as capture } from './fuzz/capture.ts';
import { fuzz as conntrackPackets } from './fuzz/conntrack-packets.ts';
import { fuzz as controlLine } from './fuzz/control-line.ts';
import { fuzz as pipe } from './fuzz/pipe.ts';
import { fuzz as securityDescriptor } from './fuzz/security-descriptor.ts';
import { fuzz as smbAfterLogon } from './fuzz/smb-after-logon.ts';
import { fuzz as smbBeforeLogon } from './fuzz/smb-before-logon.ts';
import { fuzz as token } from './fuzz/token.ts';

test('two hundred thousand packets, most of them broken, get an answer each and leave the table whole', () => {
  equal(conntrackPackets(200_000, 1), 200_000);
});

const targets = { capture, controlLine, pipe, securityDescriptor, smbAfterLogon, smbBeforeLogon, token };
for (const [name, fuzz] of Object.entries(targets)) {
  test(`${name}: four hundred changed inputs break no property`, async () => {
    equal(await fuzz(400, 1), 400);
  });
}
