import { deepStrictEqual, ok, strictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { type Codec, DecodeError, EncodeError, encode, Frame } from '@ring3/wire';
import { drawFrom } from '@ring3/wire/testing';
import fc from 'fast-check';
import {
  AccessMask,
  AceFlags,
  AceType,
  type Acl,
  AclCodec,
  accessCheck,
  accessToQuery,
  accessToSet,
  createSecurityDescriptor,
  decodeSecurityDescriptor,
  encodeSecurityDescriptor,
  fileAllAccess,
  fileGenericRead,
  filetimeFromMs,
  filetimeFromNs,
  filetimeToMs,
  filetimeToNs,
  guidBytes,
  guidText,
  isSid,
  mapGeneric,
  maximalAccess,
  mergeSecurity,
  SecurityControl,
  type SecurityDescriptor,
  SecurityInformation,
  SidCodec,
  selectSecurity,
  WellKnownSid,
} from './index.ts';

const anna = 'S-1-5-21-1-2-3-1000';
const bert = 'S-1-5-21-1-2-3-1001';
const staff = 'S-1-5-21-1-2-3-513';
const allow = (sid: string, mask: number, flags = 0) => ({ type: AceType.AccessAllowed, flags, mask, sid });
const deny = (sid: string, mask: number, flags = 0) => ({ type: AceType.AccessDenied, flags, mask, sid });
const acl = (...aces: Acl['aces']): Acl => ({ revision: 2, aces });
const token = (...sids: string[]) => ({ sids: new Set([...sids, WellKnownSid.Everyone]) });
const { ObjectInherit, ContainerInherit, NoPropagateInherit, InheritOnly, Inherited } = AceFlags;

test('FILETIME counts 100 ns since 1601, exactly (MS-DTYP 2.3.3)', () => {
  strictEqual(filetimeFromNs(0n), 116_444_736_000_000_000n);
  strictEqual(filetimeFromMs(0), 116_444_736_000_000_000n);
  strictEqual(filetimeFromMs(1.5), 116_444_736_000_015_000n);
  strictEqual(filetimeToMs(filetimeFromMs(1_700_000_000_123)), 1_700_000_000_123);
  strictEqual(filetimeFromNs(-(10n ** 20n)), 0n);
  strictEqual(filetimeFromMs(-1e15), 0n);
  strictEqual(filetimeFromNs(-1n), 116_444_735_999_999_999n);
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n }), (filetime) => {
      strictEqual(filetimeFromNs(filetimeToNs(filetime)), filetime);
    }),
  );
});

test('a GUID is little-endian in its first three groups (MS-DTYP 2.3.4.2)', () => {
  const bytes = guidBytes('{4b324fc8-1670-01d3-1278-5a47bf6ee188}');
  strictEqual(Buffer.from(bytes).toString('hex'), 'c84f324b7016d30112785a47bf6ee188');
  strictEqual(guidText(bytes), '4b324fc8-1670-01d3-1278-5a47bf6ee188');
  throws(() => guidBytes('4b324fc8'), RangeError);
  throws(() => guidText(new Uint8Array(15)), RangeError);
});

test('each SID has one text form, and bytes that are not a SID are rejected (MS-DTYP 2.4.2)', () => {
  const wire = Buffer.from('010500000000000515000000010000000200000003000000e8030000', 'hex');
  strictEqual(SidCodec.read(new Frame(wire), 0, wire.length), anna);
  deepStrictEqual(Buffer.from(encode(SidCodec, anna, Frame.alloc)), wire);
  strictEqual(isSid('S-1-0x123456789abc-1'), true);
  const all = [...Object.values(WellKnownSid), anna];
  ok(all.every(isSid));
  for (const text of [
    '',
    'S-1-5',
    'S-2-5-1',
    'S-1-5-4294967296',
    'S-1-05-1',
    'S-1-5-01',
    'S-1-0x000000000005-1',
    's-1-5-1',
    `S-1-5${'-1'.repeat(16)}`,
  ]) {
    strictEqual(isSid(text), false, text);
  }
  throws(() => SidCodec.size('nobody'), RangeError);
  for (const [at, value] of [
    [0, 2],
    [1, 0],
    [1, 6],
    [1, 16],
    [1, 255],
  ] as const) {
    const changed = Buffer.from(wire);
    changed[at] = value;
    throws(() => SidCodec.read(new Frame(changed), 0, changed.length), DecodeError, `byte ${at} = ${value}`);
  }
});

for (const [name, codec] of Object.entries({ SID: SidCodec, ACL: AclCodec })) {
  test(`${name} survives the round trip, and every truncation is a DecodeError`, () => {
    const any = codec as Codec<unknown>;
    for (let seed = 1; seed <= 50; seed++) {
      const value = any.random(drawFrom(seed * 101));
      const bytes = encode(any, value, Frame.alloc);
      deepStrictEqual(any.read(new Frame(bytes), 0, bytes.length), value);
      for (let length = 0; length < bytes.length; length++)
        throws(() => any.read(new Frame(bytes.slice(0, length)), 0, length), DecodeError);
    }
  });
}

const descriptor: SecurityDescriptor = {
  control: SecurityControl.DaclAutoInherited,
  owner: anna,
  group: staff,
  dacl: acl(allow(anna, fileAllAccess), deny(bert, AccessMask.FileWriteData), allow(WellKnownSid.Everyone, fileGenericRead, ObjectInherit)),
  sacl: acl({ type: AceType.SystemAudit, flags: AceFlags.FailedAccess, mask: 1, sid: WellKnownSid.Everyone }),
};

test('security descriptors survive the round trip, with absent, null and empty lists distinguished (MS-DTYP 2.4.6)', () => {
  for (const value of [
    descriptor,
    { control: 0 },
    { control: 0, dacl: null },
    { control: 0, dacl: acl() },
    { control: 0, owner: anna, sacl: null },
  ]) {
    deepStrictEqual(decodeSecurityDescriptor(encodeSecurityDescriptor(value)), value);
  }
});

test('a descriptor cut anywhere, or with any 16- or 32-bit field at 0, 1, its maximum or its wrap, never throws anything but DecodeError', () => {
  const bytes = encodeSecurityDescriptor(descriptor);
  const parse = (changed: Uint8Array): void => {
    try {
      decodeSecurityDescriptor(changed);
    } catch (error) {
      ok(error instanceof DecodeError, String(error));
    }
  };
  for (let length = 0; length < bytes.length; length++) parse(bytes.slice(0, length));
  for (let at = 0; at < bytes.length; at++) {
    for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
      for (const width of [1, 2, 4]) parse(bytes.slice().fill(value, at, at + width));
    }
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), (noise) => parse(noise)));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 6 }), (changes) => {
      const changed = bytes.slice();
      for (const [at, value] of changes) changed[at] = value;
      parse(changed);
    }),
    { numRuns: 500 },
  );
});

test('descriptors with the flaws that other servers accepted are rejected one by one', () => {
  const bytes = encodeSecurityDescriptor(descriptor);
  const view = new DataView(bytes.buffer);
  const daclAt = view.getUint32(16, true);
  const refused = (what: string, change: (view: DataView) => void): void => {
    const copy = bytes.slice();
    change(new DataView(copy.buffer));
    throws(() => decodeSecurityDescriptor(copy), DecodeError, what);
  };
  refused('an owner offset inside the head', (v) => v.setUint32(4, 4, true));
  refused('an offset whose sum wraps', (v) => v.setUint32(16, 0xfffffff8, true));
  refused('an offset at the end', (v) => v.setUint32(8, bytes.length, true));
  refused('a list smaller than its head', (v) => v.setUint16(daclAt + 2, 4, true));
  refused('a list larger than the descriptor', (v) => v.setUint16(daclAt + 2, 0xffff, true));
  refused('far more entries than bytes', (v) => v.setUint16(daclAt + 4, 0xffff, true));
  refused('an entry smaller than its head', (v) => v.setUint16(daclAt + 10, 2, true));
  refused('an entry smaller than its SID', (v) => v.setUint16(daclAt + 10, 16, true));
  refused('an entry of no size', (v) => v.setUint16(daclAt + 10, 0, true));
  refused('a SID without sub-authorities', (v) => v.setUint8(daclAt + 17, 0));
  refused('a SID longer than its entry', (v) => v.setUint8(daclAt + 17, 15));
});

test('a list that does not fit its 16-bit size is never written', () => {
  const many = acl(...Array.from({ length: 3000 }, () => allow(anna, 1)));
  throws(() => encodeSecurityDescriptor({ control: 0, dacl: many }), EncodeError);
});

test('generic rights are mapped to those of files (MS-DTYP 2.4.3)', () => {
  strictEqual(mapGeneric(AccessMask.GenericAll), fileAllAccess);
  strictEqual(mapGeneric(AccessMask.GenericRead | AccessMask.Delete), fileGenericRead | AccessMask.Delete);
  strictEqual(mapGeneric(AccessMask.GenericWrite | AccessMask.GenericExecute), 0x001201b6);
  strictEqual(mapGeneric(AccessMask.MaximumAllowed), AccessMask.MaximumAllowed);
});

test('the first entry that names a right decides, deny and allow alike (MS-DTYP 2.5.3.2)', () => {
  const { FileReadData, FileWriteData } = AccessMask;
  const check = (dacl: Acl, desired: number): boolean => accessCheck({ control: 0, owner: bert, dacl }, token(anna), desired).granted;
  strictEqual(check(acl(allow(anna, FileReadData | FileWriteData)), FileReadData | FileWriteData), true);
  strictEqual(check(acl(deny(anna, FileWriteData), allow(anna, FileReadData | FileWriteData)), FileReadData), true);
  strictEqual(check(acl(deny(anna, FileWriteData), allow(anna, FileReadData | FileWriteData)), FileWriteData), false);
  strictEqual(check(acl(allow(anna, FileWriteData), deny(anna, FileWriteData)), FileWriteData), true);
  strictEqual(check(acl(allow(bert, FileReadData)), FileReadData), false);
  strictEqual(check(acl(allow(anna, FileReadData, InheritOnly)), FileReadData), false, 'inherit-only entries grant nothing here');
  strictEqual(check(acl(allow(anna, AccessMask.GenericRead)), fileGenericRead), true, 'generic rights in an entry');
  strictEqual(
    check(acl({ ...allow(anna, FileReadData), type: AceType.AccessAllowedCallback }), FileReadData),
    false,
    'conditions grant nothing',
  );
  strictEqual(
    check(acl({ ...allow(anna, FileReadData), type: AceType.AccessDeniedCallback }, allow(anna, FileReadData)), FileReadData),
    false,
  );
});

test('no DACL and a null one grant everything, an empty one nothing but the owner’s own rights (MS-DTYP 2.5.3.2)', () => {
  strictEqual(accessCheck({ control: 0 }, token(anna), fileAllAccess).granted, true);
  strictEqual(accessCheck({ control: 0, dacl: null }, token(anna), fileAllAccess).granted, true);
  strictEqual(accessCheck({ control: 0, owner: bert, dacl: acl() }, token(anna), AccessMask.ReadControl).granted, false);
  strictEqual(
    accessCheck({ control: 0, owner: anna, dacl: acl() }, token(anna), AccessMask.ReadControl | AccessMask.WriteDac).granted,
    true,
  );
});

test('OWNER RIGHTS entries replace what an owner has by itself (MS-DTYP 2.5.3.2)', () => {
  const limited = { control: 0, owner: anna, dacl: acl(allow(WellKnownSid.OwnerRights, AccessMask.FileReadData)) };
  strictEqual(maximalAccess(limited, token(anna)), AccessMask.FileReadData);
  strictEqual(maximalAccess(limited, token(bert)), 0);
});

test('MAXIMUM_ALLOWED grants all available rights together with the other requested ones, or nothing (MS-DTYP 2.5.3.2)', () => {
  const { MaximumAllowed, FileReadData, FileWriteData, Delete } = AccessMask;
  const sd = { control: 0, owner: bert, dacl: acl(deny(staff, FileWriteData), allow(anna, FileReadData | FileWriteData)) };
  deepStrictEqual(accessCheck(sd, token(anna), MaximumAllowed), { granted: true, access: FileReadData | FileWriteData });
  deepStrictEqual(accessCheck(sd, token(anna, staff), MaximumAllowed), { granted: true, access: FileReadData });
  deepStrictEqual(accessCheck(sd, token(anna, staff), MaximumAllowed | FileWriteData), { granted: false, access: 0 });
  deepStrictEqual(accessCheck(sd, token('S-1-5-21-9'), MaximumAllowed), { granted: false, access: 0 });
  deepStrictEqual(accessCheck(sd, token(anna), Delete, Delete), { granted: true, access: Delete });
});

test('system security and taking ownership are matters of privileges', () => {
  const sd = { control: 0, owner: bert, dacl: acl(allow(anna, fileAllAccess & ~AccessMask.WriteOwner)) };
  const may = (privileges: ('security' | 'takeOwnership')[], desired: number): boolean =>
    accessCheck(sd, { ...token(anna), privileges: new Set(privileges) }, desired).granted;
  strictEqual(may([], AccessMask.AccessSystemSecurity), false);
  strictEqual(may(['security'], AccessMask.AccessSystemSecurity), true);
  strictEqual(may([], AccessMask.WriteOwner), false);
  strictEqual(may(['takeOwnership'], AccessMask.WriteOwner), true);
});

test('the one-pass check agrees with the document’s pseudocode for any list (MS-DTYP 2.5.3.2)', () => {
  const sids = [anna, bert, staff, WellKnownSid.Everyone];
  const ace = fc.record({
    type: fc.constantFrom(0, 1),
    flags: fc.constantFrom(0, InheritOnly),
    mask: fc.nat(0x1ff),
    sid: fc.constantFrom(...sids),
  });
  fc.assert(
    fc.property(fc.array(ace, { maxLength: 6 }), fc.integer({ min: 1, max: 0x1ff }), fc.subarray(sids), (aces, desired, held) => {
      let remaining = desired;
      let refused = false;
      for (const { type, flags, mask, sid } of aces) {
        if (refused || remaining === 0 || (flags & InheritOnly) !== 0 || !held.includes(sid)) continue;
        if (type === AceType.AccessAllowed) remaining &= ~mask;
        else if ((mask & remaining) !== 0) refused = true;
      }
      const expected = !refused && remaining === 0;
      strictEqual(accessCheck({ control: 0, dacl: acl(...aces) }, { sids: new Set(held) }, desired).granted, expected);
    }),
    { numRuns: 500 },
  );
});

const creator = { owner: anna, group: staff, defaultDacl: acl(allow(WellKnownSid.CreatorOwner, AccessMask.GenericAll)) };
const child = (parentDacl: Acl, isContainer: boolean, given?: SecurityDescriptor): SecurityDescriptor =>
  createSecurityDescriptor({ parent: { control: 0, dacl: parentDacl }, isContainer, creator, ...(given && { given }) });
const flagsOf = (sd: SecurityDescriptor): number[] => sd.dacl?.aces.map(({ flags }) => flags) ?? [];

test('without anything to inherit the creator’s default list is used, with real SIDs and rights (MS-DTYP 2.5.3.4.2)', () => {
  const sd = child(acl(allow(bert, 1)), false);
  deepStrictEqual([sd.owner, sd.group, sd.dacl], [anna, staff, acl(allow(anna, fileAllAccess))]);
  deepStrictEqual(createSecurityDescriptor({ isContainer: true, creator }).dacl, acl(allow(anna, fileAllAccess)));
});

test('which entries files and directories inherit, and with which flags (MS-DTYP 2.5.3.4.4)', () => {
  const rows: [flags: number, file: number[], folder: number[]][] = [
    [0, [], []],
    [ObjectInherit, [Inherited], [ObjectInherit | InheritOnly | Inherited]],
    [ContainerInherit, [], [ContainerInherit | Inherited]],
    [ObjectInherit | ContainerInherit, [Inherited], [ObjectInherit | ContainerInherit | Inherited]],
    [ObjectInherit | NoPropagateInherit, [Inherited], []],
    [ContainerInherit | NoPropagateInherit, [], [Inherited]],
    [ObjectInherit | ContainerInherit | InheritOnly, [Inherited], [ObjectInherit | ContainerInherit | Inherited]],
  ];
  for (const [flags, file, folder] of rows) {
    // A second, always inheritable entry keeps the default list away.
    const parent = acl(allow(bert, 1, flags), allow(staff, 1, ObjectInherit | ContainerInherit));
    deepStrictEqual(flagsOf(child(parent, false)).slice(0, -1), file, `file, flags ${flags}`);
    deepStrictEqual(flagsOf(child(parent, true)).slice(0, -1), folder, `folder, flags ${flags}`);
  }
});

test('CREATOR OWNER becomes the owner, and stays CREATOR OWNER in entries that the directory passes on (MS-DTYP 2.5.3.4.6)', () => {
  const parent = acl(allow(WellKnownSid.CreatorOwner, AccessMask.GenericAll, ObjectInherit | ContainerInherit | InheritOnly));
  deepStrictEqual(child(parent, false).dacl?.aces, [allow(anna, fileAllAccess, Inherited)]);
  deepStrictEqual(child(parent, true).dacl?.aces, [
    allow(anna, fileAllAccess, Inherited),
    allow(WellKnownSid.CreatorOwner, AccessMask.GenericAll, ObjectInherit | ContainerInherit | InheritOnly | Inherited),
  ]);
});

test('entries of the client come before inherited ones, and are the only ones if the list is protected or not merged', () => {
  const parent = acl(allow(bert, 1, ObjectInherit));
  const given = { control: 0, dacl: acl(allow(anna, 2)) };
  deepStrictEqual(child(parent, false, given).dacl?.aces, [allow(anna, 2), allow(bert, 1, Inherited)]);
  const isProtected = child(parent, false, { ...given, control: SecurityControl.DaclProtected });
  deepStrictEqual(isProtected.dacl?.aces, [allow(anna, 2)]);
  strictEqual(isProtected.control, SecurityControl.DaclProtected);
  const unmerged = createSecurityDescriptor({
    parent: { control: 0, dacl: parent },
    given,
    isContainer: false,
    creator,
    autoInherit: false,
  });
  deepStrictEqual([unmerged.dacl?.aces, unmerged.control], [[allow(anna, 2)], 0]);
  strictEqual(child(parent, false, { control: 0, dacl: null }).dacl, null);
  deepStrictEqual(child(parent, false, { control: 0, owner: bert, group: bert }).owner, bert);
});

test('only the parts that are asked for are read and replaced (MS-FSA 2.1.5.14, 2.1.5.17)', () => {
  const { Owner, Group, Dacl, Sacl, Label } = SecurityInformation;
  deepStrictEqual(selectSecurity(descriptor, Owner | Dacl), {
    control: SecurityControl.DaclAutoInherited,
    owner: anna,
    dacl: descriptor.dacl,
  });
  deepStrictEqual(selectSecurity(descriptor, Group | Sacl), { control: 0, group: staff, sacl: descriptor.sacl });
  deepStrictEqual(selectSecurity(descriptor, Label), { control: 0 });
  const given = { control: SecurityControl.DaclProtected | SecurityControl.DaclAutoInherited, owner: bert, dacl: acl(allow(bert, 1)) };
  const merged = mergeSecurity(descriptor, given, Dacl);
  deepStrictEqual([merged.owner, merged.dacl, merged.sacl], [anna, given.dacl, descriptor.sacl]);
  strictEqual(merged.control, SecurityControl.DaclProtected, 'automatic inheritance is kept only where it was asked for');
  const requested = { ...given, control: SecurityControl.DaclAutoInheritReq | SecurityControl.DaclAutoInherited };
  strictEqual(mergeSecurity(descriptor, requested, Dacl).control, SecurityControl.DaclAutoInherited);
  deepStrictEqual(mergeSecurity(descriptor, { control: 0 }, Dacl | Owner).dacl, descriptor.dacl);
  const label = { type: AceType.SystemMandatoryLabel, flags: 0, mask: 1, sid: 'S-1-16-8192' };
  const labelled = mergeSecurity(descriptor, { control: 0, sacl: acl(label) }, Label);
  deepStrictEqual(labelled.sacl?.aces, [...(descriptor.sacl?.aces ?? []), label]);
  deepStrictEqual(selectSecurity(labelled, Label).sacl?.aces, [label]);
});

test('which rights reading and changing a descriptor need (MS-FSA 2.1.5.14, 2.1.5.17)', () => {
  const { Owner, Dacl, Sacl } = SecurityInformation;
  strictEqual(accessToQuery(Owner | Dacl), AccessMask.ReadControl);
  strictEqual(accessToQuery(Sacl), AccessMask.AccessSystemSecurity);
  strictEqual(accessToSet(Owner), AccessMask.WriteOwner);
  strictEqual(accessToSet(Dacl), AccessMask.WriteDac);
  strictEqual(accessToSet(Owner | Dacl | Sacl), AccessMask.WriteOwner | AccessMask.WriteDac | AccessMask.AccessSystemSecurity);
});
