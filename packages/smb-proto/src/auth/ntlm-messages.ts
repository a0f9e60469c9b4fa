import {
  buffer,
  bytes,
  type Codec,
  constant,
  DecodeError,
  type Frame,
  flags,
  message,
  nameOf,
  optional,
  part,
  struct,
  u8,
  u16,
  u32,
} from '@ring3/wire';

/** NegotiateFlags, MS-NLMP 2.2.2.5. */
export const NtlmFlags = {
  Unicode: 0x00000001,
  Oem: 0x00000002,
  RequestTarget: 0x00000004,
  Sign: 0x00000010,
  Seal: 0x00000020,
  Datagram: 0x00000040,
  LmKey: 0x00000080,
  Ntlm: 0x00000200,
  Anonymous: 0x00000800,
  OemDomainSupplied: 0x00001000,
  OemWorkstationSupplied: 0x00002000,
  AlwaysSign: 0x00008000,
  TargetTypeDomain: 0x00010000,
  TargetTypeServer: 0x00020000,
  ExtendedSessionSecurity: 0x00080000,
  Identify: 0x00100000,
  RequestNonNtSessionKey: 0x00400000,
  TargetInfo: 0x00800000,
  Version: 0x02000000,
  Bits128: 0x20000000,
  KeyExchange: 0x40000000,
  Bits56: 0x80000000,
} as const;

/** AvId, MS-NLMP 2.2.2.1. */
export const AvId = {
  Eol: 0,
  NbComputerName: 1,
  NbDomainName: 2,
  DnsComputerName: 3,
  DnsDomainName: 4,
  DnsTreeName: 5,
  Flags: 6,
  Timestamp: 7,
  SingleHost: 8,
  TargetName: 9,
  ChannelBindings: 10,
} as const;

/** Bits of MsvAvFlags, MS-NLMP 2.2.2.1. */
export const AvFlags = { ConstrainedAccount: 1, MicPresent: 2, UntrustedTargetName: 4 } as const;

/** One AV_PAIR, MS-NLMP 2.2.2.1. Text values are UTF-16LE. */
export interface AvPair {
  readonly id: number;
  readonly value: Uint8Array;
}

const maxPairs = 64;

/** A list of AV_PAIRs with its terminator, MS-NLMP 2.2.2.1; bytes after the terminator are ignored. */
export const avPairs: Codec<AvPair[], readonly AvPair[]> = {
  read: (frame, at, length) => {
    const end = at + length;
    const found: AvPair[] = [];
    for (;;) {
      if (at + 4 > end || found.length > maxPairs) throw new DecodeError('AV_PAIR', 'avId', at, 'no terminator');
      frame.slice(at, 4, 'AV_PAIR', 'avId');
      const id = frame.view.getUint16(at, true);
      const size = frame.view.getUint16(at + 2, true);
      if (id === AvId.Eol) return found;
      if (at + 4 + size > end) throw new DecodeError('AV_PAIR', 'avLen', at, `${size} bytes wanted, ${end - at - 4} there`);
      found.push({ id, value: frame.slice(at + 4, size, 'AV_PAIR', 'value') });
      at += 4 + size;
    }
  },
  size: (pairs) => pairs.reduce((sum, { value }) => sum + 4 + value.length, 4),
  write: (frame, at, pairs) => {
    for (const { id, value } of pairs) {
      frame.view.setUint16(at, id, true);
      frame.view.setUint16(at + 2, value.length, true);
      frame.bytes.set(value, at + 4);
      at += 4 + value.length;
    }
  },
  random: (draw) =>
    Array.from({ length: draw() % 5 }, () => ({ id: 1 + (draw() % 10), value: Uint8Array.from({ length: draw() % 12 }, () => draw()) })),
  print: (pairs) => `{ ${pairs.map(({ id, value }) => `${nameOf(AvId, id)}: ${Buffer.from(value).toString('hex')}`).join(', ')} }`,
};

/** `NTLMSSP\0`: the start of every message. */
export const ntlmSignature: Uint8Array = new TextEncoder().encode('NTLMSSP\0');
const signature = {
  ...bytes(8),
  given: false as const,
  missing: ntlmSignature,
  check: (found: Uint8Array) => (Buffer.from(ntlmSignature).equals(found) ? undefined : 'NTLMSSP wanted'),
  random: () => ntlmSignature,
};
const begin = <T extends number>(type: T) => ({ signature, messageType: constant(u32, type) });
const negotiateFlags = flags(u32, NtlmFlags);

/** VERSION, MS-NLMP 2.2.2.10: only for debugging. ring3 sends Windows 10.0, because some clients depend on it, and NTLM revision 15. */
export const ntlmVersion: Uint8Array = Uint8Array.of(10, 0, 0, 0, 0, 0, 0, 15);

/** The part that every NEGOTIATE_MESSAGE has, MS-NLMP 2.2.1.1; a server does not need the names and the version that follow. */
export const NtlmNegotiateHead = struct('NTLM_NEGOTIATE.head', { ...begin(1), negotiateFlags });

/** NEGOTIATE_MESSAGE, MS-NLMP 2.2.1.1, as a client sends it. Domain and workstation are in the OEM character set. */
export const NtlmNegotiate = message(
  'NTLM_NEGOTIATE',
  struct('NTLM_NEGOTIATE.fixed', {
    ...begin(1),
    negotiateFlags,
    domainNameLength: u16,
    domainNameMaxLength: optional(u16, 0),
    domainNameOffset: u32,
    workstationLength: u16,
    workstationMaxLength: optional(u16, 0),
    workstationOffset: u32,
    version: optional(bytes(8), new Uint8Array(8)),
  }),
  { domainName: buffer('domainNameOffset', 'domainNameLength'), workstation: buffer('workstationOffset', 'workstationLength') },
);

/** CHALLENGE_MESSAGE, MS-NLMP 2.2.1.2. */
export const NtlmChallenge = message(
  'NTLM_CHALLENGE',
  struct('NTLM_CHALLENGE.fixed', {
    ...begin(2),
    targetNameLength: u16,
    targetNameMaxLength: optional(u16, 0),
    targetNameOffset: u32,
    negotiateFlags,
    serverChallenge: bytes(8),
    reserved: optional(bytes(8), new Uint8Array(8)),
    targetInfoLength: u16,
    targetInfoMaxLength: optional(u16, 0),
    targetInfoOffset: u32,
    version: optional(bytes(8), new Uint8Array(8)),
  }),
  {
    targetName: buffer('targetNameOffset', 'targetNameLength'),
    targetInfo: buffer('targetInfoOffset', 'targetInfoLength'),
  },
);

const authenticateFields = {
  ...begin(3),
  lmChallengeResponseLength: u16,
  lmChallengeResponseMaxLength: optional(u16, 0),
  lmChallengeResponseOffset: u32,
  ntChallengeResponseLength: u16,
  ntChallengeResponseMaxLength: optional(u16, 0),
  ntChallengeResponseOffset: u32,
  domainNameLength: u16,
  domainNameMaxLength: optional(u16, 0),
  domainNameOffset: u32,
  userNameLength: u16,
  userNameMaxLength: optional(u16, 0),
  userNameOffset: u32,
  workstationLength: u16,
  workstationMaxLength: optional(u16, 0),
  workstationOffset: u32,
  encryptedRandomSessionKeyLength: u16,
  encryptedRandomSessionKeyMaxLength: optional(u16, 0),
  encryptedRandomSessionKeyOffset: u32,
  negotiateFlags,
};
const authenticateParts = {
  domainName: buffer('domainNameOffset', 'domainNameLength'),
  userName: buffer('userNameOffset', 'userNameLength'),
  workstation: buffer('workstationOffset', 'workstationLength'),
  lmChallengeResponse: buffer('lmChallengeResponseOffset', 'lmChallengeResponseLength'),
  ntChallengeResponse: buffer('ntChallengeResponseOffset', 'ntChallengeResponseLength'),
  encryptedRandomSessionKey: buffer('encryptedRandomSessionKeyOffset', 'encryptedRandomSessionKeyLength'),
};

/** AUTHENTICATE_MESSAGE, MS-NLMP 2.2.1.3, as a server reads it: only newer clients send version and MIC. */
export const NtlmAuthenticate = message('NTLM_AUTHENTICATE', struct('NTLM_AUTHENTICATE.fixed', authenticateFields), authenticateParts);

/** AUTHENTICATE_MESSAGE with version and MIC, MS-NLMP 2.2.1.3, as this client sends it. */
export const NtlmAuthenticateWithMic = message(
  'NTLM_AUTHENTICATE_with_MIC',
  struct('NTLM_AUTHENTICATE_with_MIC.fixed', {
    ...authenticateFields,
    version: optional(bytes(8), new Uint8Array(8)),
    mic: optional(bytes(16), new Uint8Array(16)),
  }),
  authenticateParts,
);

/** The offset of the MIC in an AUTHENTICATE_MESSAGE that has one. */
export const micOffset: number = NtlmAuthenticateWithMic.fixed.offset.mic;
export const micLength = 16;

/** NTLMv2_CLIENT_CHALLENGE, MS-NLMP 2.2.2.7: the part of an NTLMv2 response after the 16 bytes of proof. */
export const NtlmV2ClientChallenge = message(
  'NTLMv2_CLIENT_CHALLENGE',
  struct('NTLMv2_CLIENT_CHALLENGE.fixed', {
    respType: constant(u8, 1),
    hiRespType: constant(u8, 1),
    reserved1: optional(u16, 0),
    reserved2: optional(u32, 0),
    timeStamp: bytes(8),
    challengeFromClient: bytes(8),
    reserved3: optional(u32, 0),
  }),
  { avPairs: part<AvPair[], readonly AvPair[], never>({}, avPairs) },
);

/** Returns whether bytes begin like an NTLM message without SPNEGO. */
export const isNtlmMessage = (token: Uint8Array): boolean => token.length >= 12 && ntlmSignature.every((byte, i) => token[i] === byte);

/** MessageType, or 0. */
export const ntlmMessageType = (frame: Frame): number => (isNtlmMessage(frame.bytes) ? frame.view.getUint32(8, true) : 0);
