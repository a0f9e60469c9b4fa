import type { FlowTable } from '../table/flow-table.ts';
import { FlowWords, ProtocolState } from '../table/layout.ts';

/** Word of a flow: the verification tag of packets of the original direction; that of the reply follows. */
export const Tag = 32;

/** Changes of a flow's SCTP part. */
export interface SctpChange {
  /** Index in `sctpStates`. */
  readonly state?: number;
  /** Verification tags of the original direction and of the reply. */
  readonly tags?: readonly [number, number];
}

/** The content of `CTA_PROTOINFO_SCTP`. */
export interface SctpInfo {
  /** Index in `sctpStates`. */
  readonly state: number;
  /** Verification tags of the original direction and of the reply. */
  readonly tags: readonly [number, number];
}

/** Reads the SCTP part of a flow. */
export function readSctp(table: FlowTable, flow: number): SctpInfo {
  return { state: table.word(flow, ProtocolState) & 15, tags: [table.word(flow, Tag) >>> 0, table.word(flow, Tag + 1) >>> 0] };
}

/** Changes the SCTP part of a flow for a ctnetlink request. */
export function writeSctp(table: FlowTable, flow: number, change: SctpChange): void {
  const base = flow * FlowWords;
  const words = table.words;
  if (change.state !== undefined) words[base + ProtocolState] = (words[base + ProtocolState]! & ~15) | (change.state & 15);
  if (change.tags === undefined) return;
  words[base + Tag] = change.tags[0];
  words[base + Tag + 1] = change.tags[1];
}
