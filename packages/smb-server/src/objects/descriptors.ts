import { type Steps, wait } from '@ring3/kit';
import {
  AceFlags,
  AceType,
  type Acl,
  createSecurityDescriptor,
  decodeSecurityDescriptor,
  encodeSecurityDescriptor,
  fileAllAccess,
  maximalAccess,
  NtStatus,
  type Privilege,
  SecurityControl,
  type SecurityDescriptor,
  StatusError,
  WellKnownSid,
} from '@ring3/smb-proto';
import { type Handle, type Identity, isCode, type VfsCode } from '@ring3/vfs';
import { DecodeError, EncodeError } from '@ring3/wire';
import type { TreeConnect } from './tree-connect.ts';

const everybody = { type: AceType.AccessAllowed, flags: AceFlags.ObjectInherit | AceFlags.ContainerInherit, mask: fileAllAccess };
/** The default for a share's root: every user of the share has full access, also to what is created below. */
export const unset: SecurityDescriptor = {
  control: SecurityControl.DaclAutoInherited,
  owner: WellKnownSid.BuiltinAdministrators,
  group: WellKnownSid.BuiltinUsers,
  dacl: { revision: 2, aces: [{ ...everybody, sid: WellKnownSid.Everyone }] },
};

/** Decoded descriptors by their bytes, and the rights that each grants to each user: only few are different. */
const decoded = new Map<string, SecurityDescriptor>();
const cacheLimit = 1024;
/** Longer ones are decoded each time: a client that makes many of them does not fill memory. */
const longestCached = 4096;

function decode(bytes: Uint8Array): SecurityDescriptor {
  if (bytes.length > longestCached) return decodeSecurityDescriptor(bytes);
  const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  let found = decoded.get(key);
  if (found === undefined) {
    found = decodeSecurityDescriptor(bytes);
    if (decoded.size >= cacheLimit) decoded.clear();
    decoded.set(key, found);
  }
  return found;
}

/**
 * The descriptor of a file: the stored one, or the one that it would have inherited from its directory when it was made. Returns EIO if the
 * stored bytes are not a valid security descriptor, so corruption never grants access.
 * @param parentDescriptor the directory's
 */
export function* descriptorOf(handle: Handle, parentDescriptor: SecurityDescriptor): Steps<SecurityDescriptor | VfsCode> {
  const bytes = yield* wait(handle.getDescriptor?.());
  if (bytes === undefined || bytes === 'ENODATA' || bytes === 'EOPNOTSUPP') return passedOn(parentDescriptor, handle.kind === 'folder');
  if (isCode(bytes)) return bytes;
  try {
    return decode(bytes);
  } catch (error) {
    if (error instanceof DecodeError) return 'EIO';
    throw error;
  }
}

const none: ReadonlySet<Privilege> = new Set();
const administrators: ReadonlySet<Privilege> = new Set(['security', 'takeOwnership']);
const rights = new WeakMap<Identity, WeakMap<SecurityDescriptor, number>>();

/** All rights that a descriptor grants to a user, MS-DTYP 2.5.3.2. */
export function rightsOf(descriptor: SecurityDescriptor, identity: Identity): number {
  let known = rights.get(identity);
  if (known === undefined) rights.set(identity, (known = new WeakMap()));
  let access = known.get(descriptor);
  if (access === undefined) {
    const privileges: ReadonlySet<Privilege> = identity.admin === true ? administrators : none;
    access = maximalAccess(descriptor, { sids: new Set([identity.sid, ...identity.groups]), privileges });
    known.set(descriptor, access);
  }
  return access;
}

const passed = new WeakMap<SecurityDescriptor, { folder?: SecurityDescriptor; file?: SecurityDescriptor }>();

/** The descriptor that an entry made by another program inherits from its directory: its owner is the owner of the directory. */
function passedOn(parentDescriptor: SecurityDescriptor, isContainer: boolean): SecurityDescriptor {
  if (parentDescriptor === unset) return unset;
  let known = passed.get(parentDescriptor);
  if (known === undefined) passed.set(parentDescriptor, (known = {}));
  const { owner = WellKnownSid.BuiltinAdministrators, group = WellKnownSid.BuiltinUsers } = parentDescriptor;
  const make = (): SecurityDescriptor =>
    createSecurityDescriptor({
      parent: parentDescriptor,
      isContainer,
      creator: { owner, group, defaultDacl: defaultDacl(owner) },
      autoInherit: isAutomatic(parentDescriptor),
    });
  return isContainer ? (known.folder ??= make()) : (known.file ??= make());
}

const isAutomatic = ({ control }: SecurityDescriptor): boolean => (control & SecurityControl.DaclAutoInherited) !== 0;

/** Access to the files of a creator if neither directory nor client sets a list: Token.DefaultDACL, MS-DTYP 2.5.2. */
const defaultDacl = (owner: string): Acl => ({
  revision: 2,
  aces: [
    { type: AceType.AccessAllowed, flags: 0, mask: fileAllAccess, sid: owner },
    { type: AceType.AccessAllowed, flags: 0, mask: fileAllAccess, sid: WellKnownSid.LocalSystem },
  ],
});

/** The descriptor of a new file or directory, as bytes: that of the client as it is, else the inherited one. MS-DTYP 2.5.3.4.1. */
export function newDescriptor(
  tree: TreeConnect,
  parent: SecurityDescriptor,
  given: SecurityDescriptor | undefined,
  isContainer: boolean,
): Uint8Array {
  const { sid } = tree.identity;
  const creator = { owner: sid, group: tree.session.server.users.groupSid, defaultDacl: defaultDacl(sid) };
  const descriptor = createSecurityDescriptor({
    parent,
    isContainer,
    creator,
    autoInherit: given?.dacl === undefined && isAutomatic(parent),
    ...(given !== undefined && { given }),
  });
  try {
    return encodeSecurityDescriptor(descriptor);
  } catch (error) {
    // An inherited list can be longer than the directory's own: an entry for the creator becomes two.
    if (error instanceof EncodeError) throw new StatusError(NtStatus.InvalidAcl, error.message);
    throw error;
  }
}
