import { NtStatus } from '@ring3/smb-proto';
import { DecodeError } from '@ring3/wire';
import { accountOfName, builtinDomain, type Member, membersOf, SidNameUse } from './account-names.ts';
import { ContextHandles } from './context-handles.ts';
import { type RpcInterface, uuid } from './endpoint.ts';
import type { PipeHost } from './host.ts';
import { type NdrReader, NdrWriter } from './ndr.ts';
import { RpcStatus } from './rpc-messages.ts';
import {
  accountControl,
  aliasesOf,
  aliasInformation,
  type DomainObject,
  domainInformation,
  groupAttributes,
  groupInformation,
  type MemberObject,
  membersOfAlias,
  userInformation,
  usersRid,
} from './samr-information.ts';

type Operation = RpcInterface['operations'][number];
type ServerObject = { readonly kind: 'server' };
type SamObject = ServerObject | DomainObject | MemberObject;

/** Maximum number of handles that one association has open. */
const maxHandles = 64;
/** Maximum number of names, ids or SIDs in a request: MS-SAMR 3.1.5.11.2. */
const maxLookups = 1000;
/** Maximum number of accounts in one response. */
const maxEntries = 512;

const MaximumAllowed = 0x02000000;
const GenericRead = 0x80000000;
const GenericExecute = 0x20000000;
/** Rights to read, by kind of object: MS-SAMR 2.2.1.3 to 2.2.1.7. They include READ_CONTROL. */
const readable: Readonly<Record<SamObject['kind'], number>> = {
  server: 0x00020031, // connect, enumerate and look up domains
  domain: 0x00020385, // read parameters, alias membership, list and look up accounts
  group: 0x00020011,
  alias: 0x0002000c,
  user: 0x0002031b,
};

/** SAMPR_REVISION_INFO, MS-SAMR 2.2.7.15: the revision whose operations are here. */
const revision = 3;

/**
 * The Security Account Manager, MS-SAMR, as far as clients need it to show and choose accounts: reads only. Its domains are the account
 * domain of this server and the builtin domain. Every operation that changes something, and those that no client needs, are out of range.
 * @returns the interface for one association: a handle is valid only in the association that opened it
 */
export function createSamr(): RpcInterface {
  const handles = new ContextHandles<SamObject>(maxHandles);

  /** Writes the results of an operation that opens a handle. @param before fields before the handle */
  const opened = (object: SamObject | number, desired: number, before = new NdrWriter()): Uint8Array => {
    const given = desired & ~(MaximumAllowed | GenericRead | GenericExecute);
    const status =
      typeof object === 'number'
        ? object
        : (given & ~readable[object.kind]) !== 0
          ? NtStatus.AccessDenied
          : handles.full
            ? NtStatus.InsufficientResources
            : NtStatus.Success;
    const out = typeof object === 'number' || status !== NtStatus.Success ? handles.writeNone(before) : handles.open(before, object);
    return out.u32(status).finish();
  };

  /** SamrConnect and its later forms, 3.1.5.1. Only users look accounts up: neither guests nor anonymous clients learn who has an account. */
  const connect =
    (readArguments: (input: NdrReader) => number, before?: () => NdrWriter): Operation =>
    (input, { accounts }) => {
      const desired = readArguments(input);
      return opened(accounts.mayLookUp ? { kind: 'server' } : NtStatus.AccessDenied, desired, before?.());
    };

  /** An operation whose first argument is a handle of one of these kinds. */
  const on =
    <K extends SamObject['kind']>(
      kinds: readonly K[],
      run: (input: NdrReader, host: PipeHost, object: Extract<SamObject, { kind: K }>) => Uint8Array,
    ): Operation =>
    (input, host) => {
      const object = handles.read(input)?.object;
      if (object === undefined || !(kinds as readonly string[]).includes(object.kind)) return RpcStatus.ContextMismatch;
      return run(input, host, object as Extract<SamObject, { kind: K }>);
    };

  const close: Operation = (input) => {
    const handle = handles.read(input);
    if (handle === undefined) return RpcStatus.ContextMismatch;
    handle.close();
    return handles.writeNone(new NdrWriter()).u32(NtStatus.Success).finish();
  };

  /** SamrOpenDomain, 3.1.5.1.5. */
  const openDomain = on(['server'], (input, { accounts }) => {
    const desired = input.u32('DesiredAccess');
    const sid = input.sid('DomainId');
    const domain = [accounts.domain, builtinDomain].find((one) => one.sid === sid);
    return opened(domain === undefined ? NtStatus.NoSuchDomain : { kind: 'domain', domain }, desired);
  });

  /** SamrOpenGroup, SamrOpenAlias and SamrOpenUser, 3.1.5.1.7 to .9. */
  const openMember = (kind: MemberObject['kind'], use: number, missing: number): Operation =>
    on(['domain'], (input, { accounts }, { domain }) => {
      const desired = input.u32('DesiredAccess');
      const relativeId = input.u32('RelativeId');
      const member = membersOf(accounts, domain).find((one) => one.relativeId === relativeId && one.use === use);
      return opened(member === undefined ? missing : { kind, member, domain }, desired);
    });

  const operations: Readonly<Record<number, Operation>> = {
    0: connect((input) => {
      if (input.u32('ServerName') !== 0) input.u16('ServerName'); // one character, MS-SAMR 3.1.5.1.4
      return input.u32('DesiredAccess');
    }),
    1: close,
    5: on(['server'], lookUpDomain),
    6: on(['server'], enumerateDomains),
    7: openDomain,
    8: on(['domain'], queryDomain),
    11: on(['domain'], enumerate(SidNameUse.Group)),
    13: on(['domain'], enumerate(SidNameUse.User)),
    15: on(['domain'], enumerate(SidNameUse.Alias)),
    16: on(['domain'], aliasMembership),
    17: on(['domain'], lookUpNames),
    18: on(['domain'], lookUpIds),
    19: openMember('group', SidNameUse.Group, NtStatus.NoSuchGroup),
    20: on(['group'], query(groupInformation)),
    25: on(['group'], membersOfGroup),
    27: openMember('alias', SidNameUse.Alias, NtStatus.NoSuchAlias),
    28: on(['alias'], query(aliasInformation)),
    33: on(['alias'], membersInAlias),
    34: openMember('user', SidNameUse.User, NtStatus.NoSuchUser),
    36: on(['user'], query(userInformation)),
    39: on(['user'], groupsOfUser),
    40: on(['domain'], display),
    44: on(['user'], passwordInformation),
    46: on(['domain'], queryDomain),
    47: on(['user'], query(userInformation)),
    48: on(['domain'], display),
    51: on(['domain'], display),
    56: passwordInformation,
    57: connect((input) => {
      input.optionalString('ServerName');
      return input.u32('DesiredAccess');
    }),
    62: connect((input) => {
      input.optionalString('ServerName');
      input.u32('ClientRevision');
      return input.u32('DesiredAccess');
    }),
    64: connect(
      (input) => {
        input.optionalString('ServerName');
        const desired = input.u32('DesiredAccess');
        for (const field of ['InVersion', 'InRevisionInfo', 'Revision', 'SupportedFeatures']) input.u32(field);
        return desired;
      },
      () => new NdrWriter().u32(1).u32(1).u32(revision).u32(0),
    ),
    65: on(['domain'], (input, _host, { domain }) =>
      new NdrWriter()
        .sid(`${domain.sid}-${input.u32('Rid')}`)
        .settle()
        .u32(NtStatus.Success)
        .finish(),
    ),
  };
  return { uuid: uuid('12345778-1234-abcd-ef00-0123456789ac'), version: 1, operations };
}

/** The results that consist of null pointers and zeros before a status. */
const failed = (status: number, words = 1): Uint8Array => {
  const out = new NdrWriter();
  for (let i = 0; i < words; i++) out.u32(0);
  return out.u32(status).finish();
};

/** SamrLookupDomainInSamServer, 3.1.5.11.1. */
function lookUpDomain(input: NdrReader, { accounts }: PipeHost): Uint8Array {
  const name = input.unicodeBody(input.unicodeHead('Name'), 'Name').toLowerCase();
  const domain = [accounts.domain, builtinDomain].find((one) => one.name.toLowerCase() === name);
  return domain === undefined ? failed(NtStatus.NoSuchDomain) : new NdrWriter().sid(domain.sid).settle().u32(NtStatus.Success).finish();
}

/** Entries of an enumeration: the context of the next call, and SAMPR_ENUMERATION_BUFFER (2.2.7.9). */
function entries(context: number, list: readonly Pick<Member, 'relativeId' | 'name'>[], more: boolean): Uint8Array {
  const out = new NdrWriter().u32(context);
  out.pointer(list, () => {
    out.u32(list.length).pointer(list.length > 0 ? list : undefined, () => {
      out.u32(list.length);
      for (const { relativeId, name } of list) out.u32(relativeId).unicode(name);
    });
  });
  return out
    .settle()
    .u32(list.length)
    .u32(more ? NtStatus.MoreEntries : NtStatus.Success)
    .finish();
}

/** SamrEnumerateDomainsInSamServer, 3.1.5.2.1. */
function enumerateDomains(input: NdrReader, { accounts }: PipeHost): Uint8Array {
  const from = input.u32('EnumerationContext');
  input.u32('PreferedMaximumLength');
  const all = [accounts.domain, builtinDomain].map(({ name }, i) => ({ relativeId: 0, name, place: i }));
  return entries(all.length, all.slice(Math.min(from, all.length)), false);
}

/**
 * SamrEnumerateGroupsInDomain, SamrEnumerateUsersInDomain and SamrEnumerateAliasesInDomain, 3.1.5.2.2, .4 and .5. The context is the last
 * relative id of the part before, so that accounts that are added or removed meanwhile move no other.
 */
const enumerate =
  (use: number) =>
  (input: NdrReader, { accounts }: PipeHost, { domain }: DomainObject): Uint8Array => {
    const after = input.u32('EnumerationContext');
    const control = use === SidNameUse.User ? input.u32('UserAccountControl') : 0;
    const room = input.u32('PreferedMaximumLength');
    const rest = membersOf(accounts, domain).filter(
      (member) => member.use === use && member.relativeId > after && (control === 0 || (accountControl(member) & control) !== 0),
    );
    const part = fitting(rest, room, ({ name }) => entrySize + 2 * name.length);
    return entries(part.at(-1)?.relativeId ?? after, part, part.length < rest.length);
  };
/** Bytes of an enumerated entry without its name. */
const entrySize = 28;

/** The first entries whose size is not above a maximum, and at least one. */
function fitting<T>(list: readonly T[], room: number, sizeOf: (one: T) => number): T[] {
  let [count, size] = [0, 0];
  for (const one of list.slice(0, maxEntries)) {
    size += sizeOf(one);
    if (count > 0 && size > room) break;
    count++;
  }
  return list.slice(0, count);
}

/** SamrQueryInformationDomain and SamrQueryInformationDomain2, 3.1.5.5.1 and .2; and those of groups, aliases and users, 3.1.5.5.3 to .6. */
const query =
  <T>(classes: Readonly<Record<number, { readonly align: number; write(out: NdrWriter, object: T, host: PipeHost): void }>>) =>
  (input: NdrReader, host: PipeHost, object: T): Uint8Array => {
    const asked = input.u16('InformationClass');
    const found = Object.hasOwn(classes, asked) ? classes[asked] : undefined;
    if (found === undefined) return failed(NtStatus.InvalidInfoClass);
    const out = new NdrWriter();
    out.pointer(found, ({ align, write }) => {
      out.u16(asked).align(align);
      write(out, object, host);
    });
    return out.settle().u32(NtStatus.Success).finish();
  };
const queryDomain = query(domainInformation);

/** A SAMPR_ULONG_ARRAY, 2.2.7.4. */
const numbers = (out: NdrWriter, list: readonly number[]): NdrWriter =>
  out
    .u32(list.length)
    .pointer(list.length > 0 ? list : undefined, () => {
      out.u32(list.length);
      for (const one of list) out.u32(one);
    })
    .settle();

/** @returns the status for the number of mapped names, 3.1.5.11.2 */
const mappedStatus = (mapped: number, all: number): number =>
  mapped === all ? NtStatus.Success : mapped === 0 ? NtStatus.NoneMapped : NtStatus.SomeNotMapped;

/** The length of an array with `size_is(1000), length_is(Count)`. */
function readCount(input: NdrReader, what: string): number {
  const count = input.u32('Count');
  const [maximum, offset, actual] = [input.u32(what), input.u32(what), input.u32(what)];
  if (count > maxLookups || maximum < actual || offset !== 0 || actual !== count)
    throw new DecodeError('SAMR', what, 0, `${actual} of ${count} elements at ${offset}`);
  return count;
}

/** SamrLookupNamesInDomain, 3.1.5.11.2. */
function lookUpNames(input: NdrReader, { accounts }: PipeHost, { domain }: DomainObject): Uint8Array {
  const count = readCount(input, 'Names');
  const heads = [];
  for (let i = 0; i < count; i++) heads.push(input.unicodeHead('Name'));
  const found = heads.map((head) => {
    const name = input.unicodeBody(head, 'Name');
    return name === '' ? undefined : accountOfName(accounts, `${domain.name}\\${name}`);
  });
  const mapped = found.filter((account) => account !== undefined).length;
  const none = mapped === 0 && count > 0;
  const out = numbers(new NdrWriter(), none ? [] : found.map((account) => account?.relativeId ?? 0));
  numbers(out, none ? [] : found.map((account) => account?.use ?? SidNameUse.Unknown));
  return out.u32(mappedStatus(mapped, count)).finish();
}

/** SamrLookupIdsInDomain, 3.1.5.11.3. */
function lookUpIds(input: NdrReader, { accounts }: PipeHost, { domain }: DomainObject): Uint8Array {
  const count = readCount(input, 'RelativeIds');
  const members = new Map(membersOf(accounts, domain).map((member) => [member.relativeId, member]));
  const found: (Member | undefined)[] = [];
  for (let i = 0; i < count; i++) found.push(members.get(input.u32('RelativeId')));
  const mapped = found.filter((member) => member !== undefined).length;
  const out = new NdrWriter();
  out
    .u32(found.length)
    .pointer(found.length > 0 ? found : undefined, () => {
      out.u32(found.length);
      for (const member of found) out.unicode(member?.name ?? '');
    })
    .settle();
  numbers(
    out,
    found.map((member) => member?.use ?? SidNameUse.Unknown),
  );
  return out.u32(mappedStatus(mapped, count)).finish();
}

/** SamrGetUserDomainPasswordInformation and SamrGetDomainPasswordInformation, 3.1.5.13.4 and .3: every password is accepted. */
function passwordInformation(): Uint8Array {
  return new NdrWriter().u16(0).u32(0).u32(NtStatus.Success).finish();
}

/** SamrGetAliasMembership, 3.1.5.9.2. */
function aliasMembership(input: NdrReader, host: PipeHost, { domain }: DomainObject): Uint8Array {
  const count = input.u32('Count');
  const there = input.u32('Sids') !== 0;
  if (count > maxLookups || (there && input.u32('Sids') !== count)) throw new DecodeError('SAMPR_PSID_ARRAY', 'Count', 0, `${count} SIDs`);
  const pointers: boolean[] = [];
  for (let i = 0; there && i < count; i++) pointers.push(input.u32('Sid') !== 0);
  const found = new Set<number>();
  for (const pointer of pointers) for (const alias of pointer ? aliasesOf(input.sid('Sid'), host) : []) found.add(alias);
  return numbers(new NdrWriter(), domain === builtinDomain ? [...found] : [])
    .u32(NtStatus.Success)
    .finish();
}

/** SamrGetMembersInGroup, 3.1.5.8.3: the one group has all users. */
function membersOfGroup(_input: NdrReader, { accounts }: PipeHost, { domain }: MemberObject): Uint8Array {
  const users = membersOf(accounts, domain).filter(({ use }) => use === SidNameUse.User);
  const out = new NdrWriter();
  out.pointer(users, () => {
    out.u32(users.length);
    for (const read of [({ relativeId }: Member) => relativeId, () => groupAttributes])
      out.pointer(users, () => {
        out.u32(users.length);
        for (const user of users) out.u32(read(user));
      });
  });
  return out.settle().u32(NtStatus.Success).finish();
}

/** SamrGetMembersInAlias, 3.1.5.8.6: a SAMPR_PSID_ARRAY_OUT. */
function membersInAlias(_input: NdrReader, host: PipeHost, { member }: MemberObject): Uint8Array {
  const sids = membersOfAlias(member, host);
  const out = new NdrWriter();
  out.u32(sids.length).pointer(sids.length > 0 ? sids : undefined, () => {
    out.u32(sids.length);
    for (const sid of sids) out.sid(sid);
  });
  return out.settle().u32(NtStatus.Success).finish();
}

/** SamrGetGroupsForUser, 3.1.5.9.1. */
function groupsOfUser(): Uint8Array {
  const out = new NdrWriter();
  out.pointer(usersRid, (group) => {
    out.u32(1).pointer(group, () => void out.u32(1).u32(group).u32(groupAttributes));
  });
  return out.settle().u32(NtStatus.Success).finish();
}

/** DOMAIN_DISPLAY_INFORMATION, 2.2.8.12: the accounts of a class. There are no machine accounts. */
const displayed: Readonly<Record<number, number | undefined>> = { 1: SidNameUse.User, 2: undefined, 3: SidNameUse.Group };

/** SamrQueryDisplayInformation and its later forms, 3.1.5.3.1 to .3. Accounts are counted by Index. */
function display(input: NdrReader, { accounts }: PipeHost, { domain }: DomainObject): Uint8Array {
  const asked = input.u16('DisplayInformationClass');
  const from = input.u32('Index');
  const wanted = input.u32('EntryCount');
  const room = input.u32('PreferredMaximumLength');
  const out = new NdrWriter();
  const answer = (list: readonly Member[], total: number, status: number): Uint8Array => {
    out.u32(total).u32(list.length).u16(asked).align(4).u32(list.length);
    out.pointer(list.length > 0 ? list : undefined, () => {
      out.u32(list.length);
      for (const [i, member] of list.entries()) {
        out.u32(from + i + 1).u32(member.relativeId);
        out.u32(asked === 3 ? groupAttributes : accountControl(member)).unicode(member.name);
        out.unicode('');
        if (asked !== 3) out.unicode('');
      }
    });
    return out.settle().u32(status).finish();
  };
  if (!Object.hasOwn(displayed, asked)) return answer([], 0, NtStatus.InvalidInfoClass);
  const all = membersOf(accounts, domain).filter(({ use }) => use === displayed[asked]);
  const rest = all.slice(Math.min(from, all.length));
  const part = fitting(rest.slice(0, wanted), room, ({ name }) => 2 * entrySize + 2 * name.length);
  return answer(part, all.length, part.length < rest.length ? NtStatus.MoreEntries : NtStatus.Success);
}
