import { buffer, constant, type Frame, guid, items, message, reserved, struct, type TypeOf, u16, u32, u64 } from '@ring3/wire';
import { Dialect } from './dialect.ts';
import { NegotiateContext } from './negotiate-contexts.ts';
import { scalar } from './scalar.ts';

/** SecurityMode, MS-SMB2 2.2.3, 2.2.4 and 2.2.5. */
export const SecurityMode = { SigningEnabled: 1, SigningRequired: 2 } as const;

/** Capabilities, MS-SMB2 2.2.3 and 2.2.4 (SMB2_GLOBAL_CAP_*). */
export const Capabilities = {
  Dfs: 0x01,
  Leasing: 0x02,
  LargeMtu: 0x04,
  MultiChannel: 0x08,
  PersistentHandles: 0x10,
  DirectoryLeasing: 0x20,
  Encryption: 0x40,
  Notifications: 0x80,
} as const;

const fixed = struct('NegotiateRequest.fixed', {
  structureSize: constant(u16, 36),
  dialectCount: u16,
  securityMode: u16,
  reserved: reserved(u16),
  capabilities: u32,
  clientGuid: guid,
  /** 3.1.1; else the upper and lower half of ClientStartTime, which is not used. */
  negotiateContextOffset: u32,
  negotiateContextCount: u16,
  reserved2: reserved(u16),
});
const dialects = items({ count: 'dialectCount' }, scalar(u16), { limit: 64 });

/** SMB2 NEGOTIATE Request before 3.1.1, MS-SMB2 2.2.3. */
export const NegotiateRequestPlain = message('NegotiateRequestPlain', fixed, { dialects }, { before: 64 });

/** SMB2 NEGOTIATE Request with negotiate contexts, MS-SMB2 2.2.3. */
export const NegotiateRequest311 = message(
  'NegotiateRequest311',
  fixed,
  {
    dialects,
    negotiateContexts: items({ offset: 'negotiateContextOffset', count: 'negotiateContextCount' }, NegotiateContext, {
      align: 8,
      elementAlign: 8,
      limit: 32,
      zeroWhenEmpty: true,
    }),
  },
  { before: 64 },
);
export type NegotiateRequest = TypeOf<typeof NegotiateRequest311>;

/** SMB2 NEGOTIATE Request, MS-SMB2 2.2.3: the contexts are present only if 3.1.1 is among the dialects. */
export const NegotiateRequest = {
  /** @throws DecodeError */
  read(frame: Frame, at: number, length?: number): NegotiateRequest {
    const plain = NegotiateRequestPlain.read(frame, at, length);
    if (plain.dialects.includes(Dialect.Smb311)) return NegotiateRequest311.read(frame, at, length);
    const { negotiateContextOffset: _offset, negotiateContextCount: _count, ...rest } = plain;
    return { ...rest, negotiateContexts: [] };
  },
};

/** SMB2 NEGOTIATE Response, MS-SMB2 2.2.4. */
export const NegotiateResponse = message(
  'NegotiateResponse',
  struct('NegotiateResponse.fixed', {
    structureSize: constant(u16, 65),
    securityMode: u16,
    dialectRevision: u16,
    negotiateContextCount: u16,
    serverGuid: guid,
    capabilities: u32,
    maxTransactSize: u32,
    maxReadSize: u32,
    maxWriteSize: u32,
    /** FILETIME. */
    systemTime: u64,
    serverStartTime: u64,
    securityBufferOffset: u16,
    securityBufferLength: u16,
    negotiateContextOffset: u32,
  }),
  {
    securityBuffer: buffer('securityBufferOffset', 'securityBufferLength'),
    negotiateContexts: items({ offset: 'negotiateContextOffset', count: 'negotiateContextCount' }, NegotiateContext, {
      align: 8,
      elementAlign: 8,
      limit: 32,
      zeroWhenEmpty: true,
    }),
  },
  { before: 64 },
);
export type NegotiateResponse = TypeOf<typeof NegotiateResponse>;
