import { type Member, membersOf, SidNameUse } from './account-names.ts';
import type { PipeHost } from './host.ts';
import type { NdrWriter } from './ndr.ts';

/** A domain of the server, as an object of a handle. */
export interface DomainObject {
  readonly kind: 'domain';
  /** Of the account domain or of the builtin domain. */
  readonly domain: PipeHost['accounts']['domain'];
}

/** A member of a domain, as an object of a handle. */
export interface MemberObject {
  readonly kind: 'user' | 'group' | 'alias';
  readonly member: Member;
  readonly domain: DomainObject['domain'];
}

/** USER_ACCOUNT codes, MS-SAMR 2.2.1.12: disabled, normal account, password never expires. */
export const UserAccount = { Disabled: 0x1, Normal: 0x10, DontExpirePassword: 0x200 } as const;
/** GROUP_ATTRIBUTES, MS-SAMR 2.2.1.10: mandatory, enabled by default, enabled. */
export const groupAttributes = 0x7;
/** The group of all users, MS-SAMR 2.2.1.14, DOMAIN_GROUP_RID_USERS; and the guest account. */
export const usersRid = 513;
const guestRid = 501;

/** OLD_LARGE_INTEGER and LARGE_INTEGER as two halves: never, and no time at all. */
const never = [0xffffffff, 0x7fffffff] as const;
const zero = [0, 0] as const;
/** The longest delta time: passwords never expire, clients are never logged off. */
const neverDelta = [0, 0x80000000] as const;

const time = (out: NdrWriter, [low, high]: readonly [number, number]): NdrWriter => out.u32(low).u32(high);

/** Account control of a user: the guest account cannot log on with a password. */
export const accountControl = ({ relativeId }: Member): number =>
  UserAccount.Normal | UserAccount.DontExpirePassword | (relativeId === guestRid ? UserAccount.Disabled : 0);

type WriteInformation<T> = (out: NdrWriter, object: T, host: PipeHost) => void;
/** An information class: the alignment of its structure, and what writes it. */
interface Class<T> {
  readonly align: 4 | 8;
  readonly write: WriteInformation<T>;
}

const count = (host: PipeHost, { domain }: DomainObject, use: number): number =>
  membersOf(host.accounts, domain).filter((member) => member.use === use).length;

/** DOMAIN_INFORMATION_CLASS, MS-SAMR 2.2.3.16: the supported ones. */
export const domainInformation: Readonly<Record<number, Class<DomainObject>>> = {
  // DOMAIN_PASSWORD_INFORMATION, 2.2.3.5: any password, for ever
  1: { align: 4, write: (out) => void time(time(out.u16(0).u16(0).u32(0), neverDelta), zero) },
  // SAMPR_DOMAIN_GENERAL_INFORMATION, 2.2.3.10
  2: {
    align: 4,
    write(out, object, host) {
      time(out, neverDelta).unicode('').unicode(object.domain.name).unicode('');
      time(out, zero).u32(serverEnabled).u32(rolePrimary).bytes(Uint8Array.of(1), 1);
      for (const use of [SidNameUse.User, SidNameUse.Group, SidNameUse.Alias]) out.u32(count(host, object, use));
    },
  },
  // DOMAIN_LOGOFF_INFORMATION, 2.2.3.6
  3: { align: 4, write: (out) => void time(out, neverDelta) },
  // SAMPR_DOMAIN_OEM_INFORMATION and SAMPR_DOMAIN_NAME_INFORMATION, 2.2.3.11 and .12
  4: { align: 4, write: (out) => void out.unicode('') },
  5: { align: 4, write: (out, { domain }) => void out.unicode(domain.name) },
  6: { align: 4, write: (out) => void out.unicode('') },
  // DOMAIN_SERVER_ROLE_INFORMATION, 2.2.3.7
  7: { align: 4, write: (out) => void out.u32(rolePrimary) },
  // DOMAIN_MODIFIED_INFORMATION, 2.2.3.8
  8: { align: 4, write: (out) => void time(time(out, zero), zero) },
  // SAMPR_DOMAIN_LOCKOUT_INFORMATION, 2.2.3.15: none
  12: { align: 8, write: (out) => void time(time(out, zero), zero).u16(0) },
};
/** DomainServerEnabled and DomainServerRolePrimary, MS-SAMR 2.2.3.2 and 2.2.3.3. */
const serverEnabled = 1;
const rolePrimary = 3;

/** Writes the names of an account: its full name and comments are empty. */
const general = (out: NdrWriter, name: string): NdrWriter => out.unicode(name).unicode('');

/** The fields that SAMPR_USER_ALL_INFORMATION always has, and no others: names, ids, control. MS-SAMR 2.2.1.8. */
const whichFields = 0x001000ff;
const unitsPerWeek = 168;

/** USER_INFORMATION_CLASS, MS-SAMR 2.2.6.28: the supported ones. */
export const userInformation: Readonly<Record<number, Class<MemberObject>>> = {
  // SAMPR_USER_GENERAL_INFORMATION, 2.2.6.7
  1: { align: 4, write: (out, { member }) => void general(out, member.name).u32(usersRid).unicode('').unicode('') },
  // SAMPR_USER_NAME_INFORMATION, 2.2.6.13, and its halves
  6: { align: 4, write: (out, { member }) => void general(out, member.name) },
  7: { align: 4, write: (out, { member }) => void out.unicode(member.name) },
  8: { align: 4, write: (out) => void out.unicode('') },
  // USER_PRIMARY_GROUP_INFORMATION, 2.2.6.2
  9: { align: 4, write: (out) => void out.u32(usersRid) },
  // SAMPR_USER_ADMIN_COMMENT_INFORMATION, 2.2.6.17
  13: { align: 4, write: (out) => void out.unicode('') },
  // USER_CONTROL_INFORMATION, 2.2.6.3
  16: { align: 4, write: (out, { member }) => void out.u32(accountControl(member)) },
  // SAMPR_USER_ALL_INFORMATION, 2.2.6.6
  21: {
    align: 4,
    write(out, { member }) {
      // last logon, last logoff, password set, account expires, password can and must change
      for (const at of [zero, zero, zero, never, zero, never]) time(out, at);
      out.unicode(member.name);
      for (let i = 0; i < 9; i++) out.unicode(''); // full name, home, drive, script, profile, comment, workstations, comment, parameters
      for (let i = 0; i < 2; i++) out.align(4).u16(0).u16(0).u32(0); // no password hashes
      out.unicode('').u32(0).u32(0); // no private data, no security descriptor
      out.u32(member.relativeId).u32(usersRid).u32(accountControl(member)).u32(whichFields);
      out.u16(unitsPerWeek).align(4);
      out.pointer(unitsPerWeek, () => {
        const bytes = unitsPerWeek / 8;
        out.u32(1260).u32(0).u32(bytes).bytes(new Uint8Array(bytes).fill(0xff), 1); // at any hour
      });
      out.u16(0).u16(0).u16(0).u16(0); // bad passwords, logons, country, code page
      out.bytes(new Uint8Array(4), 1); // no passwords are sent, none is expired
    },
  },
};

/** GROUP_INFORMATION_CLASS, MS-SAMR 2.2.4.6. Every user is a member of the one group. */
export const groupInformation: Readonly<Record<number, Class<MemberObject>>> = {
  // SAMPR_GROUP_GENERAL_INFORMATION, 2.2.4.3
  1: {
    align: 4,
    write: (out, object, host) =>
      void out
        .unicode(object.member.name)
        .u32(groupAttributes)
        .u32(count(host, { kind: 'domain', domain: object.domain }, SidNameUse.User))
        .unicode(''),
  },
  2: { align: 4, write: (out, { member }) => void out.unicode(member.name) },
  3: { align: 4, write: (out) => void out.u32(groupAttributes) },
  4: { align: 4, write: (out) => void out.unicode('') },
};

/** ALIAS_INFORMATION_CLASS, MS-SAMR 2.2.5.4. */
export const aliasInformation: Readonly<Record<number, Class<MemberObject>>> = {
  // SAMPR_ALIAS_GENERAL_INFORMATION, 2.2.5.2
  1: {
    align: 4,
    write: (out, { member }, host) => void out.unicode(member.name).u32(membersOfAlias(member, host).length).unicode(''),
  },
  2: { align: 4, write: (out, { member }) => void out.unicode(member.name) },
  3: { align: 4, write: (out) => void out.unicode('') },
};

const usersAlias = 545;
const guestsAlias = 546;

/** The SIDs of the members of an alias: all users are Users, the guest account is a guest. Administrators are named for each share. */
export function membersOfAlias({ relativeId }: Member, { accounts }: PipeHost): string[] {
  const { sid } = accounts.domain;
  return relativeId === usersAlias ? [`${sid}-${usersRid}`] : relativeId === guestsAlias ? [`${sid}-${guestRid}`] : [];
}

/** The aliases that a SID of the account domain is a member of. */
export function aliasesOf(sid: string, { accounts }: PipeHost): number[] {
  const prefix = `${accounts.domain.sid}-`;
  if (!sid.startsWith(prefix)) return [];
  const relativeId = Number(sid.slice(prefix.length));
  if (relativeId === guestRid) return [guestsAlias];
  return relativeId === usersRid || accounts.nameOf(sid) !== undefined ? [usersAlias] : [];
}
