import type { Namespace, Tracker } from '@ring3/conntrack';
import type { Events } from './events.ts';

/** The namespace's tracker, brought to the time of now. */
export function trackerNow({ tracker, clock }: Namespace): Tracker {
  tracker.advance(clock.now());
  return tracker;
}

/** Handlers whose events carry the port id of the program that asked; what time has ended before them, nobody caused. */
export const causing =
  (namespace: Namespace, events: Events) =>
  <C extends { readonly port: { readonly portId: number } }, T>(act: (call: C) => T) =>
  (call: C): T => {
    trackerNow(namespace);
    return events.causedBy(call.port.portId, () => act(call));
  };
