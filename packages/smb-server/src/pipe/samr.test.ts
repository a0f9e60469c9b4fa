import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { NtStatus } from '@ring3/smb-proto';
import { boundPipe, call, pipeHost, reader, samr } from '../testing/rpc.ts';
import { SidNameUse } from './account-names.ts';
import type { PipeAccounts, PipeHost } from './host.ts';
import { type NdrReader, NdrWriter } from './ndr.ts';
import type { Pipe } from './pipe.ts';

const domain = { name: 'RING3', sid: 'S-1-5-21-1-2-3' };
const builtin = 'S-1-5-32';
const maximum = 0x02000000;
const users = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ name: `user${count - i}`, sid: `${domain.sid}-${1000 + count - i}` }));

function hostWith(count: number, mayLookUp = true): PipeHost {
  const all = users(count);
  const accounts: PipeAccounts = {
    domain,
    nameOf: (sid) => all.find((user) => user.sid === sid)?.name,
    find: (name) => all.find((user) => user.name === name.toLowerCase()),
    all: () => all,
    mayLookUp,
    userName: 'user1',
  };
  return pipeHost(accounts);
}

const bound = (host = hostWith(3)): Pipe => boundPipe('SAMR', samr, host);
const on = (handle: Uint8Array): NdrWriter => new NdrWriter().bytes(handle, 4);

/** The stub of SamrConnect5. */
const connect5 = (desired = maximum): Uint8Array =>
  new NdrWriter().string('\\\\RING3').settle().u32(desired).u32(1).u32(1).u32(3).u32(0).finish();
function handleOf(answer: NdrReader, status: number = NtStatus.Success): Uint8Array {
  const handle = answer.bytes(20, 4, 'handle').slice();
  strictEqual(answer.u32('status'), status);
  return handle;
}
function connected(pipe: Pipe): Uint8Array {
  const answer = reader(call(pipe, 64, connect5()));
  deepStrictEqual([answer.u32('OutVersion'), answer.u32('tag'), answer.u32('Revision'), answer.u32('SupportedFeatures')], [1, 1, 3, 0]);
  return handleOf(answer);
}
/** The stub of SamrOpenDomain. */
function openDomain(server: Uint8Array, sid: string, desired = maximum): Uint8Array {
  const out = on(server).u32(desired);
  const whole = new NdrWriter().sid(sid).finish().subarray(4); // the SID without a pointer to it
  return out.bytes(whole, 4).finish();
}
const opened = (pipe: Pipe, sid = domain.sid): Uint8Array => handleOf(reader(call(pipe, 7, openDomain(connected(pipe), sid))));
const openMember = (pipe: Pipe, operation: number, handle: Uint8Array, relativeId: number): NdrReader =>
  reader(call(pipe, operation, on(handle).u32(maximum).u32(relativeId).finish()));

/** Reads an enumeration. */
function entriesOf(answer: NdrReader): { context: number; entries: string[]; status: number } {
  const context = answer.u32('EnumerationContext');
  answer.u32('Buffer');
  const count = answer.u32('EntriesRead');
  const entries: string[] = [];
  if (answer.u32('Buffer') !== 0) {
    answer.u32('count');
    const heads = Array.from({ length: count }, () => [answer.u32('RelativeId'), answer.unicodeHead('Name')] as const);
    for (const [relativeId, head] of heads) entries.push(`${relativeId} ${answer.unicodeBody(head, 'Name')}`);
  }
  strictEqual(answer.u32('CountReturned'), count);
  return { context, entries, status: answer.u32('status') };
}

test('domains are enumerated and looked up by name: the account domain and the builtin domain (MS-SAMR 3.1.5.2.1, 3.1.5.11.1)', () => {
  const pipe = bound();
  const server = connected(pipe);
  const { entries, status } = entriesOf(reader(call(pipe, 6, on(server).u32(0).u32(0xffffffff).finish())));
  deepStrictEqual([entries, status], [['0 RING3', '0 BUILTIN'], NtStatus.Success]);
  for (const [name, sid] of [
    ['ring3', domain.sid],
    ['Builtin', builtin],
  ] as const) {
    const answer = reader(call(pipe, 5, on(server).unicode(name).finish()));
    answer.u32('DomainId');
    deepStrictEqual([answer.sid('DomainId'), answer.u32('status')], [sid, NtStatus.Success]);
  }
  const unknown = reader(call(pipe, 5, on(server).unicode('OTHER').finish()));
  deepStrictEqual([unknown.u32('DomainId'), unknown.u32('status')], [0, NtStatus.NoSuchDomain]);
  handleOf(reader(call(pipe, 7, openDomain(server, 'S-1-5-21-9-9-9'))), NtStatus.NoSuchDomain);
});

test('users are enumerated in parts, each once, in the order of their ids; MORE_ENTRIES until the last (3.1.5.2.4)', () => {
  const pipe = bound(hostWith(1200));
  const handle = opened(pipe);
  for (const room of [1, 100, 0xffffffff]) {
    const found: string[] = [];
    let parts = 0;
    for (let context = 0; ; parts++) {
      const part = entriesOf(reader(call(pipe, 13, on(handle).u32(context).u32(0).u32(room).finish())));
      ok(part.entries.length > 0 && part.entries.length <= 512);
      found.push(...part.entries);
      context = part.context;
      if (part.status === NtStatus.Success) break;
      strictEqual(part.status, NtStatus.MoreEntries);
    }
    deepStrictEqual(found, ['501 Guest', ...Array.from({ length: 1200 }, (_, i) => `${1001 + i} user${i + 1}`)]);
    strictEqual(parts, room === 1 ? 1200 : room === 100 ? parts : 2);
  }
  const machines = entriesOf(reader(call(pipe, 13, on(handle).u32(0).u32(0x80).u32(1000).finish())));
  deepStrictEqual(machines.entries, []);
});

test('groups and aliases are those of their domain (3.1.5.2.2, 3.1.5.2.5)', () => {
  const pipe = bound();
  const [accounts, aliases] = [opened(pipe), opened(pipe, builtin)];
  const list = (operation: number, handle: Uint8Array) =>
    entriesOf(reader(call(pipe, operation, on(handle).u32(0).u32(65536).finish()))).entries;
  deepStrictEqual(list(11, accounts), ['513 None']);
  deepStrictEqual(list(15, accounts), []);
  deepStrictEqual(list(11, aliases), []);
  deepStrictEqual(list(15, aliases).slice(0, 3), ['544 Administrators', '545 Users', '546 Guests']);
});

/** The stub of SamrLookupNamesInDomain. */
function namesStub(handle: Uint8Array, names: readonly string[]): Uint8Array {
  const out = on(handle).u32(names.length).u32(1000).u32(0).u32(names.length);
  for (const name of names) out.unicode(name);
  return out.finish();
}
const numbersOf = (answer: NdrReader): number[] => {
  const count = answer.u32('Count');
  if (answer.u32('Element') === 0) return [];
  answer.u32('count');
  return Array.from({ length: count }, () => answer.u32('Element'));
};

test('names are looked up to ids and ids to names; the status tells all, some and none mapped apart (3.1.5.11.2, 3.1.5.11.3)', () => {
  const pipe = bound();
  const handle = opened(pipe);
  for (const [names, ids, uses, status] of [
    [['USER1', 'None', 'nobody'], [1001, 513, 0], [SidNameUse.User, SidNameUse.Group, SidNameUse.Unknown], NtStatus.SomeNotMapped],
    [['user2'], [1002], [SidNameUse.User], NtStatus.Success],
    [['nobody', ''], [], [], NtStatus.NoneMapped],
  ] as const) {
    const answer = reader(call(pipe, 17, namesStub(handle, names)));
    deepStrictEqual([numbersOf(answer), numbersOf(answer), answer.u32('status')], [ids, uses, status]);
  }
  const answer = reader(call(pipe, 18, on(handle).u32(3).u32(1000).u32(0).u32(3).u32(1001).u32(501).u32(77).finish()));
  strictEqual(answer.u32('Count'), 3);
  answer.u32('Element');
  answer.u32('count');
  const heads = Array.from({ length: 3 }, () => answer.unicodeHead('Name'));
  deepStrictEqual(
    heads.map((head) => answer.unicodeBody(head, 'Name')),
    ['user1', 'Guest', ''],
  );
  deepStrictEqual([numbersOf(answer), answer.u32('status')], [[1, 1, 8], NtStatus.SomeNotMapped]);
});

test('users, groups and aliases are opened by their ids, and report names, members and groups (3.1.5.1, 3.1.5.5, 3.1.5.8, 3.1.5.9)', () => {
  const pipe = bound();
  const [accounts, aliases] = [opened(pipe), opened(pipe, builtin)];
  handleOf(openMember(pipe, 34, accounts, 77), NtStatus.NoSuchUser);
  handleOf(openMember(pipe, 34, accounts, 513), NtStatus.NoSuchUser);
  handleOf(openMember(pipe, 19, accounts, 1001), NtStatus.NoSuchGroup);
  handleOf(openMember(pipe, 27, accounts, 545), NtStatus.NoSuchAlias);
  const user = handleOf(openMember(pipe, 34, accounts, 1001));
  for (const operation of [36, 47]) {
    const answer = reader(call(pipe, operation, on(user).u16(6).finish()));
    answer.u32('Buffer');
    strictEqual(answer.u16('class'), 6);
    const [name, full] = [answer.unicodeHead('UserName'), answer.unicodeHead('FullName')];
    deepStrictEqual([answer.unicodeBody(name, 'UserName'), answer.unicodeBody(full, 'FullName'), answer.u32('status')], ['user1', '', 0]);
  }
  for (const unknown of [2, 0, 99]) {
    const answer = reader(call(pipe, 36, on(user).u16(unknown).finish()));
    deepStrictEqual([answer.u32('Buffer'), answer.u32('status')], [0, NtStatus.InvalidInfoClass]);
  }
  const groups = reader(call(pipe, 39, user));
  groups.u32('Groups');
  strictEqual(groups.u32('MembershipCount'), 1);
  groups.u32('Groups');
  deepStrictEqual([groups.u32('count'), groups.u32('RelativeId'), groups.u32('Attributes'), groups.u32('status')], [1, 513, 7, 0]);
  const members = reader(call(pipe, 25, handleOf(openMember(pipe, 19, accounts, 513))));
  members.u32('Members');
  strictEqual(members.u32('MemberCount'), 4);
  members.u32('Members');
  members.u32('Attributes');
  strictEqual(members.u32('count'), 4);
  deepStrictEqual(
    Array.from({ length: 4 }, () => members.u32('Member')),
    [501, 1001, 1002, 1003],
  );
  const inAlias = reader(call(pipe, 33, handleOf(openMember(pipe, 27, aliases, 545))));
  strictEqual(inAlias.u32('Count'), 1);
  inAlias.u32('Sids');
  inAlias.u32('count');
  inAlias.u32('Sid');
  deepStrictEqual([inAlias.sid('Sid'), inAlias.u32('status')], [`${domain.sid}-513`, 0]);
  const rid = reader(call(pipe, 65, on(accounts).u32(1001).finish()));
  rid.u32('Sid');
  deepStrictEqual([rid.sid('Sid'), rid.u32('status')], [`${domain.sid}-1001`, 0]);
});

test('guests and anonymous clients cannot connect, and no client gets rights to change anything (3.1.5.1.1)', () => {
  const denied = reader(call(bound(hostWith(1, false)), 64, connect5()));
  for (let i = 0; i < 4; i++) denied.u32('Out');
  handleOf(denied, NtStatus.AccessDenied);
  const pipe = bound();
  const server = connected(pipe);
  for (const [desired, status] of [
    [0x305, NtStatus.Success],
    [0x20385, NtStatus.Success],
    [0x80000000, NtStatus.Success],
    [0x10, NtStatus.AccessDenied], // to create users
    [0xf07ff, NtStatus.AccessDenied],
    [0x40000000, NtStatus.AccessDenied],
  ] as const)
    handleOf(reader(call(pipe, 7, openDomain(server, domain.sid, desired))), status);
  const outOfRange = 0x1c010002;
  for (const operation of [2, 4, 9, 10, 12, 14, 21, 22, 23, 24, 26, 29, 30, 31, 32, 35, 37, 38, 45, 50, 54, 55, 58, 63, 66])
    strictEqual(call(pipe, operation, server), outOfRange, String(operation));
});

test('a handle is valid for the operations of its kind until it is closed, in its association only; there are at most 64', () => {
  const pipe = bound();
  const mismatch = 0x1c00001a;
  const server = connected(pipe);
  const handle = handleOf(reader(call(pipe, 7, openDomain(server, domain.sid))));
  strictEqual(call(pipe, 13, on(server).u32(0).u32(0).u32(100).finish()), mismatch);
  strictEqual(call(pipe, 36, on(handle).u16(6).finish()), mismatch);
  strictEqual(call(bound(), 13, on(handle).u32(0).u32(0).u32(100).finish()), mismatch);
  handleOf(reader(call(pipe, 1, handle)));
  strictEqual(call(pipe, 1, handle), mismatch);
  for (let i = 1; i < 64; i++) connected(pipe);
  const refused = reader(call(pipe, 57, new NdrWriter().u32(0).u32(maximum).finish()));
  handleOf(refused, NtStatus.InsufficientResources);
});

test('counts beyond the limits, and arguments cut anywhere, result in faults or responses, and in no internal error', () => {
  const pipe = bound();
  const handle = opened(pipe);
  const badStub = 0x6f7;
  strictEqual(call(pipe, 17, on(handle).u32(1001).u32(1001).u32(0).u32(1001).finish()), badStub);
  strictEqual(call(pipe, 18, on(handle).u32(2).u32(1000).u32(0).u32(1).u32(1).finish()), badStub);
  strictEqual(call(pipe, 16, on(handle).u32(1001).u32(4).u32(1001).finish()), badStub);
  const stubs: readonly (readonly [number, Uint8Array])[] = [
    [0, new NdrWriter().u32(4).u16(0x5c).u32(maximum).finish()],
    [5, on(handle).unicode('RING3').finish()],
    [13, on(handle).u32(0).u32(0).u32(100).finish()],
    [16, on(handle).u32(1).u32(4).u32(1).sid(`${domain.sid}-1001`).finish()],
    [17, namesStub(handle, ['user1', 'nobody'])],
    [18, on(handle).u32(1).u32(1000).u32(0).u32(1).u32(513).finish()],
    [40, on(handle).u16(1).u32(0).u32(10).u32(1000).finish()],
    [64, connect5()],
  ];
  for (const [operation, stub] of stubs)
    for (let length = 0; length < stub.length; length++) call(bound(), operation, stub.subarray(0, length));
});
