import { AccessMask, fileAllAccess, mapGeneric } from './access-mask.ts';
import { AceFlags, AceType, type Acl } from './acl.ts';
import type { SecurityDescriptor } from './security-descriptor.ts';
import { type Sid, WellKnownSid } from './sid.ts';

/** Privileges that change an access check, MS-LSAD 3.1.1.2.1. */
export type Privilege = 'security' | 'takeOwnership';

/** The requester, MS-DTYP 2.5.2. */
export interface Token {
  /** The user and all groups. */
  readonly sids: ReadonlySet<Sid>;
  readonly privileges?: ReadonlySet<Privilege>;
}

/** The requested and the granted rights. */
export interface AccessDecision {
  readonly granted: boolean;
  /** The granted rights: those requested, or with MAXIMUM_ALLOWED all available ones. 0 if access is denied. */
  readonly access: number;
}

const allowTypes: readonly number[] = [AceType.AccessAllowed];
// Entries with conditions or object types are not evaluated: they never grant access, but they deny it.
const denyTypes: readonly number[] = [
  AceType.AccessDenied,
  AceType.AccessDeniedCallback,
  AceType.AccessDeniedObject,
  AceType.AccessDeniedCallbackObject,
];

/** All rights that a DACL grants to this token, in one pass: an earlier entry wins over a later one (MS-DTYP 2.5.3.2). */
function allowedBy(acl: Acl, sids: ReadonlySet<Sid>, isOwner: boolean): number {
  let granted = 0;
  let denied = 0;
  for (const { type, flags, mask, sid } of acl.aces) {
    if ((flags & AceFlags.InheritOnly) !== 0 || sid === undefined) continue;
    if (!(sids.has(sid) || (isOwner && sid === WellKnownSid.OwnerRights))) continue;
    const rights = mapGeneric(mask);
    if (allowTypes.includes(type)) granted |= rights & ~denied;
    else if (denyTypes.includes(type)) denied |= rights & ~granted;
  }
  return granted;
}

/** Every right that a token has on an object, without system security: the result for MAXIMUM_ALLOWED and the MxAc create context. */
export function maximalAccess(descriptor: SecurityDescriptor, token: Token): number {
  const { dacl, owner } = descriptor;
  const isOwner = owner !== undefined && token.sids.has(owner);
  let access = fileAllAccess;
  if (dacl) {
    access = allowedBy(dacl, token.sids, isOwner);
    const limited = dacl.aces.some(({ sid, flags }) => sid === WellKnownSid.OwnerRights && (flags & AceFlags.InheritOnly) === 0);
    if (isOwner && !limited) access |= AccessMask.ReadControl | AccessMask.WriteDac;
  }
  if (token.privileges?.has('takeOwnership')) access |= AccessMask.WriteOwner;
  return (access & fileAllAccess) >>> 0;
}

/**
 * The access check, MS-DTYP 2.5.3.2, for files and directories. Without a DACL, or with a null one, everything is granted.
 * @param desired the requested rights, including generic ones
 * @param already rights that another rule grants, such as DELETE by the parent directory's FILE_DELETE_CHILD (MS-FSA 2.1.5.1.2.1)
 */
export function accessCheck(descriptor: SecurityDescriptor, token: Token, desired: number, already = 0): AccessDecision {
  const refused: AccessDecision = { granted: false, access: 0 };
  const wanted = mapGeneric(desired);
  const system = wanted & AccessMask.AccessSystemSecurity;
  if (system !== 0 && token.privileges?.has('security') !== true) return refused;
  const maximal = maximalAccess(descriptor, token) | already;
  const explicit = wanted & ~(AccessMask.MaximumAllowed | AccessMask.AccessSystemSecurity);
  if ((explicit & ~maximal) !== 0) return refused;
  const access = ((wanted & AccessMask.MaximumAllowed) !== 0 ? maximal | explicit : explicit) | system;
  return access === 0 && desired !== 0 ? refused : { granted: true, access: access >>> 0 };
}
