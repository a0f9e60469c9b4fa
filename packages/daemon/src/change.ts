import { isDeepStrictEqual } from 'node:util';

/** One difference between the previous configuration and the present one. */
export interface Change {
  /** `share photos`, `server`, `user anna`, … */
  readonly what: string;
  readonly how: 'added' | 'removed' | 'changed';
  /** The keys that changed. */
  readonly keys?: readonly string[];
  /** When it takes effect: now for all clients, for new connections, at the next `ring3 ctl start`, or when the process is restarted. */
  readonly holds: 'now' | 'new connections' | 'next start' | 'restart';
}

/** The result of a reload. */
export interface Reloaded {
  readonly changes: readonly Change[];
  /** Warnings about valid settings that ring3 does not apply, one line each. */
  readonly warnings: readonly string[];
}

/** The keys whose values differ between two objects. */
export function differing(before: object, after: object): string[] {
  const [a, b] = [before, after] as Record<string, unknown>[];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => !isDeepStrictEqual(a?.[name], b?.[name])).sort();
}

/** The changes between two lists of named objects. @param holds when a change of an object takes effect */
export function keyed(
  kind: string,
  before: Iterable<readonly [string, object]>,
  after: Iterable<readonly [string, object]>,
  holds: Change['holds'] = 'now',
): Change[] {
  const was = new Map(before);
  const is = new Map(after);
  const changes: Change[] = [];
  for (const [name, value] of is) {
    const old = was.get(name);
    const keys = old === undefined ? [] : differing(old, value);
    if (old === undefined) changes.push({ what: `${kind} ${name}`, how: 'added', holds: 'now' });
    else if (keys.length > 0) changes.push({ what: `${kind} ${name}`, how: 'changed', keys, holds });
  }
  for (const name of was.keys()) if (!is.has(name)) changes.push({ what: `${kind} ${name}`, how: 'removed', holds });
  return changes;
}
