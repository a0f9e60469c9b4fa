import { Protocol } from '../engine.ts';
import type { Flows } from '../flows.ts';
import { fold, sumWords } from '../packet/checksum.ts';
import type { Packet } from '../packet/packet.ts';
import { checksumRight, pseudoSum } from '../packet/read.ts';
import { Created, FlowWords, Status, StatusWord } from '../table/layout.ts';
import { Action, EventBit } from './action.ts';
import { portsKey } from './ports.ts';
import { plain, type TrackedProtocol } from './protocol.ts';

const Timeout = { Unreplied: 0, Replied: 1 } as const;
/** Age in milliseconds from which on a replied UDP flow is a stream. Does not apply to UDP-Lite. */
export const streamAge = 2000;

/**
 * RFC 768. A length beyond the packet or below the header is invalid; a length below the packet's is valid.
 * @returns the reason why it is invalid, or undefined
 */
function refuseUdp(packet: Packet, checksum: boolean): string | undefined {
  if (packet.l4There < 8) return 'short packet';
  const length = packet.view.getUint16(packet.l4At + 4, false);
  if (length < 8 || length > packet.l4Length) return 'truncated/malformed packet';
  if (checksum && packet.view.getUint16(packet.l4At + 6, false) !== 0 && !checksumRight(packet, Protocol.Udp, packet.l4Length)) {
    return 'bad checksum';
  }
  return undefined;
}

/**
 * RFC 3828, with one deviation of Linux that ring3 reproduces: the pseudo header is summed with the protocol number of UDP, so correct
 * packets are invalid while checksums are verified.
 */
function refuseUdpLite(packet: Packet, checksum: boolean): string | undefined {
  if (packet.l4There < 8) return 'short packet';
  let coverage = packet.view.getUint16(packet.l4At + 4, false);
  if (coverage === 0) coverage = packet.l4Length;
  else if (coverage < 8 || coverage > packet.l4Length) return 'bad checksum coverage';
  if (packet.view.getUint16(packet.l4At + 6, false) === 0) return 'checksum missing';
  if (!checksum || packet.l4There < packet.l4Length) return undefined;
  const sum = fold(pseudoSum(packet, Protocol.Udp) + sumWords(packet.view, packet.l4At, coverage));
  return sum === 0xffff ? undefined : 'bad checksum';
}

/** Tracks one datagram of a flow. @param age milliseconds after its start from which on a replied flow is assured */
export function handleUdp(flows: Flows, flow: number, age: number): Action {
  const base = flow * FlowWords;
  const timeouts = flows.extras.timeoutsOf(base, flows.timeouts.udp);
  const words = flows.table.words;
  const status = words[base + StatusWord]!;
  const young = age > 0 && !(flows.time[0]! > flows.table.double(flow, Created) + age);
  if ((status & Status.SeenReply) === 0 || young) {
    flows.refresh(flow, timeouts[Timeout.Unreplied]!);
    return Action.Count;
  }
  flows.refresh(flow, timeouts[Timeout.Replied]!);
  if ((status & (Status.Assured | Status.NatClash)) === 0) {
    words[base + StatusWord] = status | Status.Assured;
    flows.happened |= EventBit.Assured;
  }
  return Action.Count;
}

/** RFC 768. */
export const udp: TrackedProtocol = {
  ...plain,
  key: portsKey,
  refuse: refuseUdp,
  handle: (flows, _packet, flow) => handleUdp(flows, flow, streamAge),
};

/** RFC 3828. */
export const udpLite: TrackedProtocol = {
  ...plain,
  key: portsKey,
  refuse: refuseUdpLite,
  handle: (flows, _packet, flow) => handleUdp(flows, flow, 0),
};
