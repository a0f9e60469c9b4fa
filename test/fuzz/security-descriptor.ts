import assert from 'node:assert/strict';
import { AceFlags, AceType, decodeSecurityDescriptor, encodeSecurityDescriptor, maximalAccess, WellKnownSid } from '@ring3/smb-proto';
import { DecodeError } from '@ring3/wire';
import { fuzzing, type Target } from './fuzzing.ts';

const ace = { type: AceType.AccessAllowed, flags: AceFlags.ObjectInherit, mask: 0x1f01ff, sid: WellKnownSid.Everyone };
const dacl = { revision: 2, aces: [ace, { ...ace, type: AceType.AccessDenied, sid: 'S-1-5-21-1-2-3-1000' }] };
const who = { sids: new Set(['S-1-5-21-1-2-3-1000', WellKnownSid.Everyone]) };

/**
 * Security descriptors from clients and stores: each is decoded or rejected; a decoded one is encoded and decoded again to the same value.
 */
const securityDescriptor = (): Target => ({
  seeds: [
    encodeSecurityDescriptor({ control: 0, owner: WellKnownSid.BuiltinAdministrators, group: WellKnownSid.BuiltinUsers, dacl }),
    encodeSecurityDescriptor({ control: 0, dacl, sacl: { revision: 2, aces: [{ ...ace, type: AceType.SystemAudit }] } }),
    encodeSecurityDescriptor({ control: 0, dacl: null }),
  ],
  run(input) {
    let found: ReturnType<typeof decodeSecurityDescriptor>;
    try {
      found = decodeSecurityDescriptor(input);
    } catch (error) {
      assert.ok(error instanceof DecodeError);
      return;
    }
    assert.deepEqual(decodeSecurityDescriptor(encodeSecurityDescriptor(found)), found);
    maximalAccess(found, who);
  },
});

export const fuzz = fuzzing(securityDescriptor);
