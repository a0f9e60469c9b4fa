import {
  buffer,
  bytes,
  type Codec,
  constant,
  guid,
  id53,
  message,
  nextOffset,
  optional,
  part,
  reserved,
  struct,
  type TypeOf,
  u16,
  u32,
  u64,
} from '@ring3/wire';

/** A context's name: bytes, usually four letters; each byte is one character of the string. */
const tag: Codec<string> = {
  read: (frame, at, length) => Buffer.from(frame.slice(at, length, 'CreateContext', 'name')).toString('latin1'),
  size: (value) => value.length,
  write: (frame, at, value) => frame.bytes.set(Buffer.from(value, 'latin1'), at),
  random: (draw) => ['MxAc', 'QFid', 'RqLs', 'DH2Q'][draw() % 4] as string,
  print: (value) => JSON.stringify(value),
};

const named = (hex: string): string => Buffer.from(hex, 'hex').toString('latin1');

/** Names of create contexts, MS-SMB2 2.2.13.2. */
export const CreateContextName = {
  EaBuffer: 'ExtA', // SMB2_CREATE_EA_BUFFER
  SdBuffer: 'SecD', // SMB2_CREATE_SD_BUFFER
  DurableHandleRequest: 'DHnQ',
  DurableHandleReconnect: 'DHnC',
  AllocationSize: 'AlSi',
  QueryMaximalAccess: 'MxAc',
  TimewarpToken: 'TWrp',
  QueryOnDiskId: 'QFid',
  RequestLease: 'RqLs', // also V2
  DurableHandleRequestV2: 'DH2Q',
  DurableHandleReconnectV2: 'DH2C',
  AppInstanceId: named('45bca66aefa7f74a9008fa462e144d74'),
  AppInstanceVersion: named('b982d0b73b56074fa07b524a8116a010'),
  SvhdxOpenDeviceContext: named('9ccbcf9e04c1e643980e158da1f6ec83'),
  PosixCreateContext: named('93ad25509cb411e7b42383de968bcd7c'),
} as const;

/** SMB2_CREATE_CONTEXT, MS-SMB2 2.2.13.2. Offsets count from its own start. */
export const CreateContext = message(
  'CreateContext',
  struct('CreateContext.fixed', {
    next: nextOffset,
    nameOffset: u16,
    nameLength: u16,
    reserved: reserved(u16),
    dataOffset: u16,
    dataLength: u32,
  }),
  {
    name: part({ offset: 'nameOffset', length: 'nameLength' }, tag),
    data: buffer('dataOffset', 'dataLength', { align: 8, zeroWhenEmpty: true }),
  },
);
export type CreateContext = TypeOf<typeof CreateContext>;

/** SMB2_CREATE_DURABLE_HANDLE_REQUEST and _RESPONSE data are reserved bytes; this is _RECONNECT, MS-SMB2 2.2.13.2.4. */
export const DurableHandleReconnect = struct('DurableHandleReconnect', { persistentFileId: id53, volatileFileId: id53 });
export type DurableHandleReconnect = TypeOf<typeof DurableHandleReconnect>;

/** Flags of the V2 durable contexts, MS-SMB2 2.2.13.2.11. */
export const DurableHandleFlags = { Persistent: 2 } as const;
/** SMB2_CREATE_DURABLE_HANDLE_REQUEST_V2, MS-SMB2 2.2.13.2.11. `timeout` in milliseconds. */
export const DurableHandleRequestV2 = struct('DurableHandleRequestV2', {
  timeout: u32,
  flags: u32,
  reserved: optional(id53, 0),
  createGuid: guid,
});
export type DurableHandleRequestV2 = TypeOf<typeof DurableHandleRequestV2>;
/** SMB2_CREATE_DURABLE_HANDLE_RECONNECT_V2, MS-SMB2 2.2.13.2.12. */
export const DurableHandleReconnectV2 = struct('DurableHandleReconnectV2', {
  persistentFileId: id53,
  volatileFileId: id53,
  createGuid: guid,
  flags: u32,
});
export type DurableHandleReconnectV2 = TypeOf<typeof DurableHandleReconnectV2>;
/** SMB2_CREATE_DURABLE_HANDLE_RESPONSE_V2, MS-SMB2 2.2.14.2.12. */
export const DurableHandleResponseV2 = struct('DurableHandleResponseV2', { timeout: u32, flags: u32 });
export type DurableHandleResponseV2 = TypeOf<typeof DurableHandleResponseV2>;

/** SMB2_CREATE_QUERY_MAXIMAL_ACCESS_RESPONSE, MS-SMB2 2.2.14.2.5. */
export const MaximalAccessResponse = struct('MaximalAccessResponse', { queryStatus: u32, maximalAccess: u32 });
export type MaximalAccessResponse = TypeOf<typeof MaximalAccessResponse>;
/** SMB2_CREATE_ALLOCATION_SIZE, MS-SMB2 2.2.13.2.6. */
export const AllocationSizeContext = struct('AllocationSizeContext', { allocationSize: u64 });
export type AllocationSizeContext = TypeOf<typeof AllocationSizeContext>;
/** SMB2_CREATE_TIMEWARP_TOKEN, MS-SMB2 2.2.13.2.7: a FILETIME. */
export const TimewarpToken = struct('TimewarpToken', { timestamp: u64 });
export type TimewarpToken = TypeOf<typeof TimewarpToken>;
/** SMB2_CREATE_QUERY_ON_DISK_ID response, MS-SMB2 2.2.14.2.9. */
export const OnDiskId = struct('OnDiskId', { diskFileId: u64, volumeId: u64, reserved: optional(bytes(16), new Uint8Array(16)) });
export type OnDiskId = TypeOf<typeof OnDiskId>;

/** LeaseState, MS-SMB2 2.2.13.2.8. */
export const LeaseState = { None: 0, Read: 1, Handle: 2, Write: 4 } as const;
/** LeaseFlags, MS-SMB2 2.2.13.2.10 and 2.2.14.2.10. */
export const LeaseFlags = { BreakInProgress: 2, ParentLeaseKeySet: 4 } as const;
/** SMB2_CREATE_REQUEST_LEASE and its response, MS-SMB2 2.2.13.2.8. */
export const Lease = struct('Lease', { leaseKey: guid, leaseState: u32, leaseFlags: u32, leaseDuration: optional(id53, 0) });
export type Lease = TypeOf<typeof Lease>;
/** SMB2_CREATE_REQUEST_LEASE_V2 and its response, MS-SMB2 2.2.13.2.10. */
export const LeaseV2 = struct('LeaseV2', {
  leaseKey: guid,
  leaseState: u32,
  leaseFlags: u32,
  leaseDuration: optional(id53, 0),
  parentLeaseKey: guid,
  epoch: u16,
  reserved: reserved(u16),
});
export type LeaseV2 = TypeOf<typeof LeaseV2>;

/** SMB2_CREATE_APP_INSTANCE_ID, MS-SMB2 2.2.13.2.13. */
export const AppInstanceId = struct('AppInstanceId', {
  structureSize: constant(u16, 20),
  reserved: reserved(u16),
  appInstanceId: guid,
});
export type AppInstanceId = TypeOf<typeof AppInstanceId>;
/** SMB2_CREATE_APP_INSTANCE_VERSION, MS-SMB2 2.2.13.2.15. */
export const AppInstanceVersion = struct('AppInstanceVersion', {
  structureSize: constant(u16, 24),
  reserved: reserved(u16),
  padding: reserved(u32),
  appInstanceVersionHigh: u64,
  appInstanceVersionLow: u64,
});
export type AppInstanceVersion = TypeOf<typeof AppInstanceVersion>;
