import { DecodeError, EncodeError, Frame } from '@ring3/wire';
import { type Acl, AclCodec } from './acl.ts';
import { type Sid, SidCodec, sidLength } from './sid.ts';

/** Control bits of a security descriptor, MS-DTYP 2.4.6. */
export const SecurityControl = {
  OwnerDefaulted: 0x0001,
  GroupDefaulted: 0x0002,
  DaclPresent: 0x0004,
  DaclDefaulted: 0x0008,
  SaclPresent: 0x0010,
  SaclDefaulted: 0x0020,
  DaclTrusted: 0x0040,
  ServerSecurity: 0x0080,
  DaclAutoInheritReq: 0x0100,
  SaclAutoInheritReq: 0x0200,
  DaclAutoInherited: 0x0400,
  SaclAutoInherited: 0x0800,
  DaclProtected: 0x1000,
  SaclProtected: 0x2000,
  RmControlValid: 0x4000,
  SelfRelative: 0x8000,
} as const;

/** A security descriptor, MS-DTYP 2.4.6. A list is undefined if absent, and null if present and null: a null DACL grants all access. */
export interface SecurityDescriptor {
  /** Control bits without the three that the value itself expresses: DaclPresent, SaclPresent, SelfRelative. */
  readonly control: number;
  readonly owner?: Sid;
  readonly group?: Sid;
  readonly dacl?: Acl | null;
  readonly sacl?: Acl | null;
}

const fixed = 20;
const shown = SecurityControl.DaclPresent | SecurityControl.SaclPresent | SecurityControl.SelfRelative;
/** Maximum size of a descriptor: four parts of at most 64 KiB. */
export const maximumDescriptorLength = 262144;

/**
 * Reads a self-relative security descriptor, MS-DTYP 2.4.6: used for clients' and stores' descriptors alike. Every offset, size and
 * count is checked; the value does not refer to the bytes.
 * @throws DecodeError
 */
export function decodeSecurityDescriptor(bytes: Uint8Array): SecurityDescriptor {
  const structure = 'SECURITY_DESCRIPTOR';
  if (bytes.length > maximumDescriptorLength) throw new DecodeError(structure, 'length', 0, `${bytes.length} bytes`);
  const frame = new Frame(bytes);
  frame.slice(0, fixed, structure, 'revision');
  const { view } = frame;
  if (view.getUint8(0) !== 1) throw new DecodeError(structure, 'revision', 0, `revision ${view.getUint8(0)}`);
  const control = view.getUint16(2, true);
  const part = <T>(field: string, at: number, read: (offset: number) => T): T | undefined => {
    const offset = view.getUint32(at, true);
    if (offset === 0) return undefined;
    if (offset < fixed || offset >= bytes.length) throw new DecodeError(structure, field, at, `${offset} of ${bytes.length} bytes`);
    return read(offset);
  };
  const sid = (offset: number): Sid => SidCodec.read(frame, offset, bytes.length - offset);
  const acl = (offset: number): Acl => AclCodec.read(frame, offset, bytes.length - offset);
  const owner = part('ownerOffset', 4, sid);
  const group = part('groupOffset', 8, sid);
  const sacl = (control & SecurityControl.SaclPresent) === 0 ? undefined : (part('saclOffset', 12, acl) ?? null);
  const dacl = (control & SecurityControl.DaclPresent) === 0 ? undefined : (part('daclOffset', 16, acl) ?? null);
  return {
    control: control & ~shown,
    ...(owner !== undefined && { owner }),
    ...(group !== undefined && { group }),
    ...(dacl !== undefined && { dacl }),
    ...(sacl !== undefined && { sacl }),
  };
}

/** Bytes of a descriptor in self-relative form. */
export const securityDescriptorLength = ({ owner, group, dacl, sacl }: SecurityDescriptor): number =>
  fixed +
  (owner === undefined ? 0 : sidLength(owner)) +
  (group === undefined ? 0 : sidLength(group)) +
  (sacl ? AclCodec.size(sacl) : 0) +
  (dacl ? AclCodec.size(dacl) : 0);

/** Writes a descriptor in self-relative form. @throws EncodeError if a list does not fit its 16-bit size */
export function encodeSecurityDescriptor(value: SecurityDescriptor): Uint8Array {
  const frame = Frame.alloc(securityDescriptorLength(value));
  const { view } = frame;
  const { owner, group, dacl, sacl } = value;
  const present = (dacl === undefined ? 0 : SecurityControl.DaclPresent) | (sacl === undefined ? 0 : SecurityControl.SaclPresent);
  view.setUint8(0, 1);
  view.setUint16(2, (value.control & ~shown) | present | SecurityControl.SelfRelative, true);
  let at = fixed;
  const put = (offsetAt: number, size: number, write: () => void): void => {
    view.setUint32(offsetAt, at, true);
    write();
    at += size;
  };
  if (sacl) put(12, AclCodec.size(sacl), () => AclCodec.write(frame, at, sacl));
  if (dacl) put(16, AclCodec.size(dacl), () => AclCodec.write(frame, at, dacl));
  if (owner !== undefined) put(4, sidLength(owner), () => SidCodec.write(frame, at, owner));
  if (group !== undefined) put(8, sidLength(group), () => SidCodec.write(frame, at, group));
  if (at > maximumDescriptorLength) throw new EncodeError(`a security descriptor of ${at} bytes`);
  return frame.bytes;
}
