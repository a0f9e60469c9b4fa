import type { Flows } from '../flows.ts';
import { FlowWords } from '../table/layout.ts';
import { Action } from './action.ts';
import { plain, type TrackedProtocol } from './protocol.ts';

/** Any packet between two hosts, of a protocol without its own tracker. */
function handleGeneric(flows: Flows, flow: number): Action {
  flows.refresh(flow, flows.extras.timeoutsOf(flow * FlowWords, flows.timeouts.generic)[0]!);
  return Action.Count;
}

/** The protocols without a tracker of their own. */
export const generic: TrackedProtocol = { ...plain, handle: (flows, _packet, flow) => handleGeneric(flows, flow) };
