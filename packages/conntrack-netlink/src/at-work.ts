import type { Flows, Namespace } from '@ring3/conntrack';
import type { Events } from './events.ts';

/** The namespace's table, advanced to the current time. */
export function flowsNow({ flows, clock }: Namespace): Flows {
  flows.advance(clock.now());
  return flows;
}

/** Wraps handlers: their events contain the requester's port id. Expired objects are removed first, with port id 0 in their events. */
export const causing =
  (namespace: Namespace, events: Events) =>
  <C extends { readonly port: { readonly portId: number } }, T>(act: (call: C) => T) =>
  (call: C): T => {
    flowsNow(namespace);
    return events.causedBy(call.port.portId, () => act(call));
  };
