export { classOf, directionOf, flowOf } from './answer.ts';
export { Batch, batchSize } from './batch.ts';
export { DefaultTimeouts, secondsOf, TimeoutProtocol, ticksOf } from './default-timeouts.ts';
export type { EngineContext, HelperRef, TimeoutPolicyRef, Timeouts, TimeoutTables } from './engine.ts';
export { Family, Protocol } from './engine.ts';
export type { EventSink, FlowEvent } from './event-sink.ts';
export type { ExpectationList } from './expect.ts';
export {
  type Expectation,
  type ExpectationEvent,
  type ExpectationRefusal,
  type ExpectationRequest,
  ExpectEventBit,
  ExpectFlag,
} from './expectation.ts';
export { type Counters, type Flow, readFlow } from './flow.ts';
export type { FlowEvents } from './flow-events.ts';
export type { SequenceAdjustment, SequenceAdjustments, SynproxyNumbers } from './flow-extras.ts';
export type { FlowEnd, FlowOwner } from './flow-owners.ts';
export type { Companion, Flows, FlowsOptions } from './flows.ts';
export type { HeldPacket, HeldPackets, HookDecision, QueueOutlet, Released } from './held.ts';
export {
  type HelperClass,
  type HelperRefusal,
  type HelperRequest,
  HelperStatus,
  Helpers,
  type HelperTuple,
  UserHelper,
} from './helper.ts';
export { Host } from './host.ts';
export { EventBit } from './l4/action.ts';
export { icmpHasReply } from './l4/icmp-types.ts';
export { icmpv6HasReply } from './l4/icmpv6-types.ts';
export { readSctp, type SctpChange, type SctpInfo, writeSctp } from './l4/sctp-info.ts';
export * as sctpTable from './l4/sctp-states.ts';
export { sctpStates } from './l4/sctp-states.ts';
export { readTcp, type TcpChange, type TcpInfo, writeTcp } from './l4/tcp-info.ts';
export { TcpFlag } from './l4/tcp-segment.ts';
export * as tcpTable from './l4/tcp-states.ts';
export { tcpStates } from './l4/tcp-states.ts';
export {
  addStatus,
  adjustSequence,
  createFlow,
  deleteFlows,
  dropHelper,
  FlowDeletion,
  type FlowRequest,
  findFlow,
  nextFlow,
  setMark,
  setSynproxy,
  zeroCounters,
} from './manage.ts';
export { type Endpoint, MirroredConnection, type MirrorOwner } from './mirror.ts';
export { createNamespace, Namespace, type NamespaceOptions } from './namespace.ts';
export { PacketClass } from './packet/packet.ts';
export { type Profile, type ProfileName, profiles } from './profile.ts';
export type { PortRange, Prefix, Rule, RuleMatch, RuleRefusal, Rules, RuleTarget } from './rules.ts';
export { defaultSettings, type Settings } from './settings.ts';
export { Statistics } from './statistics.ts';
export { Sysctls, sysctlNames } from './sysctl.ts';
export {
  BytesOrig,
  BytesReply,
  Created,
  Ended,
  Expiry,
  FlowDoubles,
  FlowFlag,
  FlowWords,
  Id,
  Mark,
  PacketsOrig,
  PacketsReply,
  Status,
  StatusWord,
  ZoneAndFlags,
} from './table/layout.ts';
export {
  type GivenTimeouts,
  type PolicyFailure,
  type PolicySpecification,
  setTimeouts,
  TimeoutPolicies,
  TimeoutPolicy,
} from './timeout-policy.ts';
export { Tracker, type TrackerOptions } from './tracker.ts';
export type { Translation, TranslationRange } from './translate.ts';
export { invert, readTuple, sameTuple, type Tuple } from './tuple.ts';
