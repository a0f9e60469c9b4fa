import { flags, items, message, named, part, raw, reserved, struct, type TypeOf, u16, u32, utf16Text } from '@ring3/wire';
import { scalar } from './scalar.ts';

/** ContextType, MS-SMB2 2.2.3.1. */
export const NegotiateContextType = {
  PreauthIntegrityCapabilities: 1,
  EncryptionCapabilities: 2,
  CompressionCapabilities: 3,
  NetnameNegotiateContextId: 5,
  TransportCapabilities: 6,
  RdmaTransformCapabilities: 7,
  SigningCapabilities: 8,
  PosixExtensionsAvailable: 0x100,
} as const;

/** SMB2 NEGOTIATE_CONTEXT, MS-SMB2 2.2.3.1. */
export const NegotiateContext = message(
  'NegotiateContext',
  struct('NegotiateContext.fixed', { contextType: named(u16, NegotiateContextType), dataLength: u16, reserved: reserved(u32) }),
  { data: part({ length: 'dataLength' }, raw) },
);
export type NegotiateContext = TypeOf<typeof NegotiateContext>;

/** SMB2_PREAUTH_INTEGRITY_CAPABILITIES, MS-SMB2 2.2.3.1.1. SHA-512 is 1. */
export const PreauthIntegrityCapabilities = message(
  'PreauthIntegrityCapabilities',
  struct('PreauthIntegrityCapabilities.fixed', { hashAlgorithmCount: u16, saltLength: u16 }),
  { hashAlgorithms: items({ count: 'hashAlgorithmCount' }, scalar(u16), { limit: 64 }), salt: part({ length: 'saltLength' }, raw) },
);
export type PreauthIntegrityCapabilities = TypeOf<typeof PreauthIntegrityCapabilities>;

/** SMB2_ENCRYPTION_CAPABILITIES, MS-SMB2 2.2.3.1.2. */
export const EncryptionCapabilities = message('EncryptionCapabilities', struct('EncryptionCapabilities.fixed', { cipherCount: u16 }), {
  ciphers: items({ count: 'cipherCount' }, scalar(u16), { limit: 64 }),
});
export type EncryptionCapabilities = TypeOf<typeof EncryptionCapabilities>;

/** SMB2_COMPRESSION_CAPABILITIES, MS-SMB2 2.2.3.1.3. */
export const CompressionCapabilities = message(
  'CompressionCapabilities',
  struct('CompressionCapabilities.fixed', { compressionAlgorithmCount: u16, padding: reserved(u16), flags: u32 }),
  { compressionAlgorithms: items({ count: 'compressionAlgorithmCount' }, scalar(u16), { limit: 64 }) },
);
export type CompressionCapabilities = TypeOf<typeof CompressionCapabilities>;

/** SMB2_NETNAME_NEGOTIATE_CONTEXT_ID, MS-SMB2 2.2.3.1.4. */
export const NetnameNegotiateContext = message('NetnameNegotiateContext', struct('NetnameNegotiateContext.fixed', {}), {
  netName: part({}, utf16Text),
});
export type NetnameNegotiateContext = TypeOf<typeof NetnameNegotiateContext>;

/** SMB2_TRANSPORT_CAPABILITIES, MS-SMB2 2.2.3.1.5. */
export const TransportCapabilities = struct('TransportCapabilities', { flags: flags(u32, { AcceptTransportLevelSecurity: 1 }) });
export type TransportCapabilities = TypeOf<typeof TransportCapabilities>;

/** SMB2_RDMA_TRANSFORM_CAPABILITIES, MS-SMB2 2.2.3.1.6. */
export const RdmaTransformCapabilities = message(
  'RdmaTransformCapabilities',
  struct('RdmaTransformCapabilities.fixed', { transformCount: u16, reserved1: reserved(u16), reserved2: reserved(u32) }),
  { rdmaTransformIds: items({ count: 'transformCount' }, scalar(u16), { limit: 64 }) },
);
export type RdmaTransformCapabilities = TypeOf<typeof RdmaTransformCapabilities>;

/** SMB2_SIGNING_CAPABILITIES, MS-SMB2 2.2.3.1.7. */
export const SigningCapabilities = message('SigningCapabilities', struct('SigningCapabilities.fixed', { signingAlgorithmCount: u16 }), {
  signingAlgorithms: items({ count: 'signingAlgorithmCount' }, scalar(u16), { limit: 64 }),
});
export type SigningCapabilities = TypeOf<typeof SigningCapabilities>;
