export {
  HelperClassAttributes,
  HelperCommand,
  HelperMessage,
  HelperPolicySet,
  HelperStatusCode,
  HelperTupleAttributes,
  helperClassFields,
  helperNameMax,
} from './cthelper/attributes.ts';
export {
  CthelperClient,
  type HelperClassSpecification,
  type HelperSelection,
  type HelperSpecification,
  readHelper,
} from './cthelper/client.ts';
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
