import { type DebugLine, printable } from '@ring3/kit';

/** A debug line for people: the time of day, the switch, what it says, and about what. Whatever a client sent stands in quotes, escaped. */
export function debugLine({ time, debug, what, fields }: DebugLine): string {
  const about = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return printable([new Date(time).toISOString().slice(11, 23), debug === '' ? '-' : debug, what, ...about].join(' '));
}
