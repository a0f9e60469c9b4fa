import {
  addStatus,
  adjustSequence,
  dropHelper,
  EventBit,
  FlowFlag,
  type Flows,
  Mark,
  type Namespace,
  Protocol,
  readTuple,
  type SctpChange,
  Status,
  StatusWord,
  setMark,
  setSynproxy,
  type TcpChange,
  tcpStates,
  writeSctp,
  writeTcp,
  ZoneAndFlags,
} from '@ring3/conntrack';
import { type AttributeSet, Errno, isRefusal } from '@ring3/netlink';
import { type ConntrackMessage, HelpAttributes, ProtocolInformation, SctpInformation, TcpInformation } from '@ring3/nfnetlink';
import { sequenceChange, synproxyOf } from './extensions.ts';

type ConntrackAttributes = AttributeSet<(typeof ConntrackMessage)['table']>;

/** Status bits that no request may change: EBUSY. */
const fixedStatus = Status.Expected | Status.Confirmed | Status.Dying;
/** Status bits that a request may set but not clear. */
const oneWay = Status.SeenReply | Status.Assured;
/** Status bits that a request sets. */
export const settableStatus = Status.SeenReply | Status.Assured | Status.FixedTimeout | Status.Helper;

/** The changes of a request, for a single event. */
export const changedBits =
  EventBit.Reply |
  EventBit.Assured |
  EventBit.Helper |
  EventBit.ProtoInfo |
  EventBit.SeqAdj |
  EventBit.Mark |
  EventBit.Label |
  EventBit.SynProxy;

/** CTA_TIMEOUT in seconds, limited to 2^31 − 1 ticks. */
export const expirySeconds = (seconds: number, hz: number): number => Math.min(seconds, 0x7fffffff / hz);

/** CTA_HELP: the name, and the private data. @returns them, a positive errno, or undefined if CTA_HELP is absent */
export function helpOf(
  attributes: ConntrackAttributes,
): { readonly name: string; readonly info: Uint8Array | undefined } | number | undefined {
  if (!attributes.has('help')) return undefined;
  const found = attributes.within('help', HelpAttributes);
  if (isRefusal(found)) return found.errno;
  const name = found.get('name');
  return name === undefined ? Errno.EINVAL : { name, info: found.get('info') };
}

/** Applies CTA_STATUS to a flow's status. @returns the bits to add, or -1 if the change is rejected */
export function statusChange(before: number, wanted: number): number {
  const changed = before ^ wanted;
  if ((changed & fixedStatus) !== 0) return -1;
  if ((changed & oneWay & before) !== 0) return -1;
  return wanted & settableStatus;
}

/** CTA_PROTOINFO for a protocol. @returns the change, a positive errno, or undefined if it is absent */
export function protocolChange(
  attributes: ConntrackAttributes,
  protocol: number,
): { readonly tcp?: TcpChange; readonly sctp?: SctpChange } | number | undefined {
  if (!attributes.has('protoinfo')) return undefined;
  const information = attributes.within('protoinfo', ProtocolInformation);
  if (isRefusal(information)) return information.errno;
  if (protocol === Protocol.Tcp) {
    if (!information.has('tcp')) return undefined;
    const tcp = information.within('tcp', TcpInformation);
    if (isRefusal(tcp)) return tcp.errno;
    const state = tcp.get('state');
    if (state !== undefined && state >= tcpStates.length) return Errno.ERANGE;
    const flags = [tcp.get('flagsOriginal'), tcp.get('flagsReply')] as const;
    const scales = [tcp.get('scaleOriginal'), tcp.get('scaleReply')] as const;
    if (scales.some((scale) => scale !== undefined && scale > mostScale)) return Errno.ERANGE;
    return { tcp: { ...(state === undefined ? {} : { state }), flags, ...scaleChange(flags, scales) } };
  }
  if (protocol === Protocol.Sctp) {
    if (!information.has('sctp')) return undefined;
    const sctp = information.within('sctp', SctpInformation);
    if (isRefusal(sctp)) return sctp.errno;
    const state = sctp.get('state');
    const original = sctp.get('tagOriginal');
    const reply = sctp.get('tagReply');
    if (state !== undefined && state > lastSctpState) return Errno.ERANGE;
    if (state === undefined || original === undefined || reply === undefined) return Errno.EINVAL;
    return { sctp: { state, tags: [original, reply] } };
  }
  return undefined;
}

/** SCTP_CONNTRACK_HEARTBEAT_SENT, uapi nf_conntrack_sctp.h: the last used state. */
const lastSctpState = 8;
const windowScale = 1;
/** TCP_MAX_WSCALE, RFC 7323. */
const mostScale = 14;

/** Window scales are used if both are present and both sides have the window scale flag. */
function scaleChange(
  flags: readonly [{ flags: number; mask: number } | undefined, { flags: number; mask: number } | undefined],
  scales: readonly [number | undefined, number | undefined],
): Pick<TcpChange, 'scales'> {
  const scaled = flags.every((one) => one !== undefined && (one.flags & one.mask & windowScale) !== 0);
  return scaled && scales[0] !== undefined && scales[1] !== undefined ? { scales } : {};
}

/** Changes a flow for a NEW without NLM_F_EXCL. Stops at the first rejected attribute. @returns 0 or a positive errno */
export function changeFlow(namespace: Namespace, flow: number, attributes: ConntrackAttributes, protocol: number): number {
  const { flows } = namespace;
  // only new flows can be translated or expected
  if (attributes.has('natSrc') || attributes.has('natDst') || attributes.has('tupleMaster')) return Errno.EOPNOTSUPP;
  const helped = changeHelp(namespace, flow, attributes);
  if (helped !== 0) return helped;
  const timeout = attributes.get('timeout');
  if (timeout !== undefined && (flows.table.word(flow, StatusWord) & Status.FixedTimeout) !== 0) return Errno.EPERM;
  if (timeout !== undefined) flows.setExpiry(flow, expirySeconds(timeout, namespace.hz) * 1000);
  const status = attributes.get('status');
  if (status !== undefined) {
    const added = statusChange(flows.table.word(flow, StatusWord), status);
    if (added < 0) return Errno.EBUSY;
    addStatus(flows, flow, added);
  }
  const change = protocolChange(attributes, protocol);
  if (typeof change === 'number') return change;
  if (change?.tcp !== undefined) writeTcp(flows.table, flow, change.tcp);
  if (change?.sctp !== undefined) writeSctp(flows.table, flow, change.sctp);
  changeMark(flows, flow, attributes);
  const { made, errno } = sequenceChange(attributes);
  if (made !== undefined) adjustSequence(flows, flow, made);
  if (errno !== 0) return errno;
  const synproxy = synproxyOf(attributes);
  if (typeof synproxy === 'number') return synproxy;
  if (synproxy !== undefined) setSynproxy(flows, flow, synproxy);
  return changeLabels(flows, flow, attributes);
}

/** CTA_LABELS and CTA_LABELS_MASK: a multiple of 32 bits; only for flows that have labels. @returns 0 or a positive errno */
function changeLabels(flows: Flows, flow: number, attributes: ConntrackAttributes): number {
  const given = attributes.bytes('labels');
  if (given === undefined) return 0;
  const mask = attributes.bytes('labelsMask');
  if (given.length % 4 !== 0 || (mask !== undefined && (mask.length === 0 || mask.length !== given.length))) return Errno.EINVAL;
  const labels = flows.extras.labels.get(flow);
  if (labels === undefined) return Errno.ENOSPC;
  for (let i = 0; i < labels.length; i++) {
    const counts = i >= given.length ? 0 : (mask?.[i] ?? 0xff);
    labels[i] = (labels[i]! & ~counts) | ((given[i] ?? 0) & counts);
  }
  return 0;
}

function changeMark(flows: Flows, flow: number, attributes: ConntrackAttributes): void {
  const mark = attributes.get('mark');
  if (mark === undefined) return;
  const kept = ~(attributes.get('markMask') ?? 0xffffffff);
  setMark(flows, flow, (flows.table.word(flow, Mark) & kept) ^ mark);
}

function changeHelp(namespace: Namespace, flow: number, attributes: ConntrackAttributes): number {
  const { flows } = namespace;
  const help = helpOf(attributes);
  if (help === undefined || typeof help === 'number') return help ?? 0;
  const helper = flows.extras.helperOf(flow);
  if (flows.masterOf(flow) >= 0) return Errno.EBUSY;
  if (help.name === '') {
    dropHelper(flows, flow);
    return 0;
  }
  const { family, protocol } = readTuple(flows.table, flow, 0);
  const wanted = namespace.findNamedHelper(help.name, family, protocol);
  const helped = (flows.table.word(flow, ZoneAndFlags) & FlowFlag.Helped) !== 0;
  if (wanted === undefined || !helped) return Errno.EOPNOTSUPP;
  if (helper !== wanted) return Errno.EBUSY;
  if (help.info !== undefined) flows.extras.writeHelperData(flow, help.info);
  return 0;
}
