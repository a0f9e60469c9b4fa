import { FlowWords } from '../table/layout.ts';
import type { Tracker } from '../tracker.ts';
import { Action } from './action.ts';

/** Any packet between two hosts, of a protocol without its own tracker. */
export function handleGeneric(tracker: Tracker, flow: number): Action {
  tracker.refresh(flow, tracker.extras.timeoutsOf(flow * FlowWords, tracker.timeouts.generic)[0]!);
  return Action.Count;
}
