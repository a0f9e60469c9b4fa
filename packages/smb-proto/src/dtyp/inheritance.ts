import { mapGeneric } from './access-mask.ts';
import { type Ace, AceFlags, type Acl } from './acl.ts';
import { SecurityControl, type SecurityDescriptor } from './security-descriptor.ts';
import { type Sid, WellKnownSid } from './sid.ts';

const { ObjectInherit, ContainerInherit, NoPropagateInherit, InheritOnly, Inherited } = AceFlags;
const propagation = ObjectInherit | ContainerInherit | NoPropagateInherit | InheritOnly;

/** The creator, and the defaults that apply if neither parent nor creator specify a value. */
export interface Creator {
  readonly owner: Sid;
  readonly group: Sid;
  /** Token.DefaultDACL, MS-DTYP 2.5.2. */
  readonly defaultDacl: Acl;
}

export interface NewObject {
  /** The parent directory's descriptor, if any. */
  readonly parent?: SecurityDescriptor;
  /** The descriptor that the client specified. */
  readonly given?: SecurityDescriptor;
  readonly isContainer: boolean;
  readonly creator: Creator;
  /** DACL_AUTO_INHERIT and SACL_AUTO_INHERIT: inheritable entries are added to the client's entries and marked as inherited. Default: yes. */
  readonly autoInherit?: boolean;
}

/** The entry that a child inherits from one of its parent's entries, MS-DTYP 2.5.3.4.4. @param mark INHERITED_ACE, or 0 if inheritance is not automatic */
function inheritedFrom(ace: Ace, isContainer: boolean, mark: number): Ace | undefined {
  const { flags } = ace;
  const kept = flags & ~(propagation | Inherited);
  if (!isContainer) return (flags & ObjectInherit) !== 0 ? { ...ace, flags: kept | mark } : undefined;
  const onward = (flags & NoPropagateInherit) !== 0 ? 0 : flags & (ObjectInherit | ContainerInherit);
  if ((flags & ContainerInherit) !== 0) return { ...ace, flags: kept | onward | mark };
  return (onward & ObjectInherit) !== 0 ? { ...ace, flags: kept | onward | InheritOnly | mark } : undefined;
}

/** Replaces creator SIDs and generic rights; if an entry is also inherited by children, the unchanged original is kept as a second entry. MS-DTYP 2.5.3.4.6. */
function effective(ace: Ace, owner: Sid, group: Sid): Ace[] {
  if ((ace.flags & InheritOnly) !== 0 || ace.sid === undefined) return [ace];
  const sid = ace.sid === WellKnownSid.CreatorOwner ? owner : ace.sid === WellKnownSid.CreatorGroup ? group : ace.sid;
  const mask = mapGeneric(ace.mask);
  if (sid === ace.sid && mask === ace.mask >>> 0) return [ace];
  const inherits = (ace.flags & (ObjectInherit | ContainerInherit)) !== 0;
  if (!inherits) return [{ ...ace, sid, mask }];
  return [
    { ...ace, sid, mask, flags: ace.flags & ~propagation },
    { ...ace, flags: ace.flags | InheritOnly },
  ];
}

/** The list of a new object, MS-DTYP 2.5.3.4.2. @returns undefined without a source */
function computeAcl(
  parent: Acl | null | undefined,
  given: Acl | null | undefined,
  isProtected: boolean,
  { isContainer, autoInherit = true }: NewObject,
  owner: Sid,
  group: Sid,
): { acl: Acl | null; inherited: boolean } | undefined {
  const fromParent = isProtected
    ? []
    : (parent?.aces ?? []).flatMap((ace) => inheritedFrom(ace, isContainer, autoInherit ? Inherited : 0) ?? []);
  const finish = (aces: readonly Ace[], revision: number): Acl => ({ revision, aces: aces.flatMap((ace) => effective(ace, owner, group)) });
  if (given === undefined) {
    return fromParent.length === 0 ? undefined : { acl: finish(fromParent, parent?.revision ?? 2), inherited: autoInherit };
  }
  if (given === null) return { acl: null, inherited: false };
  if (!autoInherit || isProtected) return { acl: finish(given.aces, given.revision), inherited: false };
  const own = given.aces.filter(({ flags }) => (flags & Inherited) === 0);
  return { acl: finish([...own, ...fromParent], Math.max(given.revision, parent?.revision ?? 2)), inherited: true };
}

/** The descriptor of a new file or directory, MS-DTYP 2.5.3.4.1, from the client's descriptor, the parent's inheritable entries and the creator's defaults. */
export function createSecurityDescriptor(object: NewObject): SecurityDescriptor {
  const { parent, given, creator } = object;
  const owner = given?.owner ?? creator.owner;
  const group = given?.group ?? creator.group;
  const givenControl = given?.control ?? 0;
  const { DaclProtected, SaclProtected, DaclAutoInherited, SaclAutoInherited, DaclDefaulted, SaclDefaulted } = SecurityControl;
  const useful = (list: Acl | null | undefined, defaulted: number): Acl | null | undefined =>
    (givenControl & defaulted) !== 0 ? undefined : list;
  const dacl = computeAcl(parent?.dacl, useful(given?.dacl, DaclDefaulted), (givenControl & DaclProtected) !== 0, object, owner, group);
  const sacl = computeAcl(parent?.sacl, useful(given?.sacl, SaclDefaulted), (givenControl & SaclProtected) !== 0, object, owner, group);
  const fallback = { ...creator.defaultDacl, aces: creator.defaultDacl.aces.flatMap((ace) => effective(ace, owner, group)) };
  const control =
    (givenControl & (DaclProtected | SaclProtected)) |
    (dacl?.inherited === true ? DaclAutoInherited : 0) |
    (sacl?.inherited === true ? SaclAutoInherited : 0);
  return { control, owner, group, dacl: dacl === undefined ? fallback : dacl.acl, ...(sacl !== undefined && { sacl: sacl.acl }) };
}
