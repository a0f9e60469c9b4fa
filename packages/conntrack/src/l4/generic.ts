import type { Flows } from '../flows.ts';
import { FlowWords } from '../table/layout.ts';
import { Action } from './action.ts';

/** Any packet between two hosts, of a protocol without its own tracker. */
export function handleGeneric(flows: Flows, flow: number): Action {
  flows.refresh(flow, flows.extras.timeoutsOf(flow * FlowWords, flows.timeouts.generic)[0]!);
  return Action.Count;
}
