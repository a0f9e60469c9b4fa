import type { Flows } from '../flows.ts';
import type { Packet } from '../packet/packet.ts';
import { FlowWords, Status, StatusWord } from '../table/layout.ts';
import { Action, EventBit } from './action.ts';
import { plain, type TrackedProtocol } from './protocol.ts';

const Timeout = { Unreplied: 0, Replied: 1 } as const;
/** GRE_PROTO_PPP, RFC 2637. */
const ppp = 0x880b;

/**
 * The key of a GRE packet, RFC 2784 and RFC 2637: version 0 has none, version 1 has its call id as the destination key.
 * @returns the reason why the packet is invalid, or undefined
 */
function readGre(packet: Packet): string | undefined {
  packet.ports = 0;
  // too short for a version 1 header: it belongs to the flow without a key
  if (packet.l4There < 8) return undefined;
  const first = packet.view.getInt32(packet.l4At, false);
  if (((first >>> 16) & 7) !== 1) return undefined;
  if ((first & 0xffff) !== ppp) return 'unsupported GRE protocol';
  packet.ports = packet.view.getUint16(packet.l4At + 6, false);
  return undefined;
}

// words of a flow: the timeouts at its start, which it keeps
const Own = 32;

/** A flow keeps the timeouts that were in effect at its start: neither a setting nor its policy changes them later. Measured. */
function beginGre(flows: Flows, flow: number): void {
  const base = flow * FlowWords;
  const timeouts = flows.extras.timeoutsOf(base, flows.timeouts.gre);
  flows.table.words[base + Own + Timeout.Unreplied] = timeouts[Timeout.Unreplied]!;
  flows.table.words[base + Own + Timeout.Replied] = timeouts[Timeout.Replied]!;
}

/** Tracks one packet of a flow. The flow is assured as soon as a reply was seen. */
function handleGre(flows: Flows, flow: number): Action {
  const base = flow * FlowWords;
  const words = flows.table.words;
  // a flow that a request created has no timeouts of its own
  if (words[base + Own] === 0 && words[base + Own + 1] === 0) beginGre(flows, flow);
  const status = words[base + StatusWord]!;
  if ((status & Status.SeenReply) === 0) {
    flows.refresh(flow, words[base + Own + Timeout.Unreplied]! >>> 0);
    return Action.Count;
  }
  flows.refresh(flow, words[base + Own + Timeout.Replied]! >>> 0);
  if ((status & Status.Assured) === 0) {
    words[base + StatusWord] = status | Status.Assured;
    flows.happened |= EventBit.Assured;
  }
  return Action.Count;
}

/** RFC 2784 and RFC 2637. */
export const gre: TrackedProtocol = {
  ...plain,
  key: readGre,
  begin: (flows, _packet, flow) => beginGre(flows, flow),
  handle: (flows, _packet, flow) => handleGre(flows, flow),
};
