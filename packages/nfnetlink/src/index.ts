export {
  AnyTimeouts,
  DccpTimeouts,
  GenericTimeouts,
  GreTimeouts,
  IcmpTimeouts,
  Icmpv6Timeouts,
  SctpTimeouts,
  TcpTimeouts,
  TimeoutCommand,
  TimeoutMessage,
  TimeoutMessages,
  TimeoutTables,
  timeoutNameMax,
  UdpTimeouts,
} from './cttimeout/attributes.ts';
export { CttimeoutClient, type NewTimeoutPolicy, readTimeoutPolicy, type TimeoutPolicy, type TimeoutValues } from './cttimeout/client.ts';
export { FamilyHeader } from './family-header.ts';
export { LogCommand, LogConfig, LogConfigCommand } from './log/attributes.ts';
export { AddressFamily, IpProtocol } from './protocol.ts';
export { Group, messageType, Subsystem } from './subsystem.ts';
