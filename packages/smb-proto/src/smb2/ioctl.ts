import {
  buffer,
  bytes,
  constant,
  flags,
  guid,
  id53,
  items,
  message,
  named,
  payload,
  reserved,
  struct,
  type TypeOf,
  u16,
  u32,
  u64,
} from '@ring3/wire';
import { scalar } from './scalar.ts';

/** Control codes, MS-SMB2 2.2.31 and MS-FSCC 2.3. */
export const Fsctl = {
  DfsGetReferrals: 0x00060194,
  DfsGetReferralsEx: 0x000601b0,
  SetCompression: 0x0009c040,
  GetCompression: 0x0009003c,
  SetObjectId: 0x00090098,
  GetObjectId: 0x0009009c,
  DeleteObjectId: 0x000900a0,
  SetReparsePoint: 0x000900a4,
  GetReparsePoint: 0x000900a8,
  DeleteReparsePoint: 0x000900ac,
  SetObjectIdExtended: 0x000900bc,
  CreateOrGetObjectId: 0x000900c0,
  SetSparse: 0x000900c4,
  SetZeroData: 0x000980c8,
  QueryAllocatedRanges: 0x000940cf,
  FileLevelTrim: 0x00098208,
  QueryFileRegions: 0x00090284,
  DuplicateExtentsToFile: 0x00098344,
  DuplicateExtentsToFileEx: 0x000983e8,
  GetNtfsVolumeData: 0x00090064,
  IsPathnameValid: 0x0009002c,
  IsVolumeDirty: 0x00090078,
  GetIntegrityInformation: 0x0009027c,
  SetIntegrityInformation: 0x0009c280,
  OffloadRead: 0x00094264,
  OffloadWrite: 0x00098268,
  PipePeek: 0x0011400c,
  PipeWait: 0x00110018,
  PipeTransceive: 0x0011c017,
  SrvCopychunk: 0x001440f2,
  SrvCopychunkWrite: 0x001480f2,
  SrvEnumerateSnapshots: 0x00144064,
  SrvRequestResumeKey: 0x00140078,
  SrvReadHash: 0x001441bb,
  LmrRequestResiliency: 0x001401d4,
  QueryNetworkInterfaceInfo: 0x001401fc,
  ValidateNegotiateInfo: 0x00140204,
} as const;

/** IOCTL Flags, MS-SMB2 2.2.31: 1 for a file system control, else a device control, which is not supported. */
export const IoctlFlags = { IsFsctl: 1 } as const;

/** SMB2 IOCTL Request, MS-SMB2 2.2.31. */
export const IoctlRequest = message(
  'IoctlRequest',
  struct('IoctlRequest.fixed', {
    structureSize: constant(u16, 57),
    reserved: reserved(u16),
    ctlCode: named(u32, Fsctl),
    persistentFileId: id53,
    volatileFileId: id53,
    inputOffset: u32,
    inputCount: u32,
    maxInputResponse: u32,
    outputOffset: u32,
    outputCount: u32,
    maxOutputResponse: u32,
    flags: u32,
    reserved2: reserved(u32),
  }),
  { input: buffer('inputOffset', 'inputCount', { align: 8 }), output: buffer('outputOffset', 'outputCount', { align: 8 }) },
  { before: 64 },
);
export type IoctlRequest = TypeOf<typeof IoctlRequest>;

/** SMB2 IOCTL Response, MS-SMB2 2.2.32. */
export const IoctlResponse = message(
  'IoctlResponse',
  struct('IoctlResponse.fixed', {
    structureSize: constant(u16, 49),
    reserved: reserved(u16),
    ctlCode: named(u32, Fsctl),
    persistentFileId: id53,
    volatileFileId: id53,
    inputOffset: u32,
    inputCount: u32,
    outputOffset: u32,
    outputCount: u32,
    flags: u32,
    reserved2: reserved(u32),
  }),
  { input: buffer('inputOffset', 'inputCount', { align: 8 }), output: payload('outputOffset', 'outputCount') },
  { before: 64 },
);
export type IoctlResponse = TypeOf<typeof IoctlResponse>;

/** NETWORK_RESILIENCY_REQUEST, MS-SMB2 2.2.31.3. `timeout` in milliseconds; 0: the server's default. */
export const NetworkResiliencyRequest = struct('NetworkResiliencyRequest', { timeout: u32, reserved: reserved(u32) });
export type NetworkResiliencyRequest = TypeOf<typeof NetworkResiliencyRequest>;

/** VALIDATE_NEGOTIATE_INFO Request, MS-SMB2 2.2.31.4. */
export const ValidateNegotiateInfoRequest = message(
  'ValidateNegotiateInfoRequest',
  struct('ValidateNegotiateInfoRequest.fixed', { capabilities: u32, guid, securityMode: u16, dialectCount: u16 }),
  { dialects: items({ count: 'dialectCount' }, scalar(u16), { limit: 64 }) },
);
export type ValidateNegotiateInfoRequest = TypeOf<typeof ValidateNegotiateInfoRequest>;
/** VALIDATE_NEGOTIATE_INFO Response, MS-SMB2 2.2.32.6. */
export const ValidateNegotiateInfoResponse = struct('ValidateNegotiateInfoResponse', {
  capabilities: u32,
  guid,
  securityMode: u16,
  dialect: u16,
});
export type ValidateNegotiateInfoResponse = TypeOf<typeof ValidateNegotiateInfoResponse>;

/** Capability of NETWORK_INTERFACE_INFO, MS-SMB2 2.2.32.5. */
export const InterfaceCapability = { Rss: 1, Rdma: 2 } as const;
/** Family of SOCKADDR_STORAGE, MS-SMB2 2.2.32.5.1. */
export const AddressFamily = { InterNetwork: 0x0002, InterNetworkV6: 0x0017 } as const;

/**
 * NETWORK_INTERFACE_INFO, MS-SMB2 2.2.32.5: one address of an interface. The address follows the port in SOCKADDR_IN (4 bytes), and the port and the
 * flow information in SOCKADDR_IN6 (16 bytes); `rest` fills SOCKADDR_STORAGE up to its 128 bytes.
 */
export const NetworkInterfaceInfo = struct('NetworkInterfaceInfo', {
  next: u32,
  ifIndex: u32,
  capability: flags(u32, InterfaceCapability),
  reserved: reserved(u32),
  /** Bits per second. */
  linkSpeed: u64,
  family: named(u16, AddressFamily),
  port: u16,
  /** IPv4Address at its start, or FlowInfo of IPv6: 0. */
  ipv4: bytes(4),
  ipv6: bytes(16),
  rest: bytes(104),
});
export type NetworkInterfaceInfo = TypeOf<typeof NetworkInterfaceInfo>;
