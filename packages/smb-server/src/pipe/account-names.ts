import type { Sid } from '@ring3/smb-proto';

/** SID_NAME_USE, MS-LSAT 2.2.13. */
export const SidNameUse = { User: 1, Group: 2, Domain: 3, Alias: 4, WellKnownGroup: 5, Unknown: 8 } as const;

/** A domain that contains a name: of Windows itself, or the server's accounts. */
export interface Domain {
  readonly name: string;
  readonly sid: Sid;
}

/** What a SID and a name have in common. `relativeId` is the last number of the SID; undefined for a domain. */
export interface Account {
  readonly use: number;
  readonly name: string;
  readonly domain: Domain;
  readonly relativeId: number | undefined;
}

/** The accounts of a server, as far as they can be looked up. */
export interface Accounts {
  /** The account domain: the server's name, and what the SIDs of its users start with. */
  readonly domain: Domain;
  /** @returns the name of the user with this SID */
  nameOf(sid: Sid): string | undefined;
  /** @returns the name as it was configured, and the SID, of a user by its name in any case */
  find(name: string): { readonly name: string; readonly sid: Sid } | undefined;
  /** All users. */
  all(): Iterable<{ readonly name: string; readonly sid: Sid }>;
}

const domainOf = (name: string, sid: Sid): Domain => ({ name, sid });
const ntAuthority = domainOf('NT AUTHORITY', 'S-1-5');
const builtin = domainOf('BUILTIN', 'S-1-5-32');

type Row = readonly [domain: Domain, relativeId: number, name: string];
/** The well-known principals of MS-DTYP 2.4.2.4 that have no domain, or NT AUTHORITY: the predefined translations of MS-LSAT 3.1.1.1.1. */
const wellKnown: readonly Row[] = [
  [domainOf('', 'S-1-0'), 0, 'NULL SID'],
  [domainOf('', 'S-1-1'), 0, 'Everyone'],
  [domainOf('', 'S-1-2'), 0, 'LOCAL'],
  [domainOf('', 'S-1-3'), 0, 'CREATOR OWNER'],
  [domainOf('', 'S-1-3'), 1, 'CREATOR GROUP'],
  [domainOf('', 'S-1-3'), 4, 'OWNER RIGHTS'],
  [ntAuthority, 1, 'DIALUP'],
  [ntAuthority, 2, 'NETWORK'],
  [ntAuthority, 3, 'BATCH'],
  [ntAuthority, 4, 'INTERACTIVE'],
  [ntAuthority, 6, 'SERVICE'],
  [ntAuthority, 7, 'ANONYMOUS LOGON'],
  [ntAuthority, 8, 'PROXY'],
  [ntAuthority, 9, 'ENTERPRISE DOMAIN CONTROLLERS'],
  [ntAuthority, 10, 'SELF'],
  [ntAuthority, 11, 'Authenticated Users'],
  [ntAuthority, 12, 'RESTRICTED'],
  [ntAuthority, 13, 'TERMINAL SERVER USER'],
  [ntAuthority, 14, 'REMOTE INTERACTIVE LOGON'],
  [ntAuthority, 15, 'This Organization'],
  [ntAuthority, 17, 'IUSR'],
  [ntAuthority, 18, 'SYSTEM'],
  [ntAuthority, 19, 'LOCAL SERVICE'],
  [ntAuthority, 20, 'NETWORK SERVICE'],
  [domainOf('NT AUTHORITY', 'S-1-5-64'), 10, 'NTLM Authentication'],
];
/** The aliases of the builtin domain, MS-DTYP 2.4.2.4. */
const aliases: readonly Row[] = [
  [builtin, 544, 'Administrators'],
  [builtin, 545, 'Users'],
  [builtin, 546, 'Guests'],
  [builtin, 547, 'Power Users'],
  [builtin, 548, 'Account Operators'],
  [builtin, 549, 'Server Operators'],
  [builtin, 550, 'Print Operators'],
  [builtin, 551, 'Backup Operators'],
  [builtin, 552, 'Replicator'],
];

const accountOf = ([domain, relativeId, name]: Row, use: number): Account => ({ use, name, domain, relativeId });
const domainAccount = (domain: Domain): Account => ({ use: SidNameUse.Domain, name: domain.name, domain, relativeId: undefined });
const fixed: readonly Account[] = [
  ...wellKnown.map((row) => accountOf(row, SidNameUse.WellKnownGroup)),
  ...aliases.map((row) => accountOf(row, SidNameUse.Alias)),
  domainAccount(ntAuthority),
  domainAccount(builtin),
];

/** The SID of an account. */
export const sidOf = ({ domain, relativeId }: Account): Sid => (relativeId === undefined ? domain.sid : `${domain.sid}-${relativeId}`);

const fold = (name: string): string => name.toLowerCase();
const bySid = new Map(fixed.map((account) => [sidOf(account), account]));
const byName = new Map(fixed.toReversed().map((account) => [fold(account.name), account]));
const byDomainAndName = new Map(fixed.map((account) => [fold(`${account.domain.name}\\${account.name}`), account]));

/** The members of every account domain in addition to its users: the guest account, and the group of all users. */
const ofDomain: readonly (readonly [relativeId: number, name: string, use: number])[] = [
  [501, 'Guest', SidNameUse.User],
  [513, 'None', SidNameUse.Group],
];

/** An account of a domain, by its relative id. */
export interface Member {
  readonly relativeId: number;
  readonly name: string;
  readonly use: number;
}

/** The builtin domain, MS-DTYP 2.4.2.4. */
export const builtinDomain: Domain = builtin;

/** The accounts of the account domain or of the builtin domain, in the order of their relative ids: users, groups and aliases. */
export function membersOf(accounts: Accounts, domain: Domain): Member[] {
  if (domain === builtin) return aliases.map(([, relativeId, name]) => ({ relativeId, name, use: SidNameUse.Alias }));
  const members: Member[] = ofDomain.map(([relativeId, name, use]) => ({ relativeId, name, use }));
  for (const { name, sid } of accounts.all()) members.push({ relativeId: lastOf(sid), name, use: SidNameUse.User });
  return members.sort((a, b) => a.relativeId - b.relativeId);
}

/** The last number of a SID. */
const lastOf = (sid: Sid): number => Number(sid.slice(sid.lastIndexOf('-') + 1));

/**
 * @returns the account of a SID; `Unknown` with its domain if it is of the account domain or a domain of Windows; undefined if the SID is
 * unknown
 */
export function accountOfSid(accounts: Accounts, sid: Sid): Account | undefined {
  const { domain } = accounts;
  if (sid === domain.sid) return domainAccount(domain);
  const user = accounts.nameOf(sid);
  if (user !== undefined) return { use: SidNameUse.User, name: user, domain, relativeId: lastOf(sid) };
  const known = bySid.get(sid);
  if (known !== undefined) return known;
  const of = [domain, builtin].find((one) => sid.startsWith(`${one.sid}-`) && !sid.slice(one.sid.length + 1).includes('-'));
  if (of === undefined) return undefined;
  const relativeId = lastOf(sid);
  const row = of === domain ? ofDomain.find(([id]) => id === relativeId) : undefined;
  if (row !== undefined) return { use: row[2], name: row[1], domain, relativeId };
  return { use: SidNameUse.Unknown, name: relativeId.toString(16).toUpperCase().padStart(8, '0'), domain: of, relativeId };
}

/**
 * Finds the account of a name, MS-LSAT 3.1.4.5: `name`, `DOMAIN ame`, or `DOMAIN\` for the domain itself. Without a domain, the well-known
 * names come first. An empty name is the builtin domain, as clients expect.
 * @returns undefined if it does not exist
 */
export function accountOfName(accounts: Accounts, name: string): Account | undefined {
  const { domain } = accounts;
  if (name === '') return domainAccount(builtin);
  const at = name.indexOf('\\');
  const [asked, rest] = at < 0 ? [undefined, name] : [name.slice(0, at), name.slice(at + 1)];
  if (rest === '' || asked === undefined) {
    const whole = fold(rest === '' ? (asked ?? '') : name);
    if (whole === fold(domain.name)) return domainAccount(domain);
    const known = byName.get(whole);
    if (known !== undefined && (rest !== '' || known.use === SidNameUse.Domain)) return known;
    if (rest === '') return undefined;
  }
  if (asked !== undefined && fold(asked) !== fold(domain.name)) return byDomainAndName.get(fold(name));
  const user = accounts.find(rest);
  if (user !== undefined) return { use: SidNameUse.User, name: user.name, domain, relativeId: lastOf(user.sid) };
  const row = ofDomain.find(([, one]) => fold(one) === fold(rest));
  return row === undefined ? undefined : { use: row[2], name: row[1], domain, relativeId: row[0] };
}
