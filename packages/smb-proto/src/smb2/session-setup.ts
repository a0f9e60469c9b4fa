import { buffer, constant, flags, id53, message, struct, type TypeOf, u8, u16, u32 } from '@ring3/wire';

/** SESSION_SETUP Request Flags, MS-SMB2 2.2.5. */
export const SessionSetupFlags = { Binding: 1 } as const;
/** SessionFlags of the response, MS-SMB2 2.2.6. */
export const SessionFlags = { IsGuest: 1, IsNull: 2, EncryptData: 4 } as const;

/** SMB2 SESSION_SETUP Request, MS-SMB2 2.2.5. */
export const SessionSetupRequest = message(
  'SessionSetupRequest',
  struct('SessionSetupRequest.fixed', {
    structureSize: constant(u16, 25),
    flags: flags(u8, SessionSetupFlags),
    securityMode: u8,
    capabilities: u32,
    channel: u32,
    securityBufferOffset: u16,
    securityBufferLength: u16,
    previousSessionId: id53,
  }),
  { securityBuffer: buffer('securityBufferOffset', 'securityBufferLength') },
  { before: 64 },
);
export type SessionSetupRequest = TypeOf<typeof SessionSetupRequest>;

/** SMB2 SESSION_SETUP Response, MS-SMB2 2.2.6. */
export const SessionSetupResponse = message(
  'SessionSetupResponse',
  struct('SessionSetupResponse.fixed', {
    structureSize: constant(u16, 9),
    sessionFlags: flags(u16, SessionFlags),
    securityBufferOffset: u16,
    securityBufferLength: u16,
  }),
  { securityBuffer: buffer('securityBufferOffset', 'securityBufferLength') },
  { before: 64 },
);
export type SessionSetupResponse = TypeOf<typeof SessionSetupResponse>;
