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
import type { Tree } from './tree.ts';

const everybody = { type: AceType.AccessAllowed, flags: AceFlags.ObjectInherit | AceFlags.ContainerInherit, mask: fileAllAccess };
/** Of a share's root that nobody set one for: whoever reaches the share may do everything, and so with what is created below. */
export const unset: SecurityDescriptor = {
  control: SecurityControl.DaclAutoInherited,
  owner: WellKnownSid.BuiltinAdministrators,
  group: WellKnownSid.BuiltinUsers,
  dacl: { revision: 2, aces: [{ ...everybody, sid: WellKnownSid.Everyone }] },
};

/** Decoded descriptors by their bytes, and what each gives to whom: few are ever different. */
const decoded = new Map<string, SecurityDescriptor>();
const cacheLimit = 1024;
/** Longer ones are decoded each time: a client that makes many of them fills no memory. */
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
 * The descriptor of a file: what was stored, or what its folder passes on, as it would have when the file was made; EIO where what was stored is none, so that
 * nobody is let in by it.
 * @param above the folder's
 */
export function* descriptorOf(handle: Handle, above: SecurityDescriptor): Steps<SecurityDescriptor | VfsCode> {
  const bytes = yield* wait(handle.getDescriptor?.());
  if (bytes === undefined || bytes === 'ENODATA' || bytes === 'EOPNOTSUPP') return passedOn(above, handle.kind === 'folder');
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

/** Every right that a descriptor gives to somebody, MS-DTYP 2.5.3.2. */
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

/** What a folder passes on to an entry that another program made: the entry is the folder's owner's. */
function passedOn(above: SecurityDescriptor, isContainer: boolean): SecurityDescriptor {
  if (above === unset) return unset;
  let known = passed.get(above);
  if (known === undefined) passed.set(above, (known = {}));
  const { owner = WellKnownSid.BuiltinAdministrators, group = WellKnownSid.BuiltinUsers } = above;
  const make = (): SecurityDescriptor =>
    createSecurityDescriptor({
      parent: above,
      isContainer,
      creator: { owner, group, defaultDacl: defaultDacl(owner) },
      autoInherit: isAutomatic(above),
    });
  return isContainer ? (known.folder ??= make()) : (known.file ??= make());
}

const isAutomatic = ({ control }: SecurityDescriptor): boolean => (control & SecurityControl.DaclAutoInherited) !== 0;

/** What a creator's files allow where neither folder nor client says anything: Token.DefaultDACL, MS-DTYP 2.5.2. */
const defaultDacl = (owner: string): Acl => ({
  revision: 2,
  aces: [
    { type: AceType.AccessAllowed, flags: 0, mask: fileAllAccess, sid: owner },
    { type: AceType.AccessAllowed, flags: 0, mask: fileAllAccess, sid: WellKnownSid.LocalSystem },
  ],
});

/** The descriptor of a new file or folder, as bytes: what the client gave as it is, else what the folder passes on. MS-DTYP 2.5.3.4.1. */
export function newDescriptor(
  tree: Tree,
  parent: SecurityDescriptor,
  given: SecurityDescriptor | undefined,
  isContainer: boolean,
): Uint8Array {
  const { sid } = tree.identity;
  const creator = { owner: sid, group: tree.session.connection.server.users.groupSid, defaultDacl: defaultDacl(sid) };
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
    // What a folder passes on may need more room than its own list: an entry for the creator becomes two.
    if (error instanceof EncodeError) throw new StatusError(NtStatus.InvalidAcl, error.message);
    throw error;
  }
}
