import { FlowWords, Mark, StatusWord, type Tracker, ZoneAndFlags } from '@ring3/conntrack';
import { type AttributeSet, Errno } from '@ring3/netlink';
import type { ConntrackMessage } from '@ring3/nfnetlink';

/** Whether a flow belongs to a list. */
export type FlowFilter = (tracker: Tracker, flow: number) => boolean;

/**
 * What a list or flush is limited to: family, mark, status, zone.
 * @param family AF_INET, AF_INET6, or 0 for both
 * @returns the filter, a positive errno, or undefined where everything belongs
 */
export function filterOf(attributes: AttributeSet<(typeof ConntrackMessage)['table']>, family: number): FlowFilter | number | undefined {
  const tests: FlowFilter[] = [];
  if (family !== 0) tests.push((tracker, flow) => ((tracker.table.words[flow * FlowWords + 3]! >>> 8) & 255) === family);
  const mark = attributes.get('mark');
  const markMask = attributes.get('markMask');
  if (mark === undefined && markMask !== undefined) return Errno.EINVAL;
  if (mark !== undefined) tests.push(masked(Mark, mark, markMask ?? 0xffffffff));
  const status = attributes.get('status');
  const statusMask = attributes.get('statusMask');
  if (status === undefined && statusMask !== undefined) return Errno.EINVAL;
  if (status !== undefined) tests.push(masked(StatusWord, status, statusMask ?? status));
  const zone = attributes.get('zone');
  if (zone !== undefined) tests.push((tracker, flow) => (tracker.table.word(flow, ZoneAndFlags) & 0xffff) === zone);
  if (tests.length === 0) return undefined;
  return (tracker, flow) => tests.every((test) => test(tracker, flow));
}

const masked =
  (offset: number, value: number, mask: number): FlowFilter =>
  (tracker, flow) =>
    ((tracker.table.word(flow, offset) & mask) ^ value) === 0;
