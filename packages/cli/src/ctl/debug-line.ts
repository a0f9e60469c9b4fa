import { type DebugLine, printable } from '@ring3/kit';

/** A debug line as text: the time of day, the switch, the message, and its values. Text from clients is quoted and escaped. */
export function debugLine({ time, debug, what, fields }: DebugLine): string {
  const about = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return printable([new Date(time).toISOString().slice(11, 23), debug === '' ? '-' : debug, what, ...about].join(' '));
}
