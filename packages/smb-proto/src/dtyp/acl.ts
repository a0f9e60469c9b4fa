import { type Codec, DecodeError, EncodeError, type Frame } from '@ring3/wire';
import { type Sid, SidCodec } from './sid.ts';

/** AceType, MS-DTYP 2.4.4.1. */
export const AceType = {
  AccessAllowed: 0x00,
  AccessDenied: 0x01,
  SystemAudit: 0x02,
  SystemAlarm: 0x03,
  AccessAllowedCompound: 0x04,
  AccessAllowedObject: 0x05,
  AccessDeniedObject: 0x06,
  SystemAuditObject: 0x07,
  SystemAlarmObject: 0x08,
  AccessAllowedCallback: 0x09,
  AccessDeniedCallback: 0x0a,
  AccessAllowedCallbackObject: 0x0b,
  AccessDeniedCallbackObject: 0x0c,
  SystemAuditCallback: 0x0d,
  SystemAlarmCallback: 0x0e,
  SystemAuditCallbackObject: 0x0f,
  SystemAlarmCallbackObject: 0x10,
  SystemMandatoryLabel: 0x11,
  SystemResourceAttribute: 0x12,
  SystemScopedPolicyId: 0x13,
} as const;

/** AceFlags, MS-DTYP 2.4.4.1. */
export const AceFlags = {
  ObjectInherit: 0x01,
  ContainerInherit: 0x02,
  NoPropagateInherit: 0x04,
  InheritOnly: 0x08,
  Inherited: 0x10,
  SuccessfulAccess: 0x40,
  FailedAccess: 0x80,
} as const;

/** One access control entry, MS-DTYP 2.4.4. */
export interface Ace {
  readonly type: number;
  readonly flags: number;
  /** Access rights; 0 if the type is unknown. */
  readonly mask: number;
  /** Undefined if the type is unknown. */
  readonly sid?: Sid;
  /** The bytes between mask and SID in object entries: flags and GUIDs. */
  readonly object?: Uint8Array;
  /** The bytes after the SID (conditions, claims), or the whole body of an unknown type: kept unchanged. */
  readonly data?: Uint8Array;
}

/** An access control list, MS-DTYP 2.4.5. */
export interface Acl {
  /** 2, or 4 with object entries. */
  readonly revision: number;
  readonly aces: readonly Ace[];
}

const aclHeader = 8;
const aceHeader = 4;
const objectTypes: readonly number[] = [0x05, 0x06, 0x07, 0x08, 0x0b, 0x0c, 0x0f, 0x10];
const simpleTypes: readonly number[] = [0x00, 0x01, 0x02, 0x03, 0x09, 0x0a, 0x0d, 0x0e, 0x11, 0x12, 0x13];

/** Bytes of an object entry's flags and GUIDs, MS-DTYP 2.4.4.3. */
function objectLength(frame: Frame, at: number, end: number): number {
  if (at + 4 > end) throw new DecodeError('ACE', 'flags', at, 'the entry ends before its object flags');
  const flags = frame.view.getUint32(at, true);
  return 4 + ((flags & 1) !== 0 ? 16 : 0) + ((flags & 2) !== 0 ? 16 : 0);
}

function readAce(frame: Frame, at: number, length: number): { ace: Ace; size: number } {
  if (length < aceHeader) throw new DecodeError('ACE', 'aceType', at, `${aceHeader} bytes wanted, ${length} there`);
  const { view } = frame;
  const type = view.getUint8(at);
  const flags = view.getUint8(at + 1);
  const size = view.getUint16(at + 2, true);
  if (size < aceHeader || size > length || size % 4 !== 0)
    throw new DecodeError('ACE', 'aceSize', at + 2, `${size} bytes, ${length} there`);
  const end = at + size;
  const isObject = objectTypes.includes(type);
  if (!isObject && !simpleTypes.includes(type)) {
    return { ace: { type, flags, mask: 0, data: Uint8Array.prototype.slice.call(frame.bytes, at + aceHeader, end) }, size };
  }
  if (size < aceHeader + 4) throw new DecodeError('ACE', 'mask', at, `an entry of ${size} bytes`);
  const mask = view.getUint32(at + 4, true);
  const objectAt = at + 8;
  const sidAt = objectAt + (isObject ? objectLength(frame, objectAt, end) : 0);
  const sid = SidCodec.read(frame, sidAt, end - sidAt);
  const dataAt = sidAt + SidCodec.size(sid);
  const ace = {
    type,
    flags,
    mask,
    sid,
    ...(isObject && { object: Uint8Array.prototype.slice.call(frame.bytes, objectAt, sidAt) }),
    ...(dataAt < end && { data: Uint8Array.prototype.slice.call(frame.bytes, dataAt, end) }),
  };
  return { ace, size };
}

const aceLength = ({ sid, object, data }: Ace): number =>
  aceHeader + (sid === undefined ? 0 : 4 + (object?.length ?? 0) + SidCodec.size(sid)) + (data?.length ?? 0);

function writeAce(frame: Frame, at: number, ace: Ace): number {
  const size = aceLength(ace);
  if (size > 0xffff || size % 4 !== 0) throw new EncodeError(`an access control entry of ${size} bytes`);
  const { view, bytes } = frame;
  view.setUint8(at, ace.type);
  view.setUint8(at + 1, ace.flags);
  view.setUint16(at + 2, size, true);
  let next = at + aceHeader;
  if (ace.sid !== undefined) {
    view.setUint32(next, ace.mask, true);
    bytes.set(ace.object ?? [], next + 4);
    next += 4 + (ace.object?.length ?? 0);
    SidCodec.write(frame, next, ace.sid);
    next += SidCodec.size(ace.sid);
  }
  bytes.set(ace.data ?? [], next);
  return size;
}

/** ACL on the wire, MS-DTYP 2.4.5. Its 16-bit size and count, and each entry's size, are checked against each other before entries are read. */
export const AclCodec: Codec<Acl> = {
  read: (frame, at, length) => {
    if (length < aclHeader) throw new DecodeError('ACL', 'aclRevision', at, `${aclHeader} bytes wanted, ${Math.max(0, length)} there`);
    frame.slice(at, aclHeader, 'ACL', 'aclRevision');
    const { view } = frame;
    const revision = view.getUint8(at);
    if (revision < 2 || revision > 4) throw new DecodeError('ACL', 'aclRevision', at, `revision ${revision}`);
    const size = view.getUint16(at + 2, true);
    const count = view.getUint16(at + 4, true);
    if (size < aclHeader || size > length) throw new DecodeError('ACL', 'aclSize', at + 2, `${size} bytes, ${length} there`);
    if (count * aceHeader > size - aclHeader) throw new DecodeError('ACL', 'aceCount', at + 4, `${count} entries in ${size} bytes`);
    frame.slice(at, size, 'ACL', 'aces');
    const aces: Ace[] = [];
    let next = at + aclHeader;
    for (let i = 0; i < count; i++) {
      const { ace, size: aceSize } = readAce(frame, next, at + size - next);
      aces.push(ace);
      next += aceSize;
    }
    return { revision, aces };
  },
  size: ({ aces }) => aces.reduce((sum, ace) => sum + aceLength(ace), aclHeader),
  write: (frame, at, acl) => {
    const size = AclCodec.size(acl);
    if (size > 0xffff) throw new EncodeError(`an access control list of ${size} bytes`);
    const { view } = frame;
    view.setUint8(at, acl.revision);
    view.setUint16(at + 2, size, true);
    view.setUint16(at + 4, acl.aces.length, true);
    let next = at + aclHeader;
    for (const ace of acl.aces) next += writeAce(frame, next, ace);
  },
  random: (draw) => ({
    revision: 2 + 2 * (draw() % 2),
    aces: Array.from({ length: draw() % 5 }, () => {
      const type = [0, 1, 2, 5, 9, 0x11, 0x40][draw() % 7]!;
      const head = { type, flags: draw() & 0xff };
      if (type === 0x40) return { ...head, mask: 0, data: Uint8Array.from({ length: 4 * (draw() % 4) }, draw) };
      const object = type === 5 ? { object: Uint8Array.from({ length: 20 }, (_, i) => (i === 0 ? 1 : i < 4 ? 0 : draw())) } : {};
      const data = type === 9 ? { data: Uint8Array.from({ length: 8 }, draw) } : {};
      return { ...head, mask: draw() >>> 0, sid: SidCodec.random(draw), ...object, ...data };
    }),
  }),
  print: ({ aces }) => `[${aces.map((ace) => `${ace.type}:${ace.flags.toString(16)}:${ace.mask.toString(16)}:${ace.sid}`).join(', ')}]`,
};
