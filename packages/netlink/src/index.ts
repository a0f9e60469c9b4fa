export { Errno, errnoName } from '@ring3/linux';
export { createClient, lost, type NetlinkClient, type Request } from './client/client.ts';
export { kernelLink } from './links/kernel.ts';
export { type MemoryLink, type MemoryLinkOptions, memoryLink } from './links/memory.ts';
export type { NetlinkLink } from './links/netlink-link.ts';
export {
  type ConnectOptions,
  connectUnix,
  listenUnix,
  type UnixNetlinkLink,
  type UnixServer,
  type UnixServerOptions,
  UntrustedListener,
} from './links/unix/index.ts';
export {
  AckFlags,
  align,
  ExtendedAck,
  eachMessage,
  GetFlags,
  headerLength,
  type Message,
  MessageFlags,
  MessageHeader,
  MessageType,
  messages,
  NewFlags,
  PolicyDescription,
  PolicyType,
} from './message.ts';
export { type Extack, NetlinkError } from './netlink-error.ts';
export {
  AttributeSet,
  describePolicy,
  ExtackText,
  isRefusal,
  type PolicyExceptions,
  type Refusal,
  type Validated,
  validate,
  validatePayload,
} from './policy.ts';
export { type AckDetails, acknowledge, done } from './server/acknowledge.ts';
export { Block, familyHeaderLength, type MessageHead } from './server/block.ts';
export { dumpBlockSizes } from './server/netlink-port.ts';
export { allRights, noRights, type Port, PortOption, type PortOptions, type Rights, type SendOptions } from './server/port.ts';
export {
  createServer,
  type NetlinkNumbers,
  type NetlinkServer,
  type NetlinkServerOptions,
  type ServerFault,
  type Trace,
} from './server/server.ts';
export {
  type AnyCommand,
  type Call,
  type Command,
  command,
  type Dump,
  type Slices,
  type SubsystemRows,
  subsystem,
} from './server/subsystem.ts';
