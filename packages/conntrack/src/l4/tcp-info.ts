import type { FlowTable } from '../table/flow-table.ts';
import { FlowWords, ProtocolState } from '../table/layout.ts';
import { Sides } from './tcp-window.ts';

/** Changes of a flow's TCP part. Flags change in the bits of their mask. */
export interface TcpChange {
  /** Index in `tcpStates`. */
  readonly state?: number;
  readonly scales?: readonly [number | undefined, number | undefined];
  readonly flags?: readonly [
    { readonly flags: number; readonly mask: number } | undefined,
    { readonly flags: number; readonly mask: number } | undefined,
  ];
}

/** The content of `CTA_PROTOINFO_TCP`. */
export interface TcpInfo {
  /** Index in `tcpStates`. */
  readonly state: number;
  /** Those of the original direction and of the reply. */
  readonly scales: readonly [number, number];
  /** `TcpFlag` bits. */
  readonly flags: readonly [number, number];
}

/** Reads the TCP part of a flow. */
export function readTcp(table: FlowTable, flow: number): TcpInfo {
  const sides = table.word(flow, Sides);
  return {
    state: table.word(flow, ProtocolState) & 15,
    scales: [(sides >>> 8) & 255, sides >>> 24],
    flags: [sides & 255, (sides >>> 16) & 255],
  };
}

/** Changes the TCP part of a flow for a ctnetlink request. */
export function writeTcp(table: FlowTable, flow: number, change: TcpChange): void {
  const base = flow * FlowWords;
  const words = table.words;
  if (change.state !== undefined) words[base + ProtocolState] = (words[base + ProtocolState]! & ~15) | (change.state & 15);
  for (let direction = 0; direction < 2; direction++) {
    const shift = direction * 16;
    const scale = change.scales?.[direction];
    if (scale !== undefined) words[base + Sides] = (words[base + Sides]! & ~(0xff << (shift + 8))) | (Math.min(scale, 14) << (shift + 8));
    const given = change.flags?.[direction];
    if (given === undefined) continue;
    const mask = (given.mask & 255) << shift;
    words[base + Sides] = (words[base + Sides]! & ~mask) | (((given.flags & 255) << shift) & mask);
  }
}
