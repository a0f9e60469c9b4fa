import { AccessMask } from './access-mask.ts';
import { AceType, type Acl } from './acl.ts';
import { SecurityControl, type SecurityDescriptor } from './security-descriptor.ts';

/** SECURITY_INFORMATION, MS-DTYP 2.4.7: the parts of a descriptor that a request refers to. */
export const SecurityInformation = {
  Owner: 0x00000001,
  Group: 0x00000002,
  Dacl: 0x00000004,
  Sacl: 0x00000008,
  Label: 0x00000010,
  Attribute: 0x00000020,
  Scope: 0x00000040,
  Backup: 0x00010000,
  UnprotectedSacl: 0x10000000,
  UnprotectedDacl: 0x20000000,
  ProtectedSacl: 0x40000000,
  ProtectedDacl: 0x80000000,
} as const;

const { Owner, Group, Dacl, Sacl, Label, Attribute, Scope, Backup } = SecurityInformation;
const saclTypes: readonly (readonly [information: number, type: number])[] = [
  [Label, AceType.SystemMandatoryLabel],
  [Attribute, AceType.SystemResourceAttribute],
  [Scope, AceType.SystemScopedPolicyId],
];

/** The rights that an open needs to read these parts, MS-FSA 2.1.5.14. */
export const accessToQuery = (information: number): number =>
  ((information & (Owner | Group | Dacl | Label | Attribute | Scope)) !== 0 ? AccessMask.ReadControl : 0) |
  ((information & (Sacl | Backup)) !== 0 ? AccessMask.AccessSystemSecurity : 0);

/** The rights that an open needs to change these parts, MS-FSA 2.1.5.17. */
export const accessToSet = (information: number): number =>
  ((information & (Owner | Group | Label)) !== 0 ? AccessMask.WriteOwner : 0) |
  ((information & (Dacl | Attribute)) !== 0 ? AccessMask.WriteDac : 0) |
  ((information & (Sacl | Scope | Backup)) !== 0 ? AccessMask.AccessSystemSecurity : 0);

const daclControl =
  SecurityControl.DaclDefaulted | SecurityControl.DaclAutoInheritReq | SecurityControl.DaclAutoInherited | SecurityControl.DaclProtected;
const saclControl =
  SecurityControl.SaclDefaulted | SecurityControl.SaclAutoInheritReq | SecurityControl.SaclAutoInherited | SecurityControl.SaclProtected;

/** The entries of a SACL that `information` names. */
function saclPart(sacl: Acl | null | undefined, information: number): Acl | null | undefined {
  if ((information & (Sacl | Backup)) !== 0 || !sacl) return (information & (Sacl | Backup)) !== 0 ? sacl : undefined;
  const types = saclTypes.filter(([bit]) => (information & bit) !== 0).map(([, type]) => type);
  const aces = sacl.aces.filter(({ type }) => types.includes(type));
  return aces.length === 0 ? undefined : { ...sacl, aces };
}

/** The requested parts of a descriptor, MS-FSA 2.1.5.14. */
export function selectSecurity(descriptor: SecurityDescriptor, information: number): SecurityDescriptor {
  const { owner, group, dacl, sacl } = descriptor;
  const backup = (information & Backup) !== 0;
  const wants = (bit: number): boolean => backup || (information & bit) !== 0;
  const chosen = saclPart(sacl, information);
  return {
    control: descriptor.control & ((wants(Dacl) ? daclControl : 0) | (wants(Sacl) ? saclControl : 0)),
    ...(wants(Owner) && owner !== undefined && { owner }),
    ...(wants(Group) && group !== undefined && { group }),
    ...(wants(Dacl) && dacl !== undefined && { dacl }),
    ...(chosen !== undefined && { sacl: chosen }),
  };
}

/** The control bits of a list after it is set: automatic inheritance is kept if it was requested, the request bit is not (MS-DTYP 2.5.3.4.2). */
function controlSet(given: number, request: number, inherited: number, kept: number): number {
  return (given & kept) | ((given & request) !== 0 && (given & inherited) !== 0 ? inherited : 0);
}

/** A descriptor with the named parts replaced, MS-FSA 2.1.5.17. Parts that `information` names and `given` lacks are not changed, so that an omission never grants access. */
export function mergeSecurity(current: SecurityDescriptor, given: SecurityDescriptor, information: number): SecurityDescriptor {
  const backup = (information & Backup) !== 0;
  const sets = (bit: number): boolean => backup || (information & bit) !== 0;
  let control = current.control;
  let { owner, group, dacl, sacl } = current;
  if (sets(Owner) && given.owner !== undefined) owner = given.owner;
  if (sets(Group) && given.group !== undefined) group = given.group;
  if (sets(Dacl) && given.dacl !== undefined) {
    dacl = given.dacl;
    const { DaclAutoInheritReq, DaclAutoInherited, DaclProtected, DaclDefaulted } = SecurityControl;
    control = (control & ~daclControl) | controlSet(given.control, DaclAutoInheritReq, DaclAutoInherited, DaclProtected | DaclDefaulted);
  }
  if (sets(Sacl) && given.sacl !== undefined) {
    sacl = given.sacl;
    const { SaclAutoInheritReq, SaclAutoInherited, SaclProtected, SaclDefaulted } = SecurityControl;
    control = (control & ~saclControl) | controlSet(given.control, SaclAutoInheritReq, SaclAutoInherited, SaclProtected | SaclDefaulted);
  } else {
    for (const [bit, type] of saclTypes) {
      if ((information & bit) === 0) continue;
      const aces = [
        ...(sacl?.aces.filter((ace) => ace.type !== type) ?? []),
        ...(given.sacl?.aces.filter((ace) => ace.type === type) ?? []),
      ];
      sacl = aces.length === 0 ? undefined : { revision: sacl?.revision ?? given.sacl?.revision ?? 2, aces };
    }
  }
  return {
    control,
    ...(owner !== undefined && { owner }),
    ...(group !== undefined && { group }),
    ...(dacl !== undefined && { dacl }),
    ...(sacl !== undefined && { sacl }),
  };
}
