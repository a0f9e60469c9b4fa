import { NtStatus, type Sid } from '@ring3/smb-proto';
import { DecodeError } from '@ring3/wire';
import { type Account, accountOfName, accountOfSid, type Domain, SidNameUse, sidOf } from './account-names.ts';
import { ContextHandles } from './context-handles.ts';
import { type RpcInterface, uuid } from './endpoint.ts';
import type { PipeHost } from './host.ts';
import { type NdrReader, NdrWriter } from './ndr.ts';
import { RpcStatus } from './rpc-messages.ts';

type Operation = RpcInterface['operations'][number];

/** Maximum number of policy handles that one association has open. */
const maxHandles = 64;
/** Limits of the protocol: MS-LSAT 2.2.19, 3.1.4.8. */
const maxSids = 20_480;
const maxNames = 1000;
/** ReferencedDomains.MaxEntries, MS-LSAT 2.2.12: ignored by clients. */
const maxDomains = 32;

/** Rights to the policy object that every user has, MS-LSAD 2.2.1.1: to view local information, to look names up, to read its descriptor. */
const granted = 0x00020801;
const MaximumAllowed = 0x02000000;
const GenericExecute = 0x20000000;

/** POLICY_INFORMATION_CLASS, MS-LSAD 2.2.4.1: the supported ones. */
const PolicyInformation = {
  PrimaryDomain: 3,
  AccountDomain: 5,
  LsaServerRole: 6,
  DnsDomain: 12,
  DnsDomainInt: 13,
  LocalAccountDomain: 14,
} as const;
/** The largest class of MS-LSAD 2.2.4.1. */
const lastClass = 14;
/** PolicyServerRolePrimary, MS-LSAD 2.2.4.11. */
const rolePrimary = 3;

/** LSAP_LOOKUP_LEVEL, MS-LSAT 2.2.16. A server without a domain looks at the same databases for each. */
const isLevel = (level: number): boolean => level >= 1 && level <= 7;

/** How the translated names and SIDs of an operation are encoded. */
interface Form {
  /** The operation has LookupOptions and ClientRevision, and its results Flags: the _EX structures. */
  readonly extended: boolean;
  /** Results have a SID and not a relative id: LSAPR_TRANSLATED_SIDS_EX2. */
  readonly sids?: boolean;
}

/**
 * The Local Security Authority (Translation Methods) and (Domain Policy), MS-LSAT and MS-LSAD, as far as clients need it to show and set
 * security descriptors by name: the accounts of this server and the well-known ones. It changes nothing.
 * @returns the interface for one association: a policy handle is valid only in the association that opened it
 */
export function createLsarpc(): RpcInterface {
  const handles = new ContextHandles<'policy'>(maxHandles);

  /** An operation whose first argument is a policy handle. */
  const withHandle =
    (run: (input: NdrReader, host: PipeHost) => Uint8Array): Operation =>
    (input, host) =>
      handles.read(input) === undefined ? RpcStatus.ContextMismatch : run(input, host);

  /** MS-LSAD 3.1.4.4.1 and .2. Only users look accounts up: neither guests nor anonymous clients learn who has an account. */
  const open =
    (readSystemName: (input: NdrReader) => void): Operation =>
    (input, { accounts }) => {
      readSystemName(input);
      const desired = readObjectAttributes(input);
      const out = new NdrWriter();
      const given = desired & ~(MaximumAllowed | GenericExecute);
      if (!accounts.mayLookUp || (given & ~granted) !== 0) return handles.writeNone(out).u32(NtStatus.AccessDenied).finish();
      if (handles.full) return handles.writeNone(out).u32(NtStatus.InsufficientResources).finish();
      return handles.open(out, 'policy').u32(NtStatus.Success).finish();
    };

  const close: Operation = (input) => {
    const handle = handles.read(input);
    if (handle === undefined) return RpcStatus.ContextMismatch;
    handle.close();
    return handles.writeNone(new NdrWriter()).u32(NtStatus.Success).finish();
  };

  const operations: Readonly<Record<number, Operation>> = {
    0: close,
    6: open((input) => void (input.u32('SystemName') !== 0 && input.u16('SystemName'))),
    7: withHandle(queryPolicy),
    14: withHandle(lookUpNames({ extended: false })),
    15: withHandle(lookUpSids({ extended: false })),
    44: open((input) => void input.optionalString('SystemName')),
    45: getUserName,
    46: withHandle(queryPolicy),
    57: withHandle(lookUpSids({ extended: true })),
    58: withHandle(lookUpNames({ extended: true })),
    68: withHandle(lookUpNames({ extended: true, sids: true })),
    76: ofDomainControllers,
    77: ofDomainControllers,
  };
  return { uuid: uuid('12345778-1234-abcd-ef00-0123456789ab'), version: 0, operations };
}

/** LSAPR_OBJECT_ATTRIBUTES and DesiredAccess, MS-LSAD 2.2.9. @returns the desired access */
function readObjectAttributes(input: NdrReader): number {
  input.u32('Length');
  const [root, name] = [input.u32('RootDirectory'), input.u32('ObjectName')];
  input.u32('Attributes');
  const [descriptor, quality] = [input.u32('SecurityDescriptor'), input.u32('SecurityQualityOfService')];
  // all ignored on receipt; fields that no client sends are not decoded
  if (root !== 0 || name !== 0 || descriptor !== 0) throw new DecodeError('LSAPR_OBJECT_ATTRIBUTES', 'RootDirectory', 0, 'not null');
  if (quality !== 0) {
    input.u32('Length');
    input.u16('ImpersonationLevel');
    input.u8('ContextTrackingMode');
    input.u8('EffectiveOnly');
  }
  return input.u32('DesiredAccess');
}

/** LsarQueryInformationPolicy and LsarQueryInformationPolicy2, MS-LSAD 3.1.4.4.3 and .4. */
function queryPolicy(input: NdrReader, host: PipeHost): Uint8Array {
  const asked = input.u16('InformationClass');
  const { accounts, workgroup } = host;
  const out = new NdrWriter();
  const answer = (write: () => void): Uint8Array =>
    out
      .pointer(asked, () => {
        out.u16(asked).align(4);
        write();
      })
      .settle()
      .u32(NtStatus.Success)
      .finish();
  switch (asked) {
    case PolicyInformation.PrimaryDomain:
      return answer(() => out.unicode(workgroup).sid(undefined));
    case PolicyInformation.AccountDomain:
    case PolicyInformation.LocalAccountDomain:
      return answer(() => out.unicode(accounts.domain.name).sid(accounts.domain.sid));
    case PolicyInformation.LsaServerRole:
      return answer(() => out.u16(rolePrimary));
    case PolicyInformation.DnsDomain:
    case PolicyInformation.DnsDomainInt:
      return answer(() => out.unicode(workgroup).unicode('').unicode('').bytes(new Uint8Array(16), 4).sid(undefined));
    default: {
      const status = asked >= 1 && asked <= lastClass ? NtStatus.AccessDenied : NtStatus.InvalidParameter;
      return out.u32(0).u32(status).finish();
    }
  }
}

/** The domains that results refer to by their index. */
class ReferencedDomains {
  readonly list: Domain[] = [];

  placeOf(domain: Domain): number {
    const at = this.list.findIndex(({ sid }) => sid === domain.sid);
    return at < 0 ? this.list.push(domain) - 1 : at;
  }

  write(out: NdrWriter): void {
    out.pointer(this.list, (list) => {
      out
        .u32(list.length)
        .pointer(list.length > 0 ? list : undefined, () => {
          out.u32(list.length);
          for (const { name, sid } of list) out.unicode(name).sid(sid);
        })
        .u32(maxDomains);
    });
  }
}

/** @returns the status for the number of mapped names, MS-LSAT 3.1.4.5 */
const mappedStatus = (mapped: number, all: number): number =>
  mapped === all ? NtStatus.Success : mapped === 0 ? NtStatus.NoneMapped : NtStatus.SomeNotMapped;

/** The results of a lookup that failed as a whole. */
const failed = (status: number): Uint8Array => new NdrWriter().u32(0).u32(0).u32(0).u32(0).u32(status).finish();

/** LsarLookupSids and LsarLookupSids2, MS-LSAT 3.1.4.11 and .10. A SID that is not mapped has itself as its name. */
const lookUpSids =
  ({ extended }: Form) =>
  (input: NdrReader, { accounts }: PipeHost): Uint8Array => {
    const sids = readSids(input);
    skipTranslated(input, extended ? { u32s: 2, named: true } : { u32s: 1, named: true });
    if (!isLevel(input.u16('LookupLevel'))) return failed(NtStatus.InvalidParameter);
    if (sids.some((sid) => sid === undefined)) return failed(NtStatus.InvalidParameter);
    const domains = new ReferencedDomains();
    let mapped = 0;
    const names = (sids as Sid[]).map((sid) => {
      const account = accountOfSid(accounts, sid);
      if (account !== undefined && account.use !== SidNameUse.Unknown) mapped++;
      return {
        use: account?.use ?? SidNameUse.Unknown,
        name: account?.name ?? sid,
        domain: account === undefined ? -1 : domains.placeOf(account.domain),
      };
    });
    const out = new NdrWriter();
    domains.write(out);
    out.settle();
    out.u32(names.length).pointer(names.length > 0 ? names : undefined, () => {
      out.u32(names.length);
      for (const { use, name, domain } of names) {
        out.u16(use).align(4).unicode(name).u32(domain);
        if (extended) out.u32(0);
      }
    });
    return out.settle().u32(mapped).u32(mappedStatus(mapped, names.length)).finish();
  };

/** LsarLookupNames, LsarLookupNames2 and LsarLookupNames3, MS-LSAT 3.1.4.8, .7 and .6. */
const lookUpNames =
  ({ extended, sids = false }: Form) =>
  (input: NdrReader, { accounts }: PipeHost): Uint8Array => {
    const names = readNames(input);
    skipTranslated(input, { u32s: extended && !sids ? 3 : 2, named: false, sids });
    if (!isLevel(input.u16('LookupLevel'))) return failed(NtStatus.InvalidParameter);
    const domains = new ReferencedDomains();
    let mapped = 0;
    const results = names.map((name): { readonly account: Account | undefined; readonly domain: number } => {
      const account = accountOfName(accounts, name);
      if (account !== undefined) mapped++;
      return { account, domain: account === undefined ? -1 : domains.placeOf(account.domain) };
    });
    const out = new NdrWriter();
    domains.write(out);
    out.settle();
    out.u32(results.length).pointer(results.length > 0 ? results : undefined, () => {
      out.u32(results.length);
      for (const { account, domain } of results) {
        out.u16(account?.use ?? SidNameUse.Unknown).align(4);
        if (sids) out.sid(account === undefined ? undefined : sidOf(account));
        else out.u32(account === undefined ? 0 : (account.relativeId ?? 0xffffffff));
        out.u32(domain);
        if (extended) out.u32(0);
      }
    });
    return out.settle().u32(mapped).u32(mappedStatus(mapped, results.length)).finish();
  };

/** LSAPR_SID_ENUM_BUFFER, MS-LSAT 2.2.19. @returns undefined in the place of a null pointer */
function readSids(input: NdrReader): (Sid | undefined)[] {
  const entries = input.u32('Entries');
  const there = input.u32('SidInfo') !== 0;
  if (entries > maxSids) throw new DecodeError('LSAPR_SID_ENUM_BUFFER', 'Entries', 0, `${entries} SIDs`);
  const count = there ? input.u32('SidInfo') : 0;
  if (count !== entries) throw new DecodeError('LSAPR_SID_ENUM_BUFFER', 'SidInfo', 0, `${count} of ${entries} SIDs`);
  const pointers: boolean[] = [];
  for (let i = 0; i < count; i++) pointers.push(input.u32('Sid') !== 0);
  return pointers.map((pointer) => (pointer ? input.sid('Sid') : undefined));
}

/** The Names of LsarLookupNames: Count, and as many RPC_UNICODE_STRINGs. */
function readNames(input: NdrReader): string[] {
  const count = input.u32('Count');
  if (count > maxNames || input.u32('Names') !== count) throw new DecodeError('LsarLookupNames', 'Count', 0, `${count} names`);
  const heads = [];
  for (let i = 0; i < count; i++) heads.push(input.unicodeHead('Name'));
  return heads.map((head) => input.unicodeBody(head, 'Name'));
}

/** The translated names or SIDs of a request: MUST be ignored on input, and empty in every client's request. */
function skipTranslated(input: NdrReader, { u32s, named, sids = false }: { u32s: number; named: boolean; sids?: boolean }): void {
  const entries = input.u32('Entries');
  if (input.u32('Translated') === 0) return;
  const count = input.u32('Translated');
  if (count > Math.max(entries, 0) || count > maxSids) throw new DecodeError('LSAPR_TRANSLATED', 'Entries', 0, `${count} entries`);
  const heads = [];
  const pointers: boolean[] = [];
  for (let i = 0; i < count; i++) {
    input.u16('Use');
    if (named) heads.push(input.unicodeHead('Name'));
    if (sids) pointers.push(input.u32('Sid') !== 0);
    for (let j = 0; j < u32s; j++) input.u32('DomainIndex');
  }
  for (const head of heads) input.unicodeBody(head, 'Name');
  for (const pointer of pointers) if (pointer) input.sid('Sid');
}

/** LsarGetUserName, MS-LSAT 3.1.4.4: the user of the session. */
function getUserName(input: NdrReader, { accounts }: PipeHost): Uint8Array {
  input.optionalString('SystemName');
  if (input.u32('UserName') !== 0) input.unicodeBody(input.unicodeHead('UserName'), 'UserName');
  const wantsDomain = input.u32('DomainName') !== 0;
  const out = new NdrWriter();
  const name = accounts.userName === '' ? 'ANONYMOUS LOGON' : accounts.userName;
  const domain = accounts.userName === '' ? 'NT AUTHORITY' : accounts.domain.name;
  out.pointer(name, (value) => out.unicode(value)).settle();
  out.pointer(wantsDomain ? domain : undefined, () => out.pointer(domain, (value) => out.unicode(value)));
  return out.settle().u32(NtStatus.Success).finish();
}

/**
 * LsarLookupSids3 and LsarLookupNames4, MS-LSAT 3.1.4.9 and .5: only for members of a domain, over the secure channel to a domain
 * controller, which this server is not.
 */
const ofDomainControllers: Operation = () => failed(NtStatus.AccessDenied);
