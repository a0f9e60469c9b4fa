import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { NtStatus, type Sid } from '@ring3/smb-proto';
import { boundPipe, call, calling, lsarpc, pipeHost, reader } from '../testing/rpc.ts';
import { type Account, accountOfName, accountOfSid, SidNameUse, sidOf } from './account-names.ts';
import type { PipeAccounts, PipeHost } from './host.ts';
import { type NdrReader, NdrWriter } from './ndr.ts';
import type { Pipe } from './pipe.ts';

const domain = { name: 'RING3', sid: 'S-1-5-21-1-2-3' };
const ann = { name: 'Ann', sid: `${domain.sid}-1000` };
const accounts: PipeAccounts = {
  domain,
  nameOf: (sid) => (sid === ann.sid ? ann.name : undefined),
  find: (name) => (name.toLowerCase() === 'ann' ? ann : undefined),
  all: () => [ann],
  mayLookUp: true,
  userName: 'Ann',
};
const hostWith = (more: Partial<PipeAccounts> = {}): PipeHost => pipeHost({ ...accounts, ...more });
const bound = (host = hostWith()): Pipe => boundPipe('LsaRpc', lsarpc, host);

const attributes = (out: NdrWriter, desiredAccess: number): NdrWriter => {
  out.u32(24).u32(0).u32(0).u32(0).u32(0).u32(0x20000);
  return out.u32(12).u16(2).bytes(Uint8Array.of(1, 0), 1).u32(desiredAccess);
};
const openPolicy2 = (desiredAccess = 0x02000000): Uint8Array =>
  attributes(new NdrWriter().string('\\\\RING3').settle(), desiredAccess).finish();
function opened(pipe: Pipe): Uint8Array {
  const answer = reader(call(pipe, 44, openPolicy2()));
  const handle = answer.bytes(20, 4, 'handle').slice();
  strictEqual(answer.u32('status'), NtStatus.Success);
  return handle;
}

test('well-known SIDs, aliases, domains and users have names, and names have them (MS-DTYP 2.4.2.4, MS-LSAT 3.1.1.1.1)', () => {
  const table: readonly (readonly [Sid, string, string, number])[] = [
    ['S-1-1-0', '', 'Everyone', SidNameUse.WellKnownGroup],
    ['S-1-3-0', '', 'CREATOR OWNER', SidNameUse.WellKnownGroup],
    ['S-1-5-11', 'NT AUTHORITY', 'Authenticated Users', SidNameUse.WellKnownGroup],
    ['S-1-5-18', 'NT AUTHORITY', 'SYSTEM', SidNameUse.WellKnownGroup],
    ['S-1-5-32-544', 'BUILTIN', 'Administrators', SidNameUse.Alias],
    ['S-1-5-32', 'BUILTIN', 'BUILTIN', SidNameUse.Domain],
    [domain.sid, 'RING3', 'RING3', SidNameUse.Domain],
    [ann.sid, 'RING3', 'Ann', SidNameUse.User],
    [`${domain.sid}-501`, 'RING3', 'Guest', SidNameUse.User],
    [`${domain.sid}-513`, 'RING3', 'None', SidNameUse.Group],
  ];
  for (const [sid, domainName, name, use] of table) {
    const account = accountOfSid(accounts, sid) as Account;
    deepStrictEqual([account.domain.name, account.name, account.use, sidOf(account)], [domainName, name, use, sid]);
    for (const spelled of [name, name.toUpperCase(), ...(domainName === '' ? [] : [`${domainName}\\${name}`])]) {
      if (use === SidNameUse.Domain && spelled.includes('\\')) continue;
      strictEqual(sidOf(accountOfName(accounts, spelled) as Account), sid, spelled);
    }
  }
  strictEqual(sidOf(accountOfName(accounts, '') as Account), 'S-1-5-32');
  strictEqual(sidOf(accountOfName(accounts, 'BUILTIN\\') as Account), 'S-1-5-32');
  strictEqual(sidOf(accountOfName(accounts, 'ring3\\') as Account), domain.sid);
  for (const none of ['eve', 'OTHER\\Ann', 'NT AUTHORITY\\Ann', 'RING3\\Everyone', 'ann@ring3', '\\', 'x\\']) {
    strictEqual(accountOfName(accounts, none), undefined, none);
  }
});

test('a SID of a known domain without an account keeps its domain, another has none (MS-LSAT 3.1.4.5)', () => {
  const unknown = accountOfSid(accounts, `${domain.sid}-2000`) as Account;
  deepStrictEqual([unknown.use, unknown.domain, unknown.name], [SidNameUse.Unknown, domain, '000007D0']);
  strictEqual(accountOfSid(accounts, 'S-1-5-21-9-9-9-1000'), undefined);
  strictEqual(accountOfSid(accounts, `${domain.sid}-1-2`), undefined);
});

/** Reads ReferencedDomains: the names and SIDs. */
function domains(answer: NdrReader): string[] {
  if (answer.u32('ReferencedDomains') === 0) return [];
  const count = answer.u32('Entries');
  const there = answer.u32('Domains') !== 0;
  answer.u32('MaxEntries');
  if (!there) return [];
  strictEqual(answer.u32('count'), count);
  const heads = Array.from({ length: count }, () => {
    const head = answer.unicodeHead('Name');
    strictEqual(answer.u32('Sid') !== 0, true);
    return head;
  });
  return heads.map((head) => `${answer.unicodeBody(head, 'Name')} ${answer.sid('Sid')}`);
}

const sidsStub = (
  handle: Uint8Array,
  sids: readonly (Sid | undefined)[],
  more: { extended?: boolean; level?: number } = {},
): Uint8Array => {
  const out = new NdrWriter().bytes(handle, 4).u32(sids.length);
  out
    .pointer(sids.length > 0 ? sids : undefined, () => {
      out.u32(sids.length);
      for (const sid of sids) out.sid(sid);
    })
    .settle();
  out
    .u32(0)
    .u32(0)
    .u16(more.level ?? 1)
    .align(4)
    .u32(0);
  if (more.extended === true) out.u32(0).u32(2);
  return out.finish();
};
const namesStub = (handle: Uint8Array, names: readonly string[], more: { extended?: boolean; level?: number } = {}): Uint8Array => {
  const out = new NdrWriter().bytes(handle, 4).u32(names.length).u32(names.length);
  for (const name of names) out.unicode(name);
  out
    .settle()
    .u32(0)
    .u32(0)
    .u16(more.level ?? 1)
    .align(4)
    .u32(0);
  if (more.extended === true) out.u32(0).u32(2);
  return out.finish();
};

test('LookupSids and LookupSids2 translate, with the domains that the names are in (MS-LSAT 3.1.4.11, 3.1.4.10)', () => {
  for (const [operation, extended] of [
    [15, false],
    [57, true],
  ] as const) {
    const pipe = bound();
    const handle = opened(pipe);
    const answer = reader(
      call(pipe, operation, sidsStub(handle, [ann.sid, 'S-1-5-32-545', 'S-1-5-21-9-9-9-7', `${domain.sid}-501`], { extended })),
    );
    deepStrictEqual(domains(answer), ['RING3 S-1-5-21-1-2-3', 'BUILTIN S-1-5-32']);
    strictEqual(answer.u32('Entries'), 4);
    answer.u32('Names');
    answer.u32('count');
    const heads = Array.from({ length: 4 }, () => {
      const use = answer.u16('Use');
      const head = answer.unicodeHead('Name');
      const place = answer.u32('DomainIndex');
      if (extended) strictEqual(answer.u32('Flags'), 0);
      return { use, head, place };
    });
    deepStrictEqual(
      heads.map(({ use, head, place }) => `${answer.unicodeBody(head, 'Name')} ${use} ${place}`),
      ['Ann 1 0', 'Users 4 1', 'S-1-5-21-9-9-9-7 8 4294967295', 'Guest 1 0'],
    );
    deepStrictEqual([answer.u32('MappedCount'), answer.u32('status')], [3, NtStatus.SomeNotMapped]);
  }
});

test('LookupNames, LookupNames2 and LookupNames3 translate to relative ids and SIDs (MS-LSAT 3.1.4.8, .7, .6)', () => {
  for (const [operation, extended, sids] of [
    [14, false, false],
    [58, true, false],
    [68, true, true],
  ] as const) {
    const pipe = bound();
    const handle = opened(pipe);
    const answer = reader(call(pipe, operation, namesStub(handle, ['ANN', 'Everyone', 'nobody', 'RING3'], { extended })));
    deepStrictEqual(domains(answer), ['RING3 S-1-5-21-1-2-3', ' S-1-1']);
    strictEqual(answer.u32('Entries'), 4);
    answer.u32('Sids');
    answer.u32('count');
    const rows = Array.from({ length: 4 }, () => {
      const use = answer.u16('Use');
      const id = answer.u32('RelativeId or Sid');
      const place = answer.u32('DomainIndex');
      if (extended) answer.u32('Flags');
      return [use, sids ? id !== 0 : id, place];
    });
    const unmapped = 0xffffffff;
    deepStrictEqual(
      rows,
      sids
        ? [
            [1, true, 0],
            [5, true, 1],
            [8, false, unmapped],
            [3, true, 0],
          ]
        : [
            [1, 1000, 0],
            [5, 0, 1],
            [8, 0, unmapped],
            [3, 0xffffffff, 0],
          ],
    );
    if (sids) deepStrictEqual([answer.sid('Sid'), answer.sid('Sid'), answer.sid('Sid')], [ann.sid, 'S-1-1-0', domain.sid]);
    deepStrictEqual([answer.u32('MappedCount'), answer.u32('status')], [3, NtStatus.SomeNotMapped]);
  }
});

test('the status of a lookup tells all mapped, none mapped and a wrong argument apart (MS-LSAT 3.1.4.5)', () => {
  const pipe = bound();
  const handle = opened(pipe);
  const statusOf = (operation: number, stub: Uint8Array): number => {
    pipe.write(calling(operation, stub));
    const { bytes } = pipe.read(65536) as { bytes: Uint8Array };
    return Buffer.from(bytes).readUInt32LE(bytes.length - 4);
  };
  strictEqual(statusOf(15, sidsStub(handle, ['S-1-1-0'])), NtStatus.Success);
  strictEqual(statusOf(15, sidsStub(handle, ['S-1-9-9'])), NtStatus.NoneMapped);
  strictEqual(statusOf(15, sidsStub(handle, [])), NtStatus.Success);
  strictEqual(statusOf(15, sidsStub(handle, [undefined])), NtStatus.InvalidParameter);
  strictEqual(statusOf(14, namesStub(handle, ['eve'])), NtStatus.NoneMapped);
  for (const level of [0, 8]) {
    strictEqual(statusOf(15, sidsStub(handle, ['S-1-1-0'], { level })), NtStatus.InvalidParameter);
    strictEqual(statusOf(14, namesStub(handle, ['ann'], { level })), NtStatus.InvalidParameter);
  }
  for (const operation of [76, 77]) strictEqual(statusOf(operation, new Uint8Array(0)), NtStatus.AccessDenied);
});

test('a policy handle is valid until it is closed, in its association only; there are at most 64 (MS-LSAD 3.1.4.9.4)', () => {
  const pipe = bound();
  const handle = opened(pipe);
  const elsewhere = bound();
  strictEqual(call(elsewhere, 15, sidsStub(handle, ['S-1-1-0'])), 0x1c00001a);
  const closed = reader(call(pipe, 0, handle));
  deepStrictEqual([...closed.bytes(20, 4, 'handle')], Array(20).fill(0));
  strictEqual(closed.u32('status'), NtStatus.Success);
  strictEqual(call(pipe, 0, handle), 0x1c00001a);
  strictEqual(call(pipe, 15, sidsStub(handle, ['S-1-1-0'])), 0x1c00001a);
  for (let i = 0; i < 64; i++) opened(pipe);
  const refused = reader(call(pipe, 44, openPolicy2()));
  refused.bytes(20, 4, 'handle');
  strictEqual(refused.u32('status'), NtStatus.InsufficientResources);
});

test('guests and anonymous clients cannot look names up, and no client gets rights that change the policy (MS-LSAD 3.1.4.4.1)', () => {
  const statusOf = (host: PipeHost, desiredAccess: number): number => {
    const answer = reader(call(bound(host), 44, openPolicy2(desiredAccess)));
    answer.bytes(20, 4, 'handle');
    return answer.u32('status');
  };
  strictEqual(statusOf(hostWith({ mayLookUp: false }), 0x02000000), NtStatus.AccessDenied);
  for (const allowed of [0x800, 0x801, 0x20801, 0x02000000, 0x20000000]) strictEqual(statusOf(hostWith(), allowed), NtStatus.Success);
  for (const denied of [0x2, 0x8, 0xf0fff, 0x10000000, 0x40000000]) strictEqual(statusOf(hostWith(), denied), NtStatus.AccessDenied);
});

test('QueryInformationPolicy reports the account domain and the workgroup (MS-LSAD 3.1.4.4.4)', () => {
  const pipe = bound();
  const handle = opened(pipe);
  const query = (informationClass: number): NdrReader =>
    reader(call(pipe, 46, new NdrWriter().bytes(handle, 4).u16(informationClass).finish()));
  for (const accountDomain of [5, 14]) {
    const answer = query(accountDomain);
    answer.u32('PolicyInformation');
    strictEqual(answer.u16('class'), accountDomain);
    const head = answer.unicodeHead('Name');
    ok(answer.u32('Sid') !== 0);
    deepStrictEqual([answer.unicodeBody(head, 'Name'), answer.sid('Sid'), answer.u32('status')], ['RING3', domain.sid, NtStatus.Success]);
  }
  const primary = query(3);
  primary.u32('PolicyInformation');
  primary.u16('class');
  const head = primary.unicodeHead('Name');
  strictEqual(primary.u32('Sid'), 0, 'it is a member of no domain');
  deepStrictEqual([primary.unicodeBody(head, 'Name'), primary.u32('status')], ['WORKGROUP', NtStatus.Success]);
  for (const [refused, status] of [
    [2, NtStatus.AccessDenied],
    [0, NtStatus.InvalidParameter],
    [15, NtStatus.InvalidParameter],
  ] as const) {
    const answer = query(refused);
    deepStrictEqual([answer.u32('PolicyInformation'), answer.u32('status')], [0, status]);
  }
});

test('counts beyond the limits, and arguments cut anywhere, result in faults or responses, and in no internal error', () => {
  const pipe = bound();
  const handle = opened(pipe);
  const badStub = 0x6f7;
  strictEqual(call(pipe, 14, new NdrWriter().bytes(handle, 4).u32(1001).u32(1001).finish()), badStub);
  strictEqual(call(pipe, 15, new NdrWriter().bytes(handle, 4).u32(20_481).u32(4).u32(20_481).finish()), badStub);
  strictEqual(call(pipe, 15, new NdrWriter().bytes(handle, 4).u32(3).u32(4).u32(2).finish()), badStub);
  const stubs: readonly (readonly [number, Uint8Array])[] = [
    [44, openPolicy2()],
    [15, sidsStub(handle, [ann.sid, 'S-1-1-0'])],
    [58, namesStub(handle, ['ann', 'Everyone'], { extended: true })],
    [45, new NdrWriter().u32(0).u32(0).u32(0).finish()],
  ];
  for (const [operation, stub] of stubs)
    for (let length = 0; length < stub.length; length++) call(bound(), operation, stub.subarray(0, length));
});
