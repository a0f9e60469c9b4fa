import { type Codec, DecodeError } from '@ring3/wire';

/**
 * A security identifier as text, MS-DTYP 2.4.2.1, such as `S-1-5-21-1-2-3-1000`: in this form the same SID is the same string. Identifier authorities
 * from 2^32 on are written in hexadecimal.
 */
export type Sid = string;

/** Well-known SIDs, MS-DTYP 2.4.2.4. */
export const WellKnownSid = {
  Null: 'S-1-0-0',
  Everyone: 'S-1-1-0',
  Local: 'S-1-2-0',
  CreatorOwner: 'S-1-3-0',
  CreatorGroup: 'S-1-3-1',
  OwnerRights: 'S-1-3-4',
  Network: 'S-1-5-2',
  Anonymous: 'S-1-5-7',
  AuthenticatedUsers: 'S-1-5-11',
  ThisOrganization: 'S-1-5-15',
  LocalSystem: 'S-1-5-18',
  BuiltinAdministrators: 'S-1-5-32-544',
  BuiltinUsers: 'S-1-5-32-545',
  BuiltinGuests: 'S-1-5-32-546',
  NtlmAuthentication: 'S-1-5-64-10',
} as const;

const revision = 1;
const fixed = 8;
/** Maximum number of sub-authorities of a SID, MS-DTYP 2.4.2.2. */
export const maximumSubAuthorities = 15;

const authorityText = (authority: number): string =>
  authority < 2 ** 32 ? String(authority) : `0x${authority.toString(16).padStart(12, '0')}`;

/** The parts of a SID's text. @returns undefined if the text is not a SID in canonical form */
function partsOf(text: string): { authority: number; subAuthorities: number[] } | undefined {
  const match = /^S-1-(0x[0-9a-f]{12}|\d{1,10})((?:-\d{1,10}){1,15})$/.exec(text);
  if (match === null) return undefined;
  const authority = Number(match[1]);
  const subAuthorities = (match[2] as string).slice(1).split('-').map(Number);
  const same = `S-1-${authorityText(authority)}-${subAuthorities.join('-')}` === text;
  return same && subAuthorities.every((value) => value < 2 ** 32) ? { authority, subAuthorities } : undefined;
}

/** Returns whether a text is a SID in canonical form. */
export const isSid = (text: string): text is Sid => partsOf(text) !== undefined;

/** SID on the wire, MS-DTYP 2.4.2.2: 8 bytes and 4 for each sub-authority, of which there are 1 to 15. */
export const SidCodec: Codec<Sid> = {
  read: (frame, at, length) => {
    if (length < fixed) throw new DecodeError('SID', 'revision', at, `${fixed} bytes wanted, ${Math.max(0, length)} there`);
    frame.slice(at, fixed, 'SID', 'revision');
    const { view } = frame;
    if (view.getUint8(at) !== revision) throw new DecodeError('SID', 'revision', at, `revision ${view.getUint8(at)}`);
    const count = view.getUint8(at + 1);
    if (count === 0 || count > maximumSubAuthorities) throw new DecodeError('SID', 'subAuthorityCount', at + 1, `${count} sub-authorities`);
    if (fixed + count * 4 > length) throw new DecodeError('SID', 'subAuthority', at + fixed, `${count} sub-authorities in ${length} bytes`);
    frame.slice(at, fixed + count * 4, 'SID', 'subAuthority');
    let text = `S-1-${authorityText(view.getUint16(at + 2) * 2 ** 32 + view.getUint32(at + 4))}`;
    for (let i = 0; i < count; i++) text += `-${view.getUint32(at + fixed + i * 4, true)}`;
    return text;
  },
  size: (sid) => encodedSid(sid).length,
  write: (frame, at, sid) => frame.bytes.set(encodedSid(sid), at),
  random: (draw) =>
    `S-1-${draw() % 8 === 0 ? authorityText(2 ** 32 + draw()) : draw() % 16}-${Array.from({ length: 1 + (draw() % 15) }, draw).join('-')}`,
  print: (sid) => sid,
};

const encoded = new Map<Sid, Uint8Array>();
const encodedLimit = 1024;

/** The bytes of a SID; cached, because a server uses the same few SIDs many times. @throws RangeError if the text is not a SID */
function encodedSid(sid: Sid): Uint8Array {
  let bytes = encoded.get(sid);
  if (bytes !== undefined) return bytes;
  const parts = partsOf(sid);
  if (parts === undefined) throw new RangeError(`no SID: ${sid}`);
  bytes = new Uint8Array(fixed + parts.subAuthorities.length * 4);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, revision);
  view.setUint8(1, parts.subAuthorities.length);
  view.setUint16(2, Math.floor(parts.authority / 2 ** 32));
  view.setUint32(4, parts.authority % 2 ** 32);
  parts.subAuthorities.forEach((value, i) => {
    view.setUint32(fixed + i * 4, value, true);
  });
  if (encoded.size >= encodedLimit) encoded.clear();
  encoded.set(sid, bytes);
  return bytes;
}

/** Size of a SID on the wire in bytes. @throws RangeError if the text is not a SID */
export const sidLength = (sid: Sid): number => encodedSid(sid).length;
