export { parseAddress, printAddress } from './address.ts';
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
  ConntrackCommand,
  ConntrackDestroyEvent,
  ConntrackEvent,
  ConntrackMessage,
  ConntrackStats,
  ConntrackStatsCpu,
  CounterAttributes,
  DccpInformation,
  FilterAttributes,
  HelpAttributes,
  NatAttributes,
  NatPorts,
  ProtocolInformation,
  SctpInformation,
  SequenceAdjustment,
  SynproxyAttributes,
  TcpFlagsAndMask,
  TcpInformation,
  TimestampAttributes,
  TupleAttributes,
  TupleIp,
  TupleProto,
} from './ctnetlink/attributes.ts';
export {
  type ConntrackChange,
  type ConntrackEntry,
  type ConntrackFilter,
  type ConntrackStatistics,
  type ConntrackTuple,
  type ConntrackTupleInput,
  CtnetlinkClient,
  readConntrack,
} from './ctnetlink/client.ts';
export { ExpectCommand, ExpectMessage, ExpectNat, ExpectStatsCpu } from './ctnetlink-exp/attributes.ts';
export { CtnetlinkExpClient, type ExpectChange, type ExpectEntry, readExpect } from './ctnetlink-exp/client.ts';
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
export { longestTimeoutSeconds, timeoutFamilies, timeoutFields, timeoutProtocols, timeoutWord } from './cttimeout/words.ts';
export { describeDatagram } from './describe-datagram.ts';
export { FamilyHeader } from './family-header.ts';
export { LogCommand, LogConfig, LogConfigCommand } from './log/attributes.ts';
export { AddressFamily, IpProtocol } from './protocol.ts';
export {
  QueueCommand,
  QueueConfig,
  QueueConfigCommand,
  QueueConfigCommandHeader,
  QueueCopyMode,
  QueueFlags,
  QueueMessage,
  QueuePacketHeader,
  QueueParameters,
  QueueVerdictHeader,
  Verdict,
} from './queue/attributes.ts';
export { type ListenOptions, QueueClient, type QueuedPacket, readQueuedPacket } from './queue/client.ts';
export { Group, messageType, Subsystem } from './subsystem.ts';
export { fromWireName, toWireName } from './wire-name.ts';
