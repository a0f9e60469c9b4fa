import { Protocol } from './engine.ts';
import type { Flows } from './flows.ts';
import { readSctp, type SctpInfo } from './l4/sctp-info.ts';
import { readTcp, type TcpInfo } from './l4/tcp-info.ts';
import {
  BytesOrig,
  BytesReply,
  Created,
  Expiry,
  FlowFlag,
  Id,
  Mark,
  PacketsOrig,
  PacketsReply,
  StatusWord,
  ZoneAndFlags,
} from './table/layout.ts';
import { readTuple, type Tuple } from './tuple.ts';

/** Counters of one direction: packets and IP bytes. */
export interface Counters {
  readonly packets: number;
  readonly bytes: number;
}

/** A snapshot of a flow as an object. */
export interface Flow {
  readonly index: number;
  readonly orig: Tuple;
  readonly reply: Tuple;
  /** `Status` bits. */
  readonly status: number;
  /** Remaining milliseconds; negative if it has expired. */
  readonly leftMs: number;
  /** Time of its start, in milliseconds of the table's time, if timestamps are enabled. */
  readonly startMs: number | undefined;
  /** Original and reply, if accounting is enabled. */
  readonly counters: readonly [Counters, Counters] | undefined;
  readonly mark: number;
  readonly id: number;
  /** The zone's number, and the directions in which it is part of the key. */
  readonly zone: number;
  readonly zoneDirection: 'both' | 'original' | 'reply' | undefined;
  readonly tcp: TcpInfo | undefined;
  readonly sctp: SctpInfo | undefined;
  readonly helper: string | undefined;
  readonly master: Tuple | undefined;
  readonly labels: Uint8Array | undefined;
}

/** Reads the flow at an index. */
export function readFlow(flows: Flows, flow: number): Flow {
  const { table } = flows;
  const flags = table.word(flow, ZoneAndFlags);
  const orig = readTuple(table, flow, 0);
  const master = flows.masterOf(flow);
  const counted = (flags & FlowFlag.Counted) !== 0;
  const zoned = flags & (FlowFlag.ZoneOrig | FlowFlag.ZoneReply);
  return {
    index: flow,
    orig,
    reply: readTuple(table, flow, 1),
    status: table.word(flow, StatusWord),
    leftMs: table.double(flow, Expiry) - flows.now,
    startMs: (flags & FlowFlag.Stamped) !== 0 ? table.double(flow, Created) : undefined,
    counters: counted
      ? [
          { packets: table.double(flow, PacketsOrig), bytes: table.double(flow, BytesOrig) },
          { packets: table.double(flow, PacketsReply), bytes: table.double(flow, BytesReply) },
        ]
      : undefined,
    mark: table.word(flow, Mark) >>> 0,
    id: table.word(flow, Id) >>> 0,
    zone: flags & 0xffff,
    zoneDirection: zoned === 0 ? undefined : zoned === FlowFlag.ZoneOrig ? 'original' : zoned === FlowFlag.ZoneReply ? 'reply' : 'both',
    tcp: orig.protocol === Protocol.Tcp ? readTcp(table, flow) : undefined,
    sctp: orig.protocol === Protocol.Sctp ? readSctp(table, flow) : undefined,
    helper: flows.extras.helperOf(flow)?.name,
    master: master >= 0 ? readTuple(table, master, 0) : undefined,
    labels: flows.extras.labels.get(flow),
  };
}
